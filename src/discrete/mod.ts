/**
 * The basics of discrete probability, in f64, on plain arrays of probabilities: what textbooks write as sums.
 *
 * A distribution is an array of numbers from 0 on that sum to 1 within 1e-6, such as a softmax in f32; it is divided by
 * its sum before anything is computed. What is none is an error that names the argument, the position and the value;
 * {@linkcode normalize} makes one of any weights. For rows of logits over large vocabularies use `@surprisal/core`.
 *
 * @example What a test says of a rare disease, and how much one learns from it
 * ```ts
 * import { bayes, entropy } from "@surprisal/core/discrete";
 * import { assertAlmostEquals, assertGreater } from "@std/assert";
 *
 * const prior = [0.01, 0.99];
 * const { posterior } = bayes(prior, [0.95, 0.05]);
 * assertAlmostEquals(posterior[0], 0.161, 1e-3);
 * // A surprising result: one is less sure than before
 * assertGreater(entropy(posterior, { base: 2 }), entropy(prior, { base: 2 }));
 * ```
 *
 * @module
 */
export { bayes, type BayesOptions, type Posterior } from "./bayes.ts";
export { conditional, type ConditionalOptions } from "./conditional.ts";
export { crossEntropy } from "./cross_entropy.ts";
export type { InformationOptions } from "./distributions.ts";
export { entropy } from "./entropy.ts";
export { expectation, type Values, variance } from "./expectation.ts";
export { isPmf, type PmfOptions } from "./is_pmf.ts";
export { jsDivergence } from "./js_divergence.ts";
export { klDivergence } from "./kl_divergence.ts";
export { normalize, normalizeLog } from "./normalize.ts";
export { smoothLabels } from "./smooth_labels.ts";
