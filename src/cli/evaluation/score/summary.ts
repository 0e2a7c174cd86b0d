/** The numbers of a model's predictions. */
import type { RowCounts } from "../evaluation.ts";
import { type Estimate, estimate } from "../moments.ts";
import type { Part } from "../parts.ts";
import { type Calibration, calibrationOf } from "../reliability.ts";
import { type Spread, spread } from "../series.ts";
import type { Settings } from "../settings.ts";
import type { ScoreEvaluation } from "./evaluation.ts";

/** What is found of one file. */
export interface ScoreSummary {
  readonly kind: "score";
  /** Which rows of which files. */
  readonly parts: readonly Part[];
  readonly settings: Settings;
  readonly rows: RowCounts;
  /** −ln p of the token that came, in nats. */
  readonly loss: Spread;
  /** e to the mean loss. */
  readonly perplexity: Estimate;
  /** The mean loss in bits. */
  readonly bitsPerToken: Estimate;
  /** Entropy of the prediction, in nats: the loss that the model itself expects. */
  readonly entropy: Estimate;
  /** In which share of rows the token that came was among the so many likeliest. */
  readonly accuracy: Readonly<Record<"top1" | "top5" | "top10", number>>;
  /** Whether confidences are right. */
  readonly calibration: Calibration & {
    /** The mean over rows of Σ (p − y)², y being 1 for the token that came and 0 for all others. */
    readonly brier: number;
  };
}

/** Draws an evaluation together. */
export function summariseScore({ kind, settings, state }: ScoreEvaluation, parts: readonly Part[]): ScoreSummary {
  const read = state.read.value, ignored = state.ignored.value, counted = read - ignored;
  const loss = spread(counted, state.loss), { top1, top5, top10 } = state.ranks;
  return {
    kind,
    parts,
    settings,
    rows: { read, counted, ignored },
    loss,
    perplexity: exponential(loss),
    bitsPerToken: { mean: loss.mean / Math.LN2, standardError: loss.standardError / Math.LN2 },
    entropy: estimate(counted, state.entropy),
    accuracy: { top1: top1.value / counted, top5: top5.value / counted, top10: top10.value / counted },
    calibration: { brier: state.brier.total / counted, ...calibrationOf(state.reliability) },
  };
}

/** e to an estimate, whose error the derivative passes on: the delta method. */
export function exponential({ mean, standardError }: Estimate): Estimate {
  const value = Math.exp(mean);
  return { mean: value, standardError: value * standardError };
}
