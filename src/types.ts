/** The types and the error that every entry point exports beside its functions. */
export type {
  AnyData,
  AnyMatrix,
  BackendName,
  CommonOptions,
  DType,
  GpuOutputs,
  LogitsOptions,
  Matrix,
  MatrixData,
  Report,
} from "./operation.ts";
export type { BinaryCrossEntropyOptions, BinaryCrossEntropyResult } from "./closed/binary_cross_entropy.ts";
export type { ElboOptions, ElboResult } from "./closed/elbo.ts";
export type { GaussianKlOptions, GaussianKlResult, GaussianPrior } from "./closed/gaussian_kl.ts";
export type { DoubleReduced, RowOptions } from "./closed/rows.ts";
export type { AdaptiveLogProbabilitiesResult } from "./ops/adaptive_log_probabilities.ts";
export type {
  AdaptiveGradients,
  AdaptiveLogSoftmaxOptions,
  AdaptiveLogSoftmaxResult,
} from "./ops/adaptive_log_softmax.ts";
export type { AdaptivePredictionsResult } from "./ops/adaptive_predictions.ts";
export type { AdaptiveShapeOptions, AdaptiveShapes } from "./ops/adaptive_shapes.ts";
export type { CalibrationBin, CalibrationOptions, CalibrationResult } from "./ops/calibration.ts";
export type { CrossEntropyOptions, CrossEntropyResult, Targets } from "./ops/cross_entropy.ts";
export type { DistillationLossOptions, DistillationLossResult } from "./ops/distillation_loss.ts";
export type { DistillationDivergence } from "./ops/distillation/calls.ts";
export type { TopKTeacher } from "./ops/distillation/top_k_teacher.ts";
export type { DivergenceOptions, DivergenceResult } from "./ops/divergence.ts";
export type { EntropyOptions, EntropyResult } from "./ops/entropy.ts";
export type { FitTemperatureOptions, FitTemperatureResult } from "./ops/fit_temperature.ts";
export type { JsDivergenceOptions } from "./ops/js_divergence.ts";
export type { KlDivergenceOptions } from "./ops/kl_divergence.ts";
export type { KlEstimator, KlPenaltyOptions, KlPenaltyResult } from "./ops/kl_penalty.ts";
export type { WantedGradients } from "./ops/linear/gradients.ts";
export type { LinearOptions, LinearResult } from "./ops/linear.ts";
export type { LinearCrossEntropyOptions, LinearCrossEntropyResult } from "./ops/linear_cross_entropy.ts";
export type { LinearKlDivergenceOptions, LinearKlDivergenceResult } from "./ops/linear_kl_divergence.ts";
export type { LogSoftmaxOptions, LogSoftmaxResult } from "./ops/log_softmax.ts";
export type { LogSumExpOptions, LogSumExpResult } from "./ops/log_sum_exp.ts";
export type { CrossEntropyPartialOptions, PartialOptions } from "./ops/partials.ts";
export type { Reduced, Reduction } from "./ops/reduction.ts";
export type { AdaptiveSoftmaxOptions, AdaptiveTail, AdaptiveWeights } from "./ops/linear/adaptive_weights.ts";
export type { DrawOptions, Sampler, UnigramSampler } from "./ops/linear/sampler.ts";
export type { SparseNumbers, SparseRows, WantedSparseGradients } from "./ops/linear/sparse_gradients.ts";
export type { SampledSoftmaxLossOptions, SampledSoftmaxLossResult } from "./ops/sampled_softmax_loss.ts";
export type { SoftmaxOptions, SoftmaxResult } from "./ops/softmax.ts";
export type { TransformOptions } from "./ops/transform_rows.ts";
export type { TargetStatisticsResult, TokenStatisticsOptions, TokenStatisticsResult } from "./ops/token_statistics.ts";
export type { Finished, Partial, PartialKind } from "./partial.ts";
export type { AllocatedMatrix, DTypeArrays } from "./wasm/allocate.ts";
export { BackendUnavailableError } from "./run.ts";
