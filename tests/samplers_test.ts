// What classes are drawn by: the generator's words, distributions, draws with and without replacement, expected counts.

import { assertAlmostEquals, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { type Distribution, logUniform, uniform, unigram } from "../src/sampling/distribution.ts";
import { type Drawn, drawWithoutReplacement, drawWithReplacement } from "../src/sampling/draw.ts";
import { Random } from "../src/sampling/random.ts";

Deno.test("the generator gives the words of xoshiro128** 1.1 and splitmix32", () => {
  const random = new Random([1, 2, 3, 4]);
  // By xoshiro128starstar.c of its authors, compiled
  const words = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804];
  assertEquals(words.map(() => random.word()), words);
  const state = [1684164658, 3653269916, 2939563536, 2141751570] as const, seeded = Random.ofSeed(0);
  const same = new Random(state);
  assertEquals(words.map(() => seeded.word()), words.map(() => same.word()));
});

/** Σ (found − expected)² / expected. */
function chiSquare(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  return Array.from(found, (n, i) => (n - expected[i]) ** 2 / expected[i]).reduce((a, b) => a + b, 0);
}

/** Asserts counts as likely as not by a chi-square: its mean is the degrees of freedom, its variance twice that. */
function assertLikely(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  const freedom = found.length - 1;
  assertLess(chiSquare(found, expected), freedom + 4 * Math.sqrt(2 * freedom), what);
}

function countsOf(ids: Iterable<number>, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (const id of ids) counts[id]++;
  return counts;
}

function times(count: number, value: (index: number) => number): number[] {
  return Array.from({ length: count }, (_, i) => value(i));
}

Deno.test("numbers below a bound, uniform and exponential are likely", () => {
  const random = Random.ofSeed(1), draws = 30_000;
  for (const bound of [3, 7, 3 * 2 ** 30, 2 ** 32]) {
    const parts = Math.min(bound, 3),
      found = countsOf(
        times(draws, () => Math.floor(random.below(bound) / bound * parts)),
        parts,
      );
    // Of 7 numbers the first third has 3, the others 2 each
    const shares = bound === 7 ? [3 / 7, 2 / 7, 2 / 7] : times(parts, () => 1 / parts);
    assertLikely(found, shares.map((share) => share * draws), `below ${bound}`);
  }
  const uniforms = countsOf(times(draws, () => Math.floor(20 * random.uniform())), 20);
  assertLikely(uniforms, times(20, () => draws / 20), "uniform");
  const exponentials = countsOf(times(draws, () => Math.floor(20 * Math.exp(-random.exponential()))), 20);
  assertLikely(exponentials, times(20, () => draws / 20), "exponential");
});

Deno.test("a uniform number has 53 bits and is below 1", () => {
  const random = new Random([0, 0x12345678, 0, 1]), numbers = times(100, () => random.uniform());
  for (const x of numbers) {
    assertLess(x, 1);
    assertEquals(x * 2 ** 53 % 1, 0);
  }
  assertNotEquals(numbers.filter((x) => x * 2 ** 32 % 1 !== 0).length, 0);
});

const COUNTS = Float64Array.of(5, 0, 1, 300, 2, 2, 0, 40);
const DISTRIBUTIONS: readonly (readonly [name: string, distribution: Distribution])[] = [
  ["uniform", uniform(13)],
  ["log-uniform", logUniform(13)],
  ["of one class", logUniform(1)],
  ["by counts", unigram(COUNTS, 1)],
  ["by the square roots of counts", unigram(COUNTS, 0.5)],
  ["by which counts are not 0", unigram(COUNTS, 0)],
];

function probabilitiesOf({ vocab, probability }: Distribution): number[] {
  return times(vocab, probability);
}

Deno.test("distributions have the probabilities that they promise", () => {
  for (const [name, distribution] of DISTRIBUTIONS) {
    const probabilities = probabilitiesOf(distribution);
    assertAlmostEquals(probabilities.reduce((a, b) => a + b, 0), 1, 1e-14, name);
    assertEquals(probabilities.filter((p) => p > 0).length, distribution.possible, name);
    assertEquals(probabilities.every((p) => p === probabilities[0]), distribution.isUniform, name);
  }
  const zipf = [Math.log(2), Math.log(3 / 2), Math.log(4 / 3)].map((x) => x / Math.log(4));
  probabilitiesOf(logUniform(3)).forEach((p, id) => assertAlmostEquals(p, zipf[id], 1e-15));
  const roots = [2, 0, 1, 3].map((x) => x / 6);
  probabilitiesOf(unigram(Float64Array.of(4, 0, 1, 9), 0.5)).forEach((p, id) =>
    assertAlmostEquals(p, roots[id], 1e-15)
  );
});

Deno.test("classes are drawn as often as their probabilities say, and none of probability 0", () => {
  const draws = 50_000;
  const wide = Float64Array.from({ length: 1000 }, (_, id) => id % 7 === 3 ? 0 : (id * 7919 % 1000) + 1);
  const cases = [...DISTRIBUTIONS, ["wide", unigram(wide, 1)], ["wide Zipf", logUniform(500)]] as const;
  for (const [seed, [name, distribution]] of cases.entries()) {
    const random = Random.ofSeed(seed),
      found = countsOf(times(draws, () => distribution.draw(random)), distribution.vocab);
    const probabilities = probabilitiesOf(distribution),
      possible = times(distribution.vocab, (id) => id)
        .filter((id) => probabilities[id] > 0);
    assertEquals(possible.reduce((sum, id) => sum + found[id], 0), draws, name);
    if (possible.length === 1) continue;
    assertLikely(possible.map((id) => found[id]), possible.map((id) => draws * probabilities[id]), name);
  }
});

Deno.test("a log-uniform draw is the whole part of a power", () => {
  const [random, same] = [Random.ofSeed(3), Random.ofSeed(3)], distribution = logUniform(50_257);
  for (let i = 0; i < 1000; i++) {
    assertEquals(distribution.draw(random), Math.floor(50_258 ** same.uniform() * (1 + 1e-12)) - 1);
  }
});

Deno.test("with replacement a class is expected samples × P times", () => {
  for (const [name, distribution] of DISTRIBUTIONS) {
    const { ids, expectedCount } = drawWithReplacement(distribution, 40, Random.ofSeed(4));
    assertEquals(ids.length, 40);
    times(distribution.vocab, (id) => id).forEach((id) =>
      assertAlmostEquals(expectedCount(id), 40 * distribution.probability(id), 1e-13, name)
    );
  }
});

/** Few rare classes, which no number of draws comes to soon. */
const RARE = unigram(Float64Array.of(1e12, 1, 1, 1e13, 1, 1, 1, 1), 1);
const DISTINCT = [...DISTRIBUTIONS, ["with rare classes", RARE]] as const;

Deno.test("without replacement classes are distinct, and expected as the time of the first too many says", () => {
  for (const [name, distribution] of DISTINCT) {
    const { possible, vocab, isUniform } = distribution;
    for (let samples = 1; samples <= possible; samples++) {
      const { ids, expectedCount } = drawWithoutReplacement(distribution, samples, Random.ofSeed(samples));
      assertEquals(new Set(ids).size, samples, name);
      for (const id of ids) assertNotEquals(distribution.probability(id), 0, name);
      const expected = times(vocab, expectedCount);
      if (samples === possible) assertEquals(expected, probabilitiesOf(distribution).map((p) => p > 0 ? 1 : 0), name);
      else if (isUniform) assertEquals(expected, times(vocab, () => samples / vocab), name);
      else {
        // One time for all: −ln(1 − E) / P
        const [time, ...others] = expected.map((e, id) => -Math.log1p(-e) / distribution.probability(id))
          .filter(Number.isFinite);
        for (const other of others) assertAlmostEquals(other / time, 1, 1e-3, name);
      }
    }
  }
});

Deno.test("all but one of many classes are drawn at once, however rare", () => {
  const counts = Float64Array.from({ length: 2000 }, (_, id) => 10 ** (-id / 8));
  const { ids, expectedCount } = drawWithoutReplacement(unigram(counts, 1), 1999, Random.ofSeed(5));
  assertEquals(new Set(ids).size, 1999);
  assertEquals(expectedCount(0), 1);
});

/** How often each set of `samples` classes comes, as what would come of drawing them one after the other. */
function sequentially(probabilities: readonly number[], samples: number): Map<string, number> {
  const sets = new Map<string, number>();
  const go = (chosen: readonly number[], share: number, left: number) => {
    if (chosen.length === samples) {
      const key = [...chosen].sort((a, b) => a - b).join();
      sets.set(key, (sets.get(key) ?? 0) + share);
      return;
    }
    probabilities.forEach((p, id) => {
      if (p > 0 && !chosen.includes(id)) go([...chosen, id], share * p / left, left - p);
    });
  };
  go([], 1, 1);
  return sets;
}

/** Draws of few classes are by the times of all at the end, those of many hardly ever. */
const PADDED = unigram(Float64Array.of(5, 3, 2, 1, ...new Array(40).fill(0)), 1);

Deno.test("without replacement sets are as likely as one draw after another makes them", () => {
  const draws = 20_000;
  const cases = [["few classes", unigram(Float64Array.of(5, 3, 2, 1), 1)], ["many", PADDED], [
    "uniform",
    uniform(4),
  ]] as const;
  for (const [name, distribution] of cases) {
    for (const samples of [1, 2, 3]) {
      const sets = sequentially(probabilitiesOf(distribution), samples), keys = [...sets.keys()];
      const found = countsOf(
        times(draws, (seed) => {
          const { ids } = drawWithoutReplacement(distribution, samples, Random.ofSeed(seed));
          return keys.indexOf([...ids].sort((a, b) => a - b).join());
        }),
        keys.length,
      );
      assertLikely(found, keys.map((key) => draws * (sets.get(key) ?? 0)), `${samples} of ${name}`);
    }
  }
});

type Draw = (distribution: Distribution, samples: number, random: Random) => Drawn;

/** Estimates Σ f by Σ f / E over what each of many seeds draws, in standard errors of their mean from the sum. */
function errorOf(distribution: Distribution, draw: Draw, samples: number, f: (id: number) => number): number {
  const seeds = 4000,
    estimates = times(seeds, (seed) => {
      const { ids, expectedCount } = draw(distribution, samples, Random.ofSeed(seed));
      return ids.reduce((sum, id) => sum + f(id) / expectedCount(id), 0);
    });
  const mean = estimates.reduce((a, b) => a + b, 0) / seeds;
  const variance = estimates.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (seeds - 1);
  const sum = times(distribution.vocab, (id) => distribution.probability(id) > 0 ? f(id) : 0).reduce((a, b) => a + b);
  return Math.abs(mean - sum) / (Math.sqrt(variance / seeds) + 1e-12);
}

Deno.test("sums over the drawn, each by its expected count, are unbiased estimates of sums over all", () => {
  const f = (id: number) => 1 + id % 3 + Math.cos(id);
  for (const [name, distribution] of DISTINCT) {
    for (const samples of [1, 3, 5].filter((samples) => samples <= distribution.possible)) {
      // Estimates by rare classes are too seldom off, and then too far, for their mean to be judged
      if (distribution !== RARE) assertLess(errorOf(distribution, drawWithReplacement, samples, f), 4, name);
      if (distribution !== RARE || samples > 2) {
        assertLess(errorOf(distribution, drawWithoutReplacement, samples, f), 4, `${samples} distinct, ${name}`);
      }
    }
  }
});

Deno.test("a seed decides what is drawn", () => {
  const draw = (distribution: Distribution, samples: number, seed: number) =>
    [drawWithReplacement, drawWithoutReplacement].map((draw) => [
      ...draw(distribution, samples, Random.ofSeed(seed)).ids,
    ]);
  const first = [uniform(50_257), logUniform(50_257), unigram(COUNTS, 0.5)].map((from) => draw(from, 5, 2026));
  assertEquals(first, [
    [[31287, 48536, 18402, 21676, 36131], [18402, 44417, 18638, 44652, 35991]],
    [[41, 128, 0, 37, 61], [128, 37, 2, 15072, 87]],
    [[3, 5, 3, 5, 4], [3, 7, 4, 0, 2]],
  ]);
  assertNotEquals(draw(uniform(50_257), 5, 2027), first[0]);
});
