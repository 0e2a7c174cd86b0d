// The arithmetic of adaptive softmax: layouts, costs, and cutoffs against all that there are.

import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertLess, assertLessOrEqual, assertThrows } from "@std/assert";
import { adaptiveShapes } from "../mod.ts";
import { type AdaptiveOptions, adaptiveSoftmax, bestCutoffs, layoutOf } from "../src/cost/adaptive.ts";

const VOCAB = fc.integer({ min: 1, max: 300_000 });
const HIDDEN = fc.option(fc.integer({ min: 1, max: 8192 }), { nil: undefined });
const EXPONENT = fc.integer({ min: 0, max: 3072 }).map((k) => k / 1024);
const CLUSTERS = fc.integer({ min: 0, max: 5 });

/** Rounding of sums of a few hundred thousand terms. */
const ROUNDING = 1e-12;

/** Relative frequencies under Zipf's law, added from the smallest on. */
function zipf(vocab: number, exponent: number): Float64Array {
  return Float64Array.from({ length: vocab }, (_, i) => (i + 1) ** -exponent);
}

/** Shares of the head and of each cluster, by adding what falls into them. */
function sharesOf(counts: ArrayLike<number>, cutoffs: readonly number[]): number[] {
  const sorted = Array.from(counts).sort((a, b) => b - a), bounds = [0, ...cutoffs, sorted.length];
  const sum = (of: readonly number[]) => of.reduceRight((sum, count) => sum + count, 0);
  return bounds.slice(1).map((end, i) => sum(sorted.slice(bounds[i], end)) / sum(sorted));
}

/** The textbook's flops, written out. */
function flopsOf(counts: ArrayLike<number>, cutoffs: readonly number[], hidden?: number, fixed = 0, ratio = 4): number {
  const [, ...shares] = sharesOf(counts, cutoffs), head = (cutoffs[0] ?? counts.length) + cutoffs.length;
  return shares.reduce((sum, share, i) => {
    const columns = (cutoffs[i + 1] ?? counts.length) - cutoffs[i];
    if (hidden === undefined) return sum + fixed + share * columns;
    const width = Math.max(1, Math.floor(hidden / ratio ** (i + 1)));
    return sum + fixed + share * (2 * hidden * width + 2 * width * columns);
  }, hidden === undefined ? head : 2 * hidden * head);
}

/** The fewest logits that one or two cutoffs of falling counts leave. */
function leastOfPairs(counts: ArrayLike<number>): number {
  const vocab = counts.length, sums = new Float64Array(vocab + 1);
  for (let i = 0; i < vocab; i++) sums[i + 1] = sums[i] + counts[i];
  const logits = (begin: number, end: number) => (sums[end] - sums[begin]) / sums[vocab] * (end - begin);
  let least = Infinity;
  for (let first = 1; first < vocab; first++) {
    least = Math.min(least, first + 1 + logits(first, vocab));
    for (let second = first + 1; second < vocab; second++) {
      least = Math.min(least, first + 2 + logits(first, second) + logits(second, vocab));
    }
  }
  return least;
}

/** All rising cutoffs below `vocab`, at most `clusters` of them. */
function* everyCutoffs(vocab: number, clusters: number, least = 1): Generator<number[]> {
  yield [];
  for (let first = least; clusters > 0 && first < vocab; first++) {
    for (const others of everyCutoffs(vocab, clusters - 1, first + 1)) yield [first, ...others];
  }
}

Deno.test("adaptiveSoftmax() has the layout and the weights of PyTorch's module", () => {
  const cost = adaptiveSoftmax({ vocab: 20, hidden: 16, cutoffs: [5, 10, 15] });
  assertEquals(cost.headColumns, 8);
  assertEquals(cost.clusters.map(({ columns, width }) => [columns, width]), [[5, 4], [5, 1], [5, 1]]);
  assertEquals(cost.parameters, 16 * 8 + (16 * 4 + 4 * 5) + (16 + 5) + (16 + 5));
  assertEquals([cost.fullParameters, cost.fullFlopsPerRow], [320, 640]);
});

Deno.test("adaptiveSoftmax() of classes that are all alike costs what can be counted by hand", () => {
  const cost = adaptiveSoftmax({ vocab: 10, hidden: 8, cutoffs: [2, 6], divValue: 2, exponent: 0, fixedFlops: 3 });
  assertEquals(cost.shares.map((share) => Math.round(1e9 * share) / 1e9), [0.2, 0.4, 0.4]);
  assertAlmostEquals(cost.flopsPerRow, 2 * 8 * 4 + 0.4 * 2 * 4 * (8 + 4) + 0.4 * 2 * 2 * (8 + 4) + 2 * 3, 1e-9);
  assertAlmostEquals(cost.logitsPerRow, 4 + 0.4 * 4 + 0.4 * 4, 1e-9);
  assertAlmostEquals(cost.speedup, 160 / cost.flopsPerRow, 1e-9);
});

Deno.test("adaptiveSoftmax() knows Zipf's law as adding its terms does", () => {
  for (const exponent of [0, 0.5, 1 - 1e-9, 1, 1 + 1e-9, 1.7, 5]) {
    const cutoffs = [1, 200, 512, 513, 600, 40_000];
    const { shares } = adaptiveSoftmax({ vocab: 100_000, exponent, cutoffs });
    const wanted = sharesOf(zipf(100_000, exponent), cutoffs);
    wanted.forEach((share, i) => assertAlmostEquals(shares[i], share, ROUNDING, `${exponent}, ${i}`));
  }
});

Deno.test("adaptiveSoftmax() shares rows out, and costs what its parts cost", () => {
  const options = fc.record({ vocab: VOCAB, hidden: HIDDEN, exponent: EXPONENT, clusters: CLUSTERS });
  fc.assert(fc.property(options, fc.nat({ max: 1_000_000 }), (options, fixedFlops) => {
    const cost = adaptiveSoftmax({ ...options, fixedFlops });
    const free = adaptiveSoftmax({ ...options, cutoffs: cost.cutoffs });
    assertAlmostEquals(cost.shares.reduce((sum, share) => sum + share, 0), 1, ROUNDING);
    assert(cost.shares.every((share) => share >= 0 && share <= 1));
    assertEquals(cost.shares.slice(1), cost.clusters.map(({ share }) => share));
    const columns = cost.clusters.reduce((sum, { columns }) => sum + columns, cost.headColumns);
    assertEquals(columns, options.vocab + cost.clusters.length);
    assertAlmostEquals(cost.flopsPerRow / (free.flopsPerRow + fixedFlops * cost.clusters.length), 1, ROUNDING);
    assert(cost.speedup >= 1 - ROUNDING, `a gain of ${cost.speedup}`);
    if (options.hidden === undefined) assertEquals(free.flopsPerRow, free.logitsPerRow);
  }));
});

Deno.test("adaptiveSoftmax() costs no less with more classes, wider states or fewer clusters to choose from", () => {
  const grown = fc.nat({ max: 5000 });
  fc.assert(fc.property(VOCAB, fc.integer({ min: 1, max: 4096 }), CLUSTERS, grown, (vocab, hidden, clusters, more) => {
    const flops = (options: AdaptiveOptions) => adaptiveSoftmax(options).flopsPerRow;
    const assertRising = (less: number, more: number) => assertLessOrEqual(less, more * (1 + ROUNDING));
    assertRising(flops({ vocab, clusters }), flops({ vocab: vocab + more, clusters }));
    const sizes = { vocab, hidden, clusters };
    assertRising(flops(sizes), flops({ ...sizes, hidden: hidden + more }));
    assertRising(flops(sizes), flops({ ...sizes, clusters: Math.max(0, clusters - 1) }));
    const large = { hidden, vocab: vocab + hidden };
    assertRising(flops(large), flops({ ...large, vocab: large.vocab + more }));
  }));
});

Deno.test("adaptiveSoftmax() may cost less with one class more in a vocabulary smaller than the states", () => {
  const [six, five] = [6, 5].map((vocab) => adaptiveSoftmax({ vocab, hidden: 30 }));
  assertAlmostEquals(five.flopsPerRow, flopsOf(zipf(5, 1), five.cutoffs, 30), 1e-9);
  assertLess(six.flopsPerRow, five.flopsPerRow);
});

Deno.test("adaptiveSoftmax() by counts in any order is the law that the counts follow", () => {
  const counts = zipf(1000, 1).map((_, i) => 1 / ((i * 7) % 1000 + 1));
  const options = { vocab: 1000, hidden: 64, clusters: 3 };
  const byCounts = adaptiveSoftmax({ ...options, counts, exponent: 2 }), byLaw = adaptiveSoftmax(options);
  assertEquals(byCounts.cutoffs, byLaw.cutoffs);
  assertAlmostEquals(byCounts.flopsPerRow / byLaw.flopsPerRow, 1, ROUNDING);
});

Deno.test("bestCutoffs() are the best of all cutoffs, under Zipf's law and by counts", () => {
  const counts = fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 24 }).filter((all) => all.some(Boolean));
  const frequencies = fc.oneof(
    counts.map((counts) => ({ counts, given: { counts } })),
    fc.record({ vocab: fc.integer({ min: 1, max: 24 }), exponent: EXPONENT })
      .map(({ vocab, exponent }) => ({ counts: [...zipf(vocab, exponent)], given: { exponent } })),
  );
  const hidden = fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined });
  const fixed = fc.constantFrom(0, 0.5, 20);
  fc.assert(fc.property(frequencies, hidden, fc.integer({ min: 0, max: 3 }), fixed, (of, hidden, clusters, fixed) => {
    const { counts, given } = of;
    const found = bestCutoffs({ vocab: counts.length, hidden, clusters, fixedFlops: fixed, ...given });
    let least = Infinity;
    for (const cutoffs of everyCutoffs(counts.length, clusters)) {
      least = Math.min(least, flopsOf(counts, cutoffs, hidden, fixed));
    }
    assertAlmostEquals(flopsOf(counts, found, hidden, fixed) / least, 1, ROUNDING);
  }));
});

Deno.test("bestCutoffs() are the best of all pairs where the law leaves most of them untried", () => {
  for (const exponent of [0.6, 1, 1.4]) {
    const { logitsPerRow } = adaptiveSoftmax({ vocab: 1500, exponent });
    assertAlmostEquals(logitsPerRow, leastOfPairs(zipf(1500, exponent)), 1e-9);
  }
});

Deno.test("bestCutoffs() are the best of all pairs where counts follow no law", () => {
  for (const common of [40, 103, 500]) {
    const counts = Array.from({ length: 900 }, (_, i) => i < common ? 100 : 1);
    assertAlmostEquals(adaptiveSoftmax({ vocab: 900, counts }).logitsPerRow, leastOfPairs(counts), 1e-9);
  }
});

Deno.test("bestCutoffs() beat customary ones over GPT-2's vocabulary, and none near them is better", () => {
  const sizes = { vocab: 50_257, hidden: 768 };
  const flops = (cutoffs: readonly number[]) => adaptiveSoftmax({ ...sizes, cutoffs }).flopsPerRow;
  const [first, second] = bestCutoffs(sizes), least = flops([first, second]);
  for (const customary of [[2000, 10_000], [10_000, 30_000], [4000], []]) assertLess(least, flops(customary));
  for (const [a, b] of [[-1, 0], [1, 0], [0, -1], [0, 1], [-1, -1], [1, 1], [-7, 90], [7, -90]]) {
    assertLess(least, flops([first + a, second + b]));
  }
});

Deno.test("bestCutoffs() opens no cluster that costs more to start than it saves", () => {
  const sizes = { vocab: 50_257, hidden: 64, clusters: 3 };
  assertEquals(bestCutoffs(sizes).length, 3);
  assertEquals(bestCutoffs({ ...sizes, fixedFlops: 2 * 64 * 50_257 }), []);
  assertEquals([1, 2].map((vocab) => bestCutoffs({ vocab })), [[], []]);
});

Deno.test("layoutOf() leaves the more logits the more classes there are", () => {
  const sizes = new Set<number>();
  for (let vocab = 1; vocab <= 300_000; vocab += Math.max(1, Math.floor(vocab / 300))) sizes.add(vocab).add(vocab + 1);
  let before = 0;
  for (const vocab of [...sizes].sort((a, b) => a - b)) {
    const { logitsPerRow } = layoutOf(vocab, undefined);
    assertLess(before, logitsPerRow, `vocab ${vocab}`);
    before = logitsPerRow;
  }
});

Deno.test("layoutOf() takes cutoffs as they are, and vocabularies of any size", () => {
  const { cutoffs, headColumns, clusters } = layoutOf(100, [10, 40]);
  assertEquals([cutoffs, headColumns, clusters.map(({ columns }) => columns)], [[10, 40], 12, [30, 60]]);
  assertEquals(layoutOf(1, undefined).logitsPerRow, 1);
  const huge = layoutOf(2 ** 50, undefined);
  assertLess(huge.logitsPerRow, 2 ** 49);
  assert(huge.clusters.every(({ share }) => share > 0 && share < 1));
});

Deno.test("adaptiveSoftmax() and bestCutoffs() name what they refuse", () => {
  const ranges: readonly (readonly [options: object, named: string])[] = [
    [{ vocab: 0 }, "vocab is 0"],
    [{ vocab: 2 ** 53 }, "vocab is 9007199254740992"],
    [{ vocab: 10.5 }, "vocab is 10.5"],
    [{ vocab: 10, hidden: NaN }, "hidden is NaN"],
    [{ vocab: 2 ** 30, hidden: 2 ** 30 }, "the flops of the full softmax is"],
    [{ vocab: 10, clusters: -1 }, "clusters is -1"],
    [{ vocab: 10, clusters: 65 }, "clusters is 65"],
    [{ vocab: 10, divValue: 0.5 }, "divValue is 0.5"],
    [{ vocab: 10, exponent: 11 }, "exponent is 11"],
    [{ vocab: 10, fixedFlops: -3 }, "fixedFlops is -3"],
    [{ vocab: 2, counts: [1, -1] }, "counts[1] is -1"],
    [{ vocab: 2, counts: [NaN, 1] }, "counts[0] is NaN"],
    [{ vocab: 2, counts: [0, 0] }, "the sum of counts is 0"],
    [{ vocab: 2, counts: [1, Infinity] }, "the sum of counts is Infinity"],
  ];
  const types: typeof ranges = [
    [{}, "vocab is undefined"],
    [{ vocab: "10" }, 'vocab is "10"'],
    [{ vocab: 10, hiden: 4 }, '"hiden"'],
    [{ vocab: 3, counts: [1, 2] }, "counts has 2 elements, vocab is 3"],
    [{ vocab: 3, counts: 7 }, "counts has no elements"],
    [{ vocab: 2, counts: [1, "2"] }, 'counts[1] is "2"'],
  ];
  for (const [name, compute] of Object.entries({ adaptiveSoftmax, bestCutoffs })) {
    const call = (options: object) => () => compute(options as AdaptiveOptions);
    for (const [options, named] of ranges) assertThrows(call(options), RangeError, `Cannot compute ${name}: ${named}`);
    for (const [options, named] of types) {
      const error = assertThrows(call(options), TypeError, named);
      assert(error.message.startsWith(`Cannot compute ${name}: `), error.message);
    }
  }
  assertThrows(() => adaptiveSoftmax({ vocab: 10, cutoffs: [3, 3] }), RangeError, "cutoffs[1] is 3");
  assertThrows(() => adaptiveSoftmax({ vocab: 10, cutoffs: [10] }), RangeError, "cutoffs[0] is 10");
  assertThrows(() => bestCutoffs({ vocab: 10, cutoffs: [3] } as AdaptiveOptions), TypeError, '"cutoffs"');
  const weights = { vocab: 20, hidden: 2 ** 47, divValue: 1, cutoffs: [1] };
  assertThrows(() => adaptiveSoftmax(weights), RangeError, "the number of parameters is");
});

Deno.test("clusters are planned as wide as adaptiveShapes() makes them", () => {
  // 11 / 1.1 is 10 when it is rounded, and 9 whole times 1.1 fit into 11
  const cutoffs = [3, 7, 11], sizes = { vocab: 20, cutoffs };
  for (const [hidden, divValue] of [[11, 1.1], [768, 4], [100, 3], [5, 4]]) {
    const planned = adaptiveSoftmax({ ...sizes, hidden, divValue }).clusters.map(({ width }) => width);
    assertEquals(planned, adaptiveShapes({ ...sizes, hidden, divValue }).tails.map(({ projection }) => projection[0]));
  }
});
