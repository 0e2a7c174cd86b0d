// The divergence of diagonal Gaussians, and its gradients.

import fc from "fast-check";
import { assertAlmostEquals, assertEquals, assertGreater, assertGreaterOrEqual } from "@std/assert";
import { gaussianKl, type GaussianKlOptions } from "../mod.ts";
import { permutation } from "./arbitraries.ts";
import { centralDifferences } from "./differences.ts";
import { readGolden } from "./golden.ts";
import { normalRows } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertRefuses } from "./refusals.ts";

const inf = Infinity;

/** Means and logarithms of variances of as many dimensions. */
const GAUSSIAN = fc.array(
  fc.tuple(fc.double({ min: -50, max: 50, noNaN: true }), fc.double({ min: -20, max: 20, noNaN: true })),
  {
    minLength: 1,
    maxLength: 40,
  },
);

/** Asserts that numbers agree to a part of themselves, or of 1 where they are smaller than `floor`. */
function assertClose(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>, relative: number, floor = 0) {
  assertEquals(actual?.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    const bound = relative * Math.max(floor, Math.abs(expected[i]));
    assertAlmostEquals(actual?.[i] ?? NaN, expected[i], bound, `[${i}]`);
  }
}

Deno.test("gaussianKl() agrees with PyTorch", () => {
  for (const { mean, logVariance, kl, gradientMean, gradientLogVariance } of readGolden("gaussian_kl")) {
    const found = gaussianKl(mean, logVariance, { gradient: true });
    assertAlmostEquals(found.divergence, kl, 1e-14 * kl);
    assertClose(found.gradientMean, gradientMean, 1e-14);
    assertClose(found.gradientLogVariance, gradientLogVariance, 1e-14);
  }
});

Deno.test("gaussianKl() is exactly 0 for the prior, never negative, and does not know an order of dimensions", () => {
  fc.assert(fc.property(GAUSSIAN, GAUSSIAN, fc.integer(), (gaussian, other, seed) => {
    const mean = gaussian.map(([m]) => m), logVariance = gaussian.map(([, v]) => v);
    const same = gaussianKl(mean, logVariance, { prior: { mean, logVariance }, gradient: true });
    assertEquals(same.divergence, 0);
    assertEquals([...same.gradientMean ?? [NaN], ...same.gradientLogVariance ?? [NaN]].every((x) => x === 0), true);
    const prior = { mean: mean.map((_, i) => other[i % other.length][0]), logVariance: other[0][1] };
    const { divergence } = gaussianKl(mean, logVariance, { prior });
    assertGreaterOrEqual(divergence, 0);
    const order = permutation(mean.length, seed), permuted = (list: number[]) => order.map((i) => list[i]);
    const shuffled = gaussianKl(permuted(mean), permuted(logVariance), {
      prior: { ...prior, mean: permuted(prior.mean) },
    });
    assertAlmostEquals(shuffled.divergence, divergence, 1e-15 * divergence);
  }));
});

Deno.test("gaussianKl() keeps its digits near the prior, where the textbook's formula returns noise", () => {
  for (const h of [1e-3, 1e-5, 1e-8, 1e-12, 1e-100]) {
    for (const [mean, logVariance] of [[h, 0], [0, h], [h, -h]]) {
      // ½·(h²/2 ± h³/6 + h⁴/24) and ½·h²; the next term is below 1e-15 of the first
      const excess = logVariance ** 2 * (1 / 2 + logVariance / 6 + logVariance ** 2 / 24 + logVariance ** 3 / 120);
      const expected = (mean ** 2 + excess) / 2;
      assertAlmostEquals(gaussianKl([mean], [logVariance]).divergence, expected, 1e-14 * expected, `h = ${h}`);
    }
  }
  const { gradientLogVariance } = gaussianKl([0], [1e-12], { gradient: true });
  assertAlmostEquals(gradientLogVariance?.[0] ?? NaN, 5e-13, 1e-24);
  const textbook = (Math.exp(1e-12) - 1 - 1e-12) / 2;
  assertGreater(Math.abs(textbook - 2.5e-25), 1e-18);
});

Deno.test("gaussianKl() has the gradients of its divergence", () => {
  const [mean, logVariance, priorMean, priorLogVariance] = normalRows(new Random(63), 4, 6, 1).map((row) => [...row]);
  for (
    const prior of [undefined, { mean: 0.3, logVariance: -0.7 }, { mean: priorMean, logVariance: priorLogVariance }]
  ) {
    for (const reduction of ["none", "sum", "mean"] as const) {
      const options = { prior, rows: 2, reduction, gradientScale: [1, -3] } as const;
      const found = gaussianKl(mean, logVariance, { ...options, gradient: true });
      const share = reduction === "mean" ? 1 / 2 : 1;
      const ofRows = (mean: ArrayLike<number>, logVariance: ArrayLike<number>) =>
        gaussianKl(mean, logVariance, { prior, rows: 2, reduction: "none" }).divergence.map((x, row) =>
          share * x * options.gradientScale[row]
        );
      const halves = (list: number[]) => [list.slice(0, 3), list.slice(3)];
      const flat = (rows: Float64Array[]) => rows.flatMap((row) => [...row]);
      const byMean = centralDifferences(halves(mean), (rows) => ofRows(flat(rows), logVariance));
      const byVariance = centralDifferences(halves(logVariance), (rows) => ofRows(mean, flat(rows)));
      assertClose(found.gradientMean, byMean, 1e-8, 1);
      assertClose(found.gradientLogVariance, byVariance, 1e-8, 1);
    }
  }
});

Deno.test("gaussianKl() scales gradients by the reduction, and leaves out what is scaled by 0", () => {
  const mean = [1, 2, 3, 4], logVariance = [0, 1, -1, 2];
  const of = (reduction: "none" | "sum" | "mean") =>
    gaussianKl(mean, logVariance, { rows: 2, reduction, gradient: true, gradientScale: [1, 0.5] });
  assertEquals([...of("none").gradientMean ?? []], [1, 2, 1.5, 2]);
  assertEquals(of("sum").gradientMean, of("none").gradientMean);
  assertEquals([...of("mean").gradientMean ?? []], [0.5, 1, 0.75, 1]);
  const left = gaussianKl([inf, 1], [NaN, 0], { rows: 2, reduction: "sum", gradient: true, gradientScale: [0, 1] });
  assertEquals([left.gradientMean, left.gradientLogVariance].map((slopes) => [...slopes ?? []]), [[0, 1], [0, 0]]);
  const none = gaussianKl(mean, logVariance, { rows: 2, reduction: "none" });
  assertEquals(Object.keys(none), ["divergence"]);
  const [first, second] = none.divergence;
  assertEquals(gaussianKl(mean, logVariance, { rows: 2, reduction: "sum" }).divergence, first + second);
  assertEquals(gaussianKl(mean, logVariance, { rows: 2 }).divergence, (first + second) / 2);
});

Deno.test("gaussianKl() takes a prior as a number, [dims] or [rows, dims]", () => {
  const mean = [1, 2, 3, 4],
    logVariance = [0, 1, -1, 2],
    divergence = (prior: GaussianKlOptions["prior"]) =>
      gaussianKl(mean, logVariance, { rows: 2, reduction: "none", prior }).divergence;
  assertEquals(
    divergence({ mean: 1, logVariance: 0.5 }),
    divergence({ mean: [1, 1], logVariance: [0.5, 0.5, 0.5, 0.5] }),
  );
  assertEquals(divergence({ mean: [1, 2] }), divergence({ mean: Float32Array.of(1, 2, 1, 2), logVariance: 0 }));
  assertEquals(divergence({}), divergence(undefined));
  const shifted = gaussianKl(mean.map((x) => x + 5), logVariance.map((x) => x + 0.25), {
    rows: 2,
    reduction: "none",
    prior: { mean: 5, logVariance: 0.25 },
  });
  // A difference is stretched by the prior's deviation
  const scaled = gaussianKl(mean.map((x) => x * Math.exp(-0.125)), logVariance, { rows: 2, reduction: "none" });
  assertClose(shifted.divergence, scaled.divergence, 1e-14);
});

Deno.test("gaussianKl() at the ends: +∞ for what has no density, NaN for NaN, and other rows untouched", () => {
  const mean = [0, inf, 0, 0, -inf, NaN, 0, 2], logVariance = [0, 0, inf, -inf, 5, 0, NaN, 0];
  const found = gaussianKl(mean, logVariance, { rows: 8, reduction: "none", gradient: true });
  assertEquals([...found.divergence], [0, inf, inf, inf, inf, NaN, NaN, 2]);
  assertEquals([...found.gradientMean ?? []], [0, inf, 0, 0, -inf, NaN, 0, 2]);
  assertEquals([...found.gradientLogVariance ?? []].slice(0, 4), [0, 0, inf, -0.5]);
  assertEquals(gaussianKl([1000], [-1000]).divergence, (1e6 + 999) / 2);
  assertEquals(gaussianKl([0], [1000]).divergence, inf);
});

Deno.test("gaussianKl() takes priors whose inverse variance is beyond what a number can hold", () => {
  const options = { prior: { logVariance: -1000 }, gradient: true } as const;
  for (const logVariance of [-1000, -2000]) {
    const at = gaussianKl([0], [logVariance], { prior: { logVariance }, gradient: true });
    assertEquals([at.divergence, at.gradientMean?.[0]], [0, 0]);
  }
  const near = gaussianKl([1e-200], [-1000], options);
  assertAlmostEquals(Math.log(near.divergence), 1000 + 2 * Math.log(1e-200) - Math.LN2, 1e-12);
  assertAlmostEquals(Math.log(near.gradientMean?.[0] ?? NaN), 1000 + Math.log(1e-200), 1e-12);
  assertEquals(gaussianKl([3], [0], options).divergence, inf);
});

Deno.test("gaussianKl() of no rows is empty", () => {
  const options = { rows: 0, gradient: true, prior: { mean: [1, 2] } } as const;
  const none = gaussianKl([], [], { ...options, reduction: "none" });
  assertEquals([none.divergence.length, none.gradientMean?.length, none.gradientLogVariance?.length], [0, 0, 0]);
  assertEquals(gaussianKl([], [], { ...options, reduction: "sum" }).divergence, 0);
  assertEquals(gaussianKl([], [], options).divergence, NaN);
});

Deno.test("gaussianKl() names what it refuses", () => {
  const two = [1, 2];
  assertRefuses("gaussianKl", gaussianKl, [
    [[], TypeError, "mean is undefined, not an array"],
    [[3, [3]], TypeError, "mean is 3, not an array"],
    [["12", two], TypeError, 'mean is "12", not an array'],
    [[{ length: -1 }, two], TypeError, "mean is a Object, not an array"],
    [[two], TypeError, "logVariance is undefined, not an array"],
    [[two, null], TypeError, "logVariance is null, not an array"],
    [[[1, "2"], two], TypeError, 'mean[1] is "2", not a number'],
    [[two, [, 2]], TypeError, "logVariance[0] is undefined, not a number"],
    [[new BigInt64Array(2), two], TypeError, "mean[0] is 0, not a number"],
    [[two, [1]], TypeError, "logVariance has 1 element, mean 2"],
    [[[], []], TypeError, "mean has 0 elements, rows is 1"],
    [[two, two, { rows: 0 }], TypeError, "mean has 2 elements, rows is 0"],
    [[two, two, { rows: 3 }], TypeError, "mean has 2 elements, rows is 3"],
    [[two, two, { rows: 1.5 }], RangeError, "rows is 1.5, not an integer"],
    [[two, two, { rows: -1 }], RangeError, "rows is -1, less than 0"],
    [[two, two, { rows: NaN }], RangeError, "rows is NaN, not finite"],
    [[two, two, { rows: "1" }], TypeError, 'rows is "1", not a number'],
    [[two, two, null], TypeError, "options are null, not an object"],
    [[two, two, { row: 1 }], TypeError, 'there is no option "row"'],
    [[two, two, { reduction: "average" }], RangeError, 'reduction is "average", not one of'],
    [[two, two, { gradient: 1 }], TypeError, "gradient is 1, not a boolean"],
    [[two, two, { gradientScale: [1, 2] }], TypeError, "gradientScale has 2 elements, rows is 1"],
    [[two, two, { gradientScale: [NaN] }], RangeError, "gradientScale[0] is NaN, not finite"],
    [[two, two, { prior: 0 }], TypeError, "prior is 0, not an object"],
    [[two, two, { prior: { variance: 1 } }], TypeError, 'there is no property of prior "variance"'],
    [[two, two, { prior: { mean: "0" } }], TypeError, 'prior.mean is "0", neither a number nor an array'],
    [[two, two, { prior: { mean: null } }], TypeError, "prior.mean is null, not an array"],
    [[two, two, { prior: { mean: inf } }], RangeError, "prior.mean is Infinity, not finite"],
    [[two, two, { prior: { logVariance: [0, NaN] } }], RangeError, "prior.logVariance[1] is NaN, not finite"],
    [[two, two, { prior: { logVariance: [0] } }], TypeError, "prior.logVariance has 1 element, not 2"],
    [[two, two, { rows: 2, prior: { mean: [1, 2, 3] } }], TypeError, "prior.mean has 3 elements, not 1 or 2"],
  ]);
});
