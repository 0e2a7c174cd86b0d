import type { Matrix, Report, Tensor } from "../operation.ts";
import { asMatrix, newMatrix } from "../tensors.ts";
import { Checker } from "../validate.ts";
import { logProbabilityCalls } from "./linear/adaptive_classes.ts";
import { type AdaptiveSoftmaxOptions, type AdaptiveWeights, checkAdaptive, LAYOUT } from "./linear/adaptive_weights.ts";
import { runSeries, runSeriesSync, type Series } from "./linear/series.ts";

/** What {@linkcode adaptiveLogProbabilities} returns. */
export interface AdaptiveLogProbabilitiesResult {
  /** [rows, vocab], nats. */
  readonly logProbabilities: Matrix<Float32Array>;
  /** How it ran: where the head was computed, the wall time of all, and the sums of all calls that it took. */
  readonly report: Report;
}

function prepare(
  hidden: Matrix,
  weights: AdaptiveWeights,
  options: AdaptiveSoftmaxOptions = {},
): Series<AdaptiveLogProbabilitiesResult> {
  const check = new Checker("compute adaptiveLogProbabilities"), common = check.options(options, LAYOUT);
  const softmax = checkAdaptive(check, hidden, weights, options);
  const result = newMatrix(softmax.hidden.rows, softmax.vocab, undefined) as Tensor;
  return {
    calls: logProbabilityCalls(softmax, result, common),
    finish: (report) => ({ logProbabilities: asMatrix(result) as Matrix<Float32Array>, report }),
  };
}

/**
 * The log-probabilities of all classes of an adaptive softmax: `log_prob` of PyTorch's `AdaptiveLogSoftmaxWithLoss`.
 *
 * ln p is as `adaptiveLogSoftmax` says, and so is what −∞ and NaN do; a masked cluster's classes are −∞. Every row is
 * multiplied with every weight: where only the best class or the target's probability is wanted, `adaptivePredictions`
 * and `adaptiveLogSoftmax` do with less.
 *
 * @param hidden [rows, hidden] states, in an array.
 * @param weights The head and the clusters, in arrays.
 * @param options What is expected of the weights, and the common options.
 * @returns `logProbabilities` [rows, vocab] in nats, f32.
 * @throws {TypeError} If an argument has the wrong type or length, or a matrix is a `GPUBuffer`.
 * @throws {RangeError} If a shape, stride or option is out of range, or the weights or `cutoffs` do not fit.
 * @throws {BackendUnavailableError} If the backend asked for by name cannot run.
 *
 * @example Two classes in the head, two in a cluster
 * ```ts
 * import { adaptiveLogProbabilities } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const zeros = (...shape: [number, number]) => ({ data: new Float32Array(shape[0] * shape[1]), shape });
 * const weights = { head: zeros(3, 4), tails: [{ projection: zeros(1, 4), weight: zeros(2, 1) }] };
 * const { logProbabilities } = await adaptiveLogProbabilities(zeros(1, 4), weights);
 * [1 / 3, 1 / 3, 1 / 6, 1 / 6].forEach((p, i) => assertAlmostEquals(Math.exp(logProbabilities.data[i]), p, 1e-6));
 * ```
 */
export function adaptiveLogProbabilities(
  hidden: Matrix,
  weights: AdaptiveWeights,
  options?: AdaptiveSoftmaxOptions,
): Promise<AdaptiveLogProbabilitiesResult> {
  return runSeries(() => prepare(hidden, weights, options));
}

/** {@linkcode adaptiveLogProbabilities} without a promise. */
export function adaptiveLogProbabilitiesSync(
  hidden: Matrix,
  weights: AdaptiveWeights,
  options?: AdaptiveSoftmaxOptions,
): AdaptiveLogProbabilitiesResult {
  return runSeriesSync(() => prepare(hidden, weights, options));
}
