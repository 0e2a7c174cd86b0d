// The evidence lower bound, alone and made of the other closed forms.

import fc from "fast-check";
import { assertAlmostEquals, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { binaryCrossEntropy, elbo, gaussianKl } from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import { bayes, expectation, klDivergence, normalize } from "../src/discrete/mod.ts";
import { centralDifferences } from "./differences.ts";
import { Random } from "./random.ts";
import { assertRefuses } from "./refusals.ts";

const inf = Infinity;

Deno.test("elbo() is the mean over rows of the log-likelihood less β times the divergence", () => {
  const likelihoods = [-10, -20, -30], divergences = [1, 2, 6];
  assertEquals(elbo(likelihoods, divergences), { bound: -23, loss: 23 });
  assertEquals(elbo(likelihoods, divergences, { beta: 2, reduction: "sum" }), { bound: -78, loss: 78 });
  const none = elbo(likelihoods, divergences, { beta: 0.5, reduction: "none" });
  assertEquals([[...none.bound], [...none.loss]], [[-10.5, -21, -33], [10.5, 21, 33]]);
});

Deno.test("elbo() averages over samples", () => {
  const { bound } = elbo([-1, -3, -10, -20], [1, 2], { samples: 2, reduction: "none" });
  assertEquals([...bound], [-3, -17]);
});

Deno.test("elbo() is the log-evidence for the true posterior, and less for any other belief", () => {
  const weights = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
  fc.assert(fc.property(weights, weights, weights, (prior, likelihoods, beliefs) => {
    const p = normalize(prior), { posterior, logEvidence } = bayes(p, likelihoods);
    const boundOf = (q: Float64Array) => elbo([expectation(q, likelihoods.map(Math.log))], [klDivergence(q, p)]).bound;
    assertAlmostEquals(boundOf(posterior), logEvidence, 1e-12);
    const belief = normalize(beliefs), bound = boundOf(belief);
    assertLessOrEqual(bound, logEvidence + 1e-12);
    assertAlmostEquals(logEvidence - bound, klDivergence(belief, posterior), 1e-12);
  }));
});

Deno.test("elbo() with gaussianKl() is ln p(x) of a linear Gaussian model at its posterior", () => {
  // z ~ N(0, 1), x | z ~ N(z, s²); so z | x ~ N(x / (1 + s²), s² / (1 + s²)), x ~ N(0, 1 + s²)
  const x = 1.7, s2 = 0.3;
  const boundOf = (mean: number, variance: number) => {
    const expected = -(Math.log(2 * Math.PI * s2) + ((x - mean) ** 2 + variance) / s2) / 2;
    return elbo([expected], [gaussianKl([mean], [Math.log(variance)]).divergence]).bound;
  };
  const logEvidence = -(Math.log(2 * Math.PI * (1 + s2)) + x * x / (1 + s2)) / 2;
  const mean = x / (1 + s2), variance = s2 / (1 + s2);
  assertAlmostEquals(boundOf(mean, variance), logEvidence, 1e-14);
  for (const factor of [0.9, 1.1]) {
    assertLess(boundOf(mean * factor, variance), logEvidence);
    assertLess(boundOf(mean, variance * factor), logEvidence);
  }
});

/** A decoder of two latent dimensions to three pixels, the noise that z is drawn by, and the pixels. */
const WEIGHT = [[0.5, -1], [2, 0.25], [-0.75, 1.5]], NOISE = [[0.3, -1.1], [-0.4, 0.8]], PIXELS = [1, 0, 1, 0, 0, 1];

/** The loss of a VAE with a Bernoulli decoder, and its gradients by what the encoder says, for β. */
function vae(mean: ArrayLike<number>, logVariance: ArrayLike<number>, beta: number) {
  const rows = 2, z = Array.from(mean, (m, i) => m + Math.exp(logVariance[i] / 2) * NOISE.flat()[i]);
  const logits = [0, 1].flatMap((row) => WEIGHT.map(([a, b]) => a * z[2 * row] + b * z[2 * row + 1]));
  const shared = { rows, reduction: "none", gradient: true } as const;
  const decoder = binaryCrossEntropy(logits, PIXELS, { ...shared, gradientScale: [1 / rows, 1 / rows] });
  const encoder = gaussianKl(mean, logVariance, { ...shared, gradientScale: [beta / rows, beta / rows] });
  const { loss, bound } = elbo(decoder.loss.map((nats) => -nats), encoder.divergence, { beta });
  const byZ = z.map((_, i) =>
    WEIGHT.reduce(
      (total, weight, pixel) => total + (decoder.gradient?.[3 * (i >> 1) + pixel] ?? NaN) * weight[i & 1],
      0,
    )
  );
  return {
    loss,
    bound,
    gradientMean: byZ.map((slope, i) => slope + (encoder.gradientMean?.[i] ?? NaN)),
    gradientLogVariance: byZ.map((slope, i) =>
      slope * Math.exp(logVariance[i] / 2) * NOISE.flat()[i] / 2 + (encoder.gradientLogVariance?.[i] ?? NaN)
    ),
  };
}

Deno.test("elbo(), binaryCrossEntropy() and gaussianKl() make a VAE's loss and its gradients", () => {
  const random = new Random(66), mean = random.normals(4), logVariance = random.normals(4);
  for (const beta of [1, 4]) {
    const found = vae(mean, logVariance, beta);
    const byMean = centralDifferences([mean], ([mean]) => [vae(mean, logVariance, beta).loss]);
    const byVariance = centralDifferences([logVariance], ([logVariance]) => [vae(mean, logVariance, beta).loss]);
    byMean.forEach((slope, i) => assertAlmostEquals(found.gradientMean[i], slope, 1e-8));
    byVariance.forEach((slope, i) => assertAlmostEquals(found.gradientLogVariance[i], slope, 1e-8));
    // A step against the gradient of the loss raises the bound
    const stepped = vae(mean.map((m, i) => m - 1e-3 * found.gradientMean[i]), logVariance, beta);
    assertGreater(stepped.bound, found.bound);
  }
});

Deno.test("elbo() at the ends", () => {
  const { bound } = elbo([-inf, -1, inf, NaN, -1], [1, inf, 1, 1, NaN], { reduction: "none" });
  assertEquals([...bound], [-inf, -inf, inf, NaN, NaN]);
  assertEquals(elbo([-1, -1], [inf, NaN], { beta: 0 }), { bound: -1, loss: 1 });
  assertEquals(elbo([0], [0]), { bound: 0, loss: 0 });
  assertEquals(elbo([], [], { reduction: "sum" }), { bound: 0, loss: 0 });
  assertEquals(elbo([], []), { bound: NaN, loss: NaN });
  assertEquals(elbo([], [], { reduction: "none" }).bound.length, 0);
});

Deno.test("the closed forms are the same with and without promises", () => {
  assertEquals(
    [synchronous.elbo, synchronous.gaussianKl, synchronous.binaryCrossEntropy],
    [elbo, gaussianKl, binaryCrossEntropy],
  );
});

Deno.test("elbo() names what it refuses", () => {
  assertRefuses("elbo", elbo, [
    [[], TypeError, "divergence is undefined, not an array"],
    [[-1, 1], TypeError, "divergence is 1, not an array"],
    [[-1, [1]], TypeError, "logLikelihood is -1, not an array"],
    [[["-1"], [1]], TypeError, 'logLikelihood[0] is "-1", not a number'],
    [[[-1], [null]], TypeError, "divergence[0] is null, not a number"],
    [[[-1], [1, 2]], TypeError, "logLikelihood has 1 element, divergence 2, samples is 1"],
    [[[-1, -2], [1], { samples: 3 }], TypeError, "logLikelihood has 2 elements, divergence 1, samples is 3"],
    [[[-1], [1], { samples: 0 }], RangeError, "samples is 0, less than 1"],
    [[[-1], [1], { samples: 1.5 }], RangeError, "samples is 1.5, not an integer"],
    [[[-1], [1], { beta: -1 }], RangeError, "beta is -1, less than 0"],
    [[[-1], [1], { beta: NaN }], RangeError, "beta is NaN, not finite"],
    [[[-1], [1], { beta: "1" }], TypeError, 'beta is "1", not a number'],
    [[[-1], [1], { reduction: "max" }], RangeError, 'reduction is "max", not one of'],
    [[[-1], [1], { gamma: 1 }], TypeError, 'there is no option "gamma"'],
    [[[-1], [1], null], TypeError, "options are null, not an object"],
  ]);
});
