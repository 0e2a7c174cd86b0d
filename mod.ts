/**
 * Log-sum-exp, softmax, entropy, cross-entropy and KL divergence over large vocabularies, in one pass over memory.
 *
 * Functions take a {@linkcode Matrix} of logits, [rows, vocab], in f32, f16 or bf16, in an array or in a `GPUBuffer`; or the hidden
 * states and the weights that logits would come from, and then never have them all. The same functions without promises, for
 * arrays, are in `@surprisal/core/sync`.
 *
 * @example The loss of a language model's head
 * ```ts
 * import { crossEntropy } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const [rows, vocab] = [4, 50_257];
 * const logits = { data: new Float32Array(rows * vocab), shape: [rows, vocab] as const };
 * const { loss, report } = await crossEntropy(logits, [1, 2, 3, 4], { labelSmoothing: 0.1 });
 * assertAlmostEquals(loss, Math.log(vocab), 1e-5);
 * console.log(report.backend, report.reason);
 * ```
 *
 * @module
 */
export { binaryCrossEntropy } from "./src/closed/binary_cross_entropy.ts";
export { elbo } from "./src/closed/elbo.ts";
export { gaussianKl } from "./src/closed/gaussian_kl.ts";
export { adaptiveLogProbabilities } from "./src/ops/adaptive_log_probabilities.ts";
export { adaptiveLogSoftmax } from "./src/ops/adaptive_log_softmax.ts";
export { adaptivePredictions } from "./src/ops/adaptive_predictions.ts";
export { adaptiveShapes } from "./src/ops/adaptive_shapes.ts";
export { allocate } from "./src/ops/allocate.ts";
export { calibration } from "./src/ops/calibration.ts";
export { crossEntropy } from "./src/ops/cross_entropy.ts";
export { distillationLoss } from "./src/ops/distillation_loss.ts";
export { entropy } from "./src/ops/entropy.ts";
export { fitTemperature } from "./src/ops/fit_temperature.ts";
export { jsDivergence } from "./src/ops/js_divergence.ts";
export { klDivergence } from "./src/ops/kl_divergence.ts";
export { klPenalty } from "./src/ops/kl_penalty.ts";
export { linear } from "./src/ops/linear.ts";
export { linearCrossEntropy } from "./src/ops/linear_cross_entropy.ts";
export { linearKlDivergence } from "./src/ops/linear_kl_divergence.ts";
export { logSoftmax } from "./src/ops/log_softmax.ts";
export { finishPartials, mergePartials } from "./src/ops/merge_partials.ts";
export { logSumExp } from "./src/ops/log_sum_exp.ts";
export { crossEntropyPartial, klDivergencePartial, logSumExpPartial } from "./src/ops/partials.ts";
export { sampledSoftmaxLoss } from "./src/ops/sampled_softmax_loss.ts";
export { softmax } from "./src/ops/softmax.ts";
export { tokenStatistics } from "./src/ops/token_statistics.ts";
export * from "./src/types.ts";
