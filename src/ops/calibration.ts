import type { CommonOptions, LogitsOptions, Matrix, Report } from "../operation.ts";
import { Checker } from "../validate.ts";
import { onHost, PARTIAL, targetCall } from "./counted.ts";
import type { Targets } from "./cross_entropy.ts";
import { runSeries, runSeriesSync, type Series } from "./linear/series.ts";

/** Bins are listed whether they have rows or not. */
const MOST_BINS = 1e6;

/** Options of {@linkcode calibration}. */
export interface CalibrationOptions extends CommonOptions, LogitsOptions {
  /** How many bins of equal width: 15 unless given, at most 10⁶. */
  readonly bins?: number;
  /** The target that marks a row to be left out: −100 unless given. */
  readonly ignoreIndex?: number;
}

/** Rows of similar confidence. */
export interface CalibrationBin {
  /** Their confidence is above this. */
  readonly lower: number;
  /** Their confidence is at most this. */
  readonly upper: number;
  /** How many there are. */
  readonly count: number;
  /** Their mean confidence; NaN if there are none. */
  readonly confidence: number;
  /** The share of them that is right; NaN if there are none. */
  readonly accuracy: number;
}

/** What {@linkcode calibration} returns. */
export interface CalibrationResult {
  /** Σ count / rows·|accuracy − confidence| over bins. */
  readonly expectedCalibrationError: number;
  /** The largest |accuracy − confidence| of a bin that has rows. */
  readonly maximumCalibrationError: number;
  /** The mean of `brier`. */
  readonly brierScore: number;
  /** The share of rows that is right. */
  readonly accuracy: number;
  /** The mean of `confidence`. */
  readonly meanConfidence: number;
  /** From the least confident to the most. */
  readonly bins: readonly CalibrationBin[];
  /** [rows]: the probability of the most likely class; NaN in ignored rows. */
  readonly confidence: Float64Array;
  /** [rows]: 1 where the target is a most likely class. */
  readonly correct: Uint8Array;
  /** [rows]: Σ (p − y)², between 0 and 2; NaN in ignored rows. */
  readonly brier: Float64Array;
  /** How it ran, the sums of both calls that it took. */
  readonly report: Report;
}

function prepare(logits: Matrix, targets: Targets, options: CalibrationOptions = {}): Series<CalibrationResult> {
  const check = new Checker("compute calibration");
  const { options: common, softcap, temperature } = check.logitsOptions(options, ["bins", "ignoreIndex"]);
  check.number("temperature / 2", temperature / 2, { above: 0 });
  const input = onHost(check, "logits", check.matrix("logits", logits)), { rows, columns: vocab } = input;
  const bins = check.number("bins", options.bins, { fallback: 15, least: 1, most: MOST_BINS, integer: true });
  const ignored = check.number("ignoreIndex", options.ignoreIndex, { fallback: -100, integer: true });
  const classes = check.classes("targets", targets, rows, vocab, ignored);
  const whole = targetCall(input, classes, { softcap, temperature }, common);
  const squares = targetCall(input, classes, { softcap, temperature: temperature / 2 }, common);
  return {
    calls: [whole.call, squares.call],
    finish: (report) => {
      const confidence = new Float64Array(rows).fill(NaN), brier = new Float64Array(rows).fill(NaN);
      for (let row = 0; row < rows; row++) {
        const [max, sum, target] = whole.partial.subarray(row * PARTIAL);
        if (classes[row] < 0 || !(sum > 0 && max < Infinity)) continue;
        const p = Math.exp(target - max) / sum, all = squares.partial[row * PARTIAL + 1] / sum ** 2;
        confidence[row] = Math.min(1, 1 / sum);
        brier[row] = Math.min(2, (1 - p) ** 2 + Math.max(0, all - p * p));
      }
      const counted = Array.from(classes.keys()).filter((row) => classes[row] >= 0);
      const correct = Uint8Array.from(whole.hit, (hit, row) => Number.isNaN(confidence[row]) ? 0 : hit);
      return { ...summary(counted, confidence, correct, brier, bins), confidence, correct, brier, report };
    },
  };
}

function summary(
  counted: readonly number[],
  confidence: Float64Array,
  correct: Uint8Array,
  brier: Float64Array,
  bins: number,
): Omit<CalibrationResult, "confidence" | "correct" | "brier" | "report"> {
  const counts = new Float64Array(bins), confidences = new Float64Array(bins), hits = new Float64Array(bins);
  for (const row of counted) {
    if (Number.isNaN(confidence[row])) continue;
    const bin = binOf(confidence[row], bins);
    counts[bin]++;
    confidences[bin] += confidence[row];
    hits[bin] += correct[row];
  }
  const mean = (of: ArrayLike<number>) => counted.reduce((sum, row) => sum + of[row], 0) / counted.length;
  const meanConfidence = mean(confidence), undefinedIf = Number.isNaN(meanConfidence) ? NaN : 0;
  let expected = undefinedIf, maximum = undefinedIf;
  counts.forEach((count, i) => {
    if (count === 0) return;
    const gap = Math.abs(hits[i] - confidences[i]);
    expected += gap / counted.length;
    maximum = Math.max(maximum, gap / count);
  });
  return {
    expectedCalibrationError: expected,
    maximumCalibrationError: maximum,
    brierScore: mean(brier),
    accuracy: mean(correct) + undefinedIf,
    meanConfidence,
    bins: Array.from(counts, (count, i) => ({
      lower: i / bins,
      upper: (i + 1) / bins,
      count,
      confidence: confidences[i] / count,
      accuracy: hits[i] / count,
    })),
  };
}

/** The bin (i / bins, (i + 1) / bins] of a confidence, whatever the rounding of its product. */
function binOf(confidence: number, bins: number): number {
  const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
  if (bin > 0 && confidence <= bin / bins) return bin - 1;
  return bin < bins - 1 && confidence > (bin + 1) / bins ? bin + 1 : bin;
}

/**
 * Whether a model's probabilities are to be believed: calibration errors of its most likely classes, and Brier scores.
 *
 * Rows are put into bins (a, b] of equal width by their confidence max p. The expected calibration error is Σ count /
 * rows·|accuracy − confidence| over bins, the maximum one the largest difference (Guo et al., arXiv:1706.04599). The
 * Brier score is Σ (p − y)² = (1 − p_y)² + Σ p² − p_y² with y one-hot, between 0 and 2. Σ p² is a second log-sum-exp,
 * at half the temperature. A row's confidence and Brier score are within 4e-6 of the exact ones where neither soft cap
 * nor temperature rounds the logits.
 *
 * A class at −∞ has p = 0. A row of −∞, or with NaN or +∞, has confidence and Brier score NaN, and so have all means
 * and errors; it is in no bin. Equals at the top are right if one is the target. If no row counts, means and errors are
 * NaN.
 *
 * @param logits [rows, vocab], in an array.
 * @param targets [rows] classes below vocab, or the ignored index, whose rows are not read.
 * @param options `bins`, `ignoreIndex`; soft cap and temperature; and the common options.
 * @returns The errors, scores and bins, and what they are made of row by row; all but counts are shares of 1.
 * @throws {TypeError} If an argument has the wrong type or length, or the matrix is a `GPUBuffer`.
 * @throws {RangeError} If a target, shape, stride or option is out of range.
 * @throws {BackendUnavailableError} If the backend asked for by name cannot run.
 *
 * @example A model that is sure by three quarters, and right by half
 * ```ts
 * import { calibration } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const logits = { data: Float32Array.of(Math.log(3), 0, Math.log(3), 0), shape: [2, 2] as const };
 * const { expectedCalibrationError, brierScore } = await calibration(logits, [0, 1]);
 * assertAlmostEquals(expectedCalibrationError, 0.25, 1e-6);
 * assertAlmostEquals(brierScore, (2 * 0.25 ** 2 + 2 * 0.75 ** 2) / 2, 1e-6);
 * ```
 */
export function calibration(
  logits: Matrix,
  targets: Targets,
  options?: CalibrationOptions,
): Promise<CalibrationResult> {
  return runSeries(() => prepare(logits, targets, options));
}

/** {@linkcode calibration} without a promise. */
export function calibrationSync(logits: Matrix, targets: Targets, options?: CalibrationOptions): CalibrationResult {
  return runSeriesSync(() => prepare(logits, targets, options));
}
