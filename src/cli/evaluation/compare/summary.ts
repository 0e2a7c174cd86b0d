/** The numbers of a comparison. */
import type { RowCounts } from "../evaluation.ts";
import { covariance, type Estimate, estimate } from "../moments.ts";
import type { Part } from "../parts.ts";
import { type Calibration, calibrationOf, type Reliability } from "../reliability.ts";
import { exponential } from "../score/summary.ts";
import { type Series, type Spread, spread } from "../series.ts";
import type { Settings } from "../settings.ts";
import type { CompareEvaluation, TargetState } from "./evaluation.ts";
import { TOP } from "./rows.ts";

/** What is found of two files. */
export interface CompareSummary {
  readonly kind: "compare";
  /** Which rows of which files. */
  readonly parts: readonly Part[];
  readonly settings: Settings;
  readonly rows: RowCounts;
  /** D(base ‖ other), in nats. */
  readonly forward: Spread;
  /** D(other ‖ base), in nats. */
  readonly reverse: Spread;
  /** The Jensen–Shannon divergence, in nats. */
  readonly jensenShannon: Spread;
  /** The divergence that storing the base costs, in nats. */
  readonly floor: Estimate;
  /** In which share of rows the likeliest token is the same; which share of the five likeliest is. */
  readonly agreement: Readonly<Record<"top1" | "top5", number>>;
  /** D(base ‖ other) by the probability of the base's likeliest token. */
  readonly byConfidence: readonly ConfidenceBucket[];
  /** What is said of the tokens that came. */
  readonly targets?: TargetSummary;
}

/** Rows in which the base is about as confident. */
export interface ConfidenceBucket {
  /** Confidences are above this; 0 belongs to the first. */
  readonly from: number;
  /** Confidences are at most this. */
  readonly to: number;
  /** How many rows. */
  readonly rows: number;
  /** The mean of D(base ‖ other) in nats: NaN for no rows. */
  readonly mean: number;
  /** Its greatest value: NaN for no rows. */
  readonly max: number;
}

/** How a file predicts the tokens that came. */
export interface Prediction {
  /** −ln p, in nats. */
  readonly loss: Spread;
  /** e to the mean loss. */
  readonly perplexity: Estimate;
  /** Whether confidences are right. */
  readonly calibration: Calibration;
}

/** How both files predict the tokens that came. */
export interface TargetSummary {
  readonly base: Prediction;
  readonly other: Prediction;
  /** ln of the other's perplexity over the base's: the mean difference of losses, whose error knows that they are paired. */
  readonly logRatio: Estimate;
  /** The other's perplexity over the base's. */
  readonly ratio: Estimate;
  /** Pearson's correlation of the two log-probabilities. */
  readonly correlation: number;
  /** p of the other less p of the base. */
  readonly deltaProbability: Spread;
}

/** Draws an evaluation together. */
export function summariseComparison(
  { kind, settings, state }: CompareEvaluation,
  parts: readonly Part[],
): CompareSummary {
  const read = state.read.value, ignored = state.ignored.value, counted = read - ignored;
  const { buckets, targets } = state;
  return {
    kind,
    parts,
    settings,
    rows: { read, counted, ignored },
    forward: spread(counted, state.forward),
    reverse: spread(counted, state.reverse),
    jensenShannon: spread(counted, state.jensenShannon),
    floor: estimate(counted, state.floor),
    agreement: {
      top1: state.sameLikeliest.value / counted,
      top5: state.shared.value / (counted * Math.min(TOP, settings.vocab)),
    },
    byConfidence: buckets.map(({ rows, sum, max }, i) => ({
      from: i / buckets.length,
      to: (i + 1) / buckets.length,
      rows: rows.value,
      mean: sum.total / rows.value,
      max: rows.value === 0 ? NaN : max.value,
    })),
    ...targets && { targets: summariseTargets(counted, targets) },
  };
}

function summariseTargets(count: number, state: TargetState): TargetSummary {
  const base = predictionOf(count, state.baseLoss, state.baseReliability);
  const other = predictionOf(count, state.otherLoss, state.otherReliability);
  const [variance, otherVariance] = [state.baseLoss, state.otherLoss].map(({ sum, squares }) =>
    covariance(count, sum, sum, squares)
  );
  const common = covariance(count, state.baseLoss.sum, state.otherLoss.sum, state.lossProducts);
  const logRatio = {
    mean: (state.otherLoss.sum.total - state.baseLoss.sum.total) / count,
    standardError: Math.sqrt(Math.max(0, variance + otherVariance - 2 * common) / count),
  };
  return {
    base,
    other,
    logRatio,
    ratio: exponential(logRatio),
    correlation: common / Math.sqrt(variance * otherVariance),
    deltaProbability: spread(count, state.deltaProbability),
  };
}

function predictionOf(count: number, series: Series, reliability: Reliability): Prediction {
  const loss = spread(count, series);
  return { loss, perplexity: exponential(loss), calibration: calibrationOf(reliability) };
}
