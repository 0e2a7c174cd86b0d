import type { Matrix, Report } from "../operation.ts";
import { Checker } from "../validate.ts";
import { predictionCalls } from "./linear/adaptive_classes.ts";
import { type AdaptiveSoftmaxOptions, type AdaptiveWeights, checkAdaptive, LAYOUT } from "./linear/adaptive_weights.ts";
import { runSeries, runSeriesSync, type Series } from "./linear/series.ts";

/** What {@linkcode adaptivePredictions} returns. */
export interface AdaptivePredictionsResult {
  /** [rows] classes. */
  readonly predictions: Int32Array;
  /** How it ran: where the head was computed, the wall time of all, and the sums of all calls that it took. */
  readonly report: Report;
}

function prepare(
  hidden: Matrix,
  weights: AdaptiveWeights,
  options: AdaptiveSoftmaxOptions = {},
): Series<AdaptivePredictionsResult> {
  const check = new Checker("compute adaptivePredictions"), common = check.options(options, LAYOUT);
  const softmax = checkAdaptive(check, hidden, weights, options), predictions = new Int32Array(softmax.hidden.rows);
  return {
    calls: predictionCalls(softmax, predictions, common),
    finish: (report) => ({ predictions, report }),
  };
}

/**
 * The most likely class of each row of an adaptive softmax: `predict` of PyTorch's `AdaptiveLogSoftmaxWithLoss`.
 *
 * It is the argmax of `adaptiveLogProbabilities`, the lowest class among equals, found with less: only rows in which a
 * cluster as a whole is more likely than the best class so far are multiplied with its weights. NaN counts as −∞; a row
 * that has nothing else is 0.
 *
 * @param hidden [rows, hidden] states, in an array.
 * @param weights The head and the clusters, in arrays.
 * @param options What is expected of the weights, and the common options.
 * @returns `predictions` [rows], classes below vocab.
 * @throws {TypeError} If an argument has the wrong type or length, or a matrix is a `GPUBuffer`.
 * @throws {RangeError} If a shape, stride or option is out of range, or the weights or `cutoffs` do not fit.
 * @throws {BackendUnavailableError} If the backend asked for by name cannot run.
 *
 * @example A likely cluster with two classes, neither of them likelier than the head's own
 * ```ts
 * import { adaptivePredictions } from "@surprisal/core";
 * import { assertEquals } from "@std/assert";
 *
 * const matrix = (...rows: number[][]) => ({ data: Float32Array.from(rows.flat()), shape: [rows.length, 1] as const });
 * const weights = { head: matrix([0], [0.5]), tails: [{ projection: matrix([1]), weight: matrix([0], [0]) }] };
 * const { predictions } = await adaptivePredictions(matrix([1]), weights);
 * assertEquals(predictions, Int32Array.of(0)); // e^0 of it, e^0.5 / 2 of each of the two
 * ```
 */
export function adaptivePredictions(
  hidden: Matrix,
  weights: AdaptiveWeights,
  options?: AdaptiveSoftmaxOptions,
): Promise<AdaptivePredictionsResult> {
  return runSeries(() => prepare(hidden, weights, options));
}

/** {@linkcode adaptivePredictions} without a promise. */
export function adaptivePredictionsSync(
  hidden: Matrix,
  weights: AdaptiveWeights,
  options?: AdaptiveSoftmaxOptions,
): AdaptivePredictionsResult {
  return runSeriesSync(() => prepare(hidden, weights, options));
}
