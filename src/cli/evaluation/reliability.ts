/** Calibration: whether what is called likely comes as often as that. */
import { Count } from "./count.ts";
import { ExactSum } from "./exact_sum.ts";

/** Accumulators of the rows whose confidence lies in one of the equal parts of [0, 1], by part. */
export type Reliability = readonly {
  /** How many. */
  readonly rows: Count;
  /** In how many the likeliest token came. */
  readonly correct: Count;
  /** Their confidences. */
  readonly confidence: ExactSum;
}[];

/** A part of [0, 1] and the rows whose confidence lies in it. */
export interface ReliabilityBin {
  /** Confidences are above this; 0 belongs to the first. */
  readonly from: number;
  /** Confidences are at most this. */
  readonly to: number;
  /** How many rows. */
  readonly rows: number;
  /** Their mean confidence: NaN for none. */
  readonly confidence: number;
  /** The share in which the likeliest token came: NaN for none. */
  readonly accuracy: number;
}

/** How well confidences are calibrated. */
export interface Calibration {
  /** Σ rows·|accuracy − confidence| / Σ rows over the bins. */
  readonly expectedCalibrationError: number;
  /** The bins from 0 to 1. */
  readonly bins: readonly ReliabilityBin[];
}

/** Accumulators of nothing. */
export function newReliability(bins: number): Reliability {
  return Array.from({ length: bins }, () => ({ rows: new Count(), correct: new Count(), confidence: new ExactSum() }));
}

/** Adds rows: the probability of each one's likeliest token, and whether that came. Those of no confidence are in no bin. */
export function addReliability(bins: Reliability, confidence: Float64Array, correct: ArrayLike<number>): void {
  confidence.forEach((value, i) => {
    const bin = bins[binOf(value, bins.length)];
    bin?.rows.add(1);
    bin?.correct.add(correct[i]);
    bin?.confidence.add([value]);
  });
}

/**
 * Which of the intervals (i / bins, (i + 1) / bins] a probability lies in: those of calibration(), whatever the rounding of
 * a product. 0 lies in the first, what rounding has left above 1 in the last, NaN in none: NaN.
 */
export function binOf(probability: number, bins: number): number {
  const near = Math.ceil(bins * probability) - 1;
  const bin = near + (probability > (near + 1) / bins ? 1 : probability <= near / bins ? -1 : 0);
  return Math.min(bins - 1, Math.max(0, bin));
}

/** What the bins say. */
export function calibrationOf(reliability: Reliability): Calibration {
  const bins = reliability.map(({ rows, correct, confidence }, i) => ({
    from: i / reliability.length,
    to: (i + 1) / reliability.length,
    rows: rows.value,
    confidence: confidence.total / rows.value,
    accuracy: correct.value / rows.value,
  }));
  const all = bins.reduce((sum, { rows }) => sum + rows, 0);
  const gaps = reliability.map(({ correct, confidence }) => Math.abs(correct.value - confidence.total));
  return { expectedCalibrationError: Math.sumPrecise(gaps) / all, bins };
}
