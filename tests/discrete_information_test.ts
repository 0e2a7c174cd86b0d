// Entropies and divergences of discrete distributions.

import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { crossEntropy, entropy, jsDivergence, klDivergence, normalize } from "../src/discrete/mod.ts";
import { permutation } from "./arbitraries.ts";
import { readGolden } from "./golden.ts";
import { hashed } from "./hashed.ts";
import * as oracle from "./oracle.ts";
import { assertRefuses } from "./refusals.ts";

const inf = Infinity;

/** Two distributions over the same classes, of which some have probability 0 in one, the other or both. */
const PAIR = fc.array(
  fc.tuple(
    fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
      weight: 4,
      arbitrary: fc.double({ min: 1e-300, max: 1, noNaN: true }),
    }),
    fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
      weight: 9,
      arbitrary: fc.double({ min: 1e-300, max: 1, noNaN: true }),
    }),
  ),
  { minLength: 1, maxLength: 60 },
).filter((pairs) => pairs.some(([p]) => p > 0) && pairs.some(([, q]) => q > 0))
  .map((pairs) => [normalize(pairs.map(([p]) => p)), normalize(pairs.map(([, q]) => q))] as const);

Deno.test("entropy() is between 0, of a certainty, and ln classes, of ignorance", () => {
  assertEquals([entropy([1]), entropy([0, 1, 0])], [0, 0]);
  assert(Object.is(entropy([1]), 0));
  assertAlmostEquals(entropy(new Array(1000).fill(1e-3)), Math.log(1000), 1e-14);
  assertAlmostEquals(entropy(new Float32Array(256_000).fill(1 / 256_000)), Math.log(256_000), 1e-14);
  assertAlmostEquals(entropy([0.15, 0.6, 0.2, 0.05], { base: 2 }), 1.5332, 5e-5);
  fc.assert(fc.property(PAIR, ([p]) => {
    const found = entropy(p);
    assertGreaterOrEqual(found, 0);
    assertLessOrEqual(found, Math.log(p.length) * (1 + 1e-15));
  }));
});

Deno.test("entropy() and divergences agree with PyTorch", () => {
  for (const { softmax, entropy: expected } of readGolden("softmax")) {
    softmax.forEach((p, row) => assertAlmostEquals(entropy(p), expected[row], 1e-14 + 1e-14 * expected[row]));
  }
  for (const { p, q, temperature, kl } of readGolden("kl_divergence")) {
    const { probabilities: from } = oracle.softmax(p, { temperature });
    const { probabilities: to } = oracle.softmax(q, { temperature });
    kl.forEach((expected, row) => {
      const columns = p[row].length,
        part = (list: ArrayLike<number>) => Array.from(list).slice(row * columns, (row + 1) * columns);
      // PyTorch takes the difference of sums
      assertAlmostEquals(klDivergence(part(from), part(to)), expected, 1e-13 + 1e-13 * expected);
    });
  }
});

Deno.test("`base: 2` gives bits", () => {
  const p = [0.5, 0.25, 0.25], q = [0.25, 0.25, 0.5], bits = { base: 2 } as const;
  assertEquals([entropy(p, bits), crossEntropy(p, q, bits)], [1.5, 1.75]);
  assertAlmostEquals(klDivergence(p, q, bits), 0.25, 1e-15);
  assertAlmostEquals(jsDivergence([1, 0], [0, 1], bits), 1, 1e-15);
  assertAlmostEquals(jsDivergence([1, 0], [0, 1]), Math.LN2, 1e-15);
});

Deno.test("crossEntropy() is entropy() and klDivergence() together", () => {
  fc.assert(fc.property(PAIR, ([p, q]) => {
    const found = crossEntropy(p, q);
    if (found === inf) assertEquals(klDivergence(p, q), inf);
    else assertAlmostEquals(found, entropy(p) + klDivergence(p, q), 1e-12);
  }));
});

Deno.test("0 in p counts for nothing, and 0 in q alone for everything", () => {
  const p = [0, 0.5, 0.5], q = [0.5, 0.5, 0];
  assertEquals([crossEntropy(p, q), klDivergence(p, q), klDivergence(q, p)], [inf, inf, inf]);
  assertEquals([klDivergence([0, 1, 0], [0, 1, 0]), crossEntropy([0, 1, 0], [0, 1, 0])], [0, 0]);
  assertAlmostEquals(klDivergence([0, 1], [0.5, 0.5]), Math.LN2, 1e-15);
  assertAlmostEquals(crossEntropy([0, 1], [0.5, 0.5]), Math.LN2, 1e-15);
  assertEquals(klDivergence([1e-300, 1], [0, 1]), inf);
  assertAlmostEquals(jsDivergence(p, q), Math.LN2 / 2, 1e-15);
});

Deno.test("divergences are exactly 0 of equal arrays, and never negative", () => {
  fc.assert(fc.property(PAIR, fc.integer({ min: 1, max: 50 }), fc.integer(), ([p, q], nearness, seed) => {
    assertEquals([klDivergence(p, p), jsDivergence(p, p)], [0, 0]);
    const near = p.map((x, i) => x + (q[i] - x) * 2 ** -nearness);
    for (const other of [q, near]) {
      const kl = klDivergence(p, other), js = jsDivergence(p, other);
      assertGreaterOrEqual(kl, 0);
      assertGreaterOrEqual(js, 0);
      assertLessOrEqual(js, Math.LN2 * (1 + 1e-15));
      assertLessOrEqual(js, kl / 2 * (1 + 1e-12));
      assertAlmostEquals(jsDivergence(other, p), js, 1e-15 * js);
      // Pinsker's inequality
      const apart = p.reduce((sum, x, i) => sum + Math.abs(x - other[i]), 0);
      assertGreaterOrEqual(kl * (1 + 1e-9) + 1e-30, apart * apart / 2);
    }
    const order = permutation(p.length, seed), permuted = (list: Float64Array) => order.map((i) => list[i]);
    const [kl, js] = [klDivergence, jsDivergence].map((divergence) => [
      divergence(permuted(p), permuted(q)),
      divergence(p, q),
    ]);
    if (kl[1] !== inf) assertAlmostEquals(kl[0], kl[1], 1e-13 * kl[1]);
    else assertEquals(kl[0], inf);
    assertAlmostEquals(js[0], js[1], 1e-13 * js[1]);
  }));
});

Deno.test("divergences of near distributions keep their digits, where a difference of sums returns noise", () => {
  for (let k = 2; k <= 40; k++) {
    // Of a fair coin from one of ½ ± h, both without a rounding: −½·ln(1 − 4h²)
    const h = 2 ** -k, q = [0.5 + h, 0.5 - h], kl = -Math.log1p(-4 * h * h) / 2;
    assertAlmostEquals(klDivergence([0.5, 0.5], q), kl, 1e-14 * kl, `h = 2^-${k}`);
    // From the other to the fair coin, by its series Σ (2h)^2n / (2n·(2n − 1))
    let series = 0;
    for (let n = 30; n > 0; n--) series += (2 * h) ** (2 * n) / (2 * n * (2 * n - 1));
    assertAlmostEquals(klDivergence(q, [0.5, 0.5]), series, 1e-14 * series, `h = 2^-${k}`);
    // Halfway between the two lies the coin of ½ ± h / 2: the leading term is h² / 2
    if (k > 20) assertAlmostEquals(jsDivergence([0.5, 0.5], q), h * h / 2, 1e-11 * h * h, `h = 2^-${k}`);
  }
});

Deno.test("klDivergence() of softmaxes rounded to f32 is that of the softmaxes, however near they are", () => {
  const vocab = 256_000, logits = hashed(vocab, 5, 20), noise = hashed(vocab, 123_456_789, 1);
  for (const scale of [1e-2, 1e-3]) {
    const near = logits.map((x, i) => x + scale * noise[i]);
    const [p, q] = [logits, near].map((x) => oracle.softmax([x]).probabilities);
    const expected = klDivergence(p, q);
    const found = klDivergence(Float32Array.from(p), Float32Array.from(q));
    // A rounding of 2^−24 of p beside ln(p / q) of about scale, which average out
    assertAlmostEquals(found, expected, 1e-5 * expected, `${scale}`);
    // The mean of ½·(scale·noise)², noise uniform of width 1
    assertAlmostEquals(expected, scale * scale / 24, 0.05 * expected);
  }
});

Deno.test("distributions whose sums are nearly 1 are divided by them", () => {
  const p = [0.25, 0.75], more = p.map((x) => x * (1 + 5e-7)), q = [0.5, 0.5];
  assertLessOrEqual(klDivergence(p, more), 1e-31);
  for (const measure of [crossEntropy, klDivergence, jsDivergence]) {
    assertAlmostEquals(measure(more, q), measure(p, q), 1e-14);
    assertAlmostEquals(measure(q, more), measure(q, p), 1e-14);
  }
  assertAlmostEquals(entropy(more), entropy(p), 1e-14);
  assertEquals(entropy([1 + 5e-7]), 0);
});

Deno.test("divergences of the smallest probabilities are finite where they should be", () => {
  const tiny = 5e-324;
  assertAlmostEquals(klDivergence([tiny, 1], [1e-6, 1 - 1e-6]), 1e-6, 1e-11);
  const far = klDivergence([0.5, 0.5], [tiny, 1]);
  assertAlmostEquals(far, 0.5 * (Math.log(0.5) - Math.log(tiny)) + 0.5 * Math.log(0.5), 1e-12);
  assertEquals(jsDivergence([tiny, 1], [0, 1]) <= tiny, true);
});

Deno.test("entropies and divergences name what they refuse", () => {
  const p = [0.5, 0.5];
  assertRefuses("entropy", entropy, [
    [[], TypeError, "p is undefined, not an array"],
    [[[]], TypeError, "p has 0 elements"],
    [[[0.5, null]], TypeError, "p[1] is null, not a number"],
    [[[0.5, NaN]], RangeError, "p[1] is NaN, not finite"],
    [[[-0.5, 1.5]], RangeError, "p[0] is -0.5, less than 0"],
    [[[0.5, 0.25]], RangeError, "p sums to 0.75, not to 1"],
    [[[0.5, 0.5 + 2 ** -16]], RangeError, "p sums to 1.0000152587890625, not to 1"],
    [[p, { base: 10 }], RangeError, "base is 10, not one of 2"],
    [[p, { base: "2" }], TypeError, 'base is "2", not one of 2'],
    [[p, { unit: 2 }], TypeError, 'there is no option "unit"'],
    [[p, 2], TypeError, "options are 2, not an object"],
  ]);
  for (const call of [crossEntropy, klDivergence, jsDivergence]) {
    assertRefuses(call.name, call, [
      [[], TypeError, "p is undefined, not an array"],
      [[[], []], TypeError, "p has 0 elements"],
      [[p], TypeError, "q is undefined, not an array"],
      [[p, "01"], TypeError, 'q is "01", not an array'],
      [[p, []], TypeError, "q has 0 elements, p 2"],
      [[p, [1]], TypeError, "q has 1 element, p 2"],
      [[p, [1, undefined]], TypeError, "q[1] is undefined, not a number"],
      [[p, [1, -inf]], RangeError, "q[1] is -Infinity, not finite"],
      [[p, [2, -1]], RangeError, "q[1] is -1, less than 0"],
      [[[1, 1], p], RangeError, "p sums to 2, not to 1"],
      [[p, [0, 0]], RangeError, "q sums to 0, not to 1"],
      [[p, p, { base: 2.5 }], RangeError, "base is 2.5, not one of 2"],
      [[p, p, { bits: true }], TypeError, 'there is no option "bits"'],
      [[p, p, null], TypeError, "options are null, not an object"],
    ]);
  }
});
