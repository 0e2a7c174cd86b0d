/**
 * The functions of `@surprisal/core` without promises, for scripts that have nothing else to do meanwhile.
 *
 * @example A log-sum-exp, here and now
 * ```ts
 * import { logSumExp } from "@surprisal/core/sync";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const logits = { data: new Float32Array([0, 0]), shape: [1, 2] as const };
 * assertAlmostEquals(logSumExp(logits).logSumExp[0], Math.LN2, 1e-6);
 * ```
 *
 * @module
 */
export { binaryCrossEntropy } from "./closed/binary_cross_entropy.ts";
export { elbo } from "./closed/elbo.ts";
export { gaussianKl } from "./closed/gaussian_kl.ts";
export { adaptiveLogProbabilitiesSync as adaptiveLogProbabilities } from "./ops/adaptive_log_probabilities.ts";
export { adaptiveLogSoftmaxSync as adaptiveLogSoftmax } from "./ops/adaptive_log_softmax.ts";
export { adaptivePredictionsSync as adaptivePredictions } from "./ops/adaptive_predictions.ts";
export { adaptiveShapes } from "./ops/adaptive_shapes.ts";
export { allocate } from "./ops/allocate.ts";
export { calibrationSync as calibration } from "./ops/calibration.ts";
export { crossEntropySync as crossEntropy } from "./ops/cross_entropy.ts";
export { distillationLossSync as distillationLoss } from "./ops/distillation_loss.ts";
export { entropySync as entropy } from "./ops/entropy.ts";
export { fitTemperatureSync as fitTemperature } from "./ops/fit_temperature.ts";
export { jsDivergenceSync as jsDivergence } from "./ops/js_divergence.ts";
export { klDivergenceSync as klDivergence } from "./ops/kl_divergence.ts";
export { klPenaltySync as klPenalty } from "./ops/kl_penalty.ts";
export { linearSync as linear } from "./ops/linear.ts";
export { linearCrossEntropySync as linearCrossEntropy } from "./ops/linear_cross_entropy.ts";
export { linearKlDivergenceSync as linearKlDivergence } from "./ops/linear_kl_divergence.ts";
export { logSoftmaxSync as logSoftmax } from "./ops/log_softmax.ts";
export { finishPartials, mergePartials } from "./ops/merge_partials.ts";
export { logSumExpSync as logSumExp } from "./ops/log_sum_exp.ts";
export {
  crossEntropyPartialSync as crossEntropyPartial,
  klDivergencePartialSync as klDivergencePartial,
  logSumExpPartialSync as logSumExpPartial,
} from "./ops/partials.ts";
export { sampledSoftmaxLossSync as sampledSoftmaxLoss } from "./ops/sampled_softmax_loss.ts";
export { softmaxSync as softmax } from "./ops/softmax.ts";
export { tokenStatisticsSync as tokenStatistics } from "./ops/token_statistics.ts";
export * from "./types.ts";
