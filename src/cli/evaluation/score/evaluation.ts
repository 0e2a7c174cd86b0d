/** How well a model predicts: what is added up, row by row, and what is made of it. */
import { Count } from "../count.ts";
import type { Conclusion, Evaluation } from "../evaluation.ts";
import { ExactSum } from "../exact_sum.ts";
import { addMoments, newMoments } from "../moments.ts";
import type { Part } from "../parts.ts";
import { addReliability, newReliability } from "../reliability.ts";
import { addSeries, newSeries } from "../series.ts";
import type { Settings } from "../settings.ts";
import { scoreChart } from "./chart.ts";
import { describeScore } from "./report.ts";
import type { ScoreRows } from "./rows.ts";
import { summariseScore } from "./summary.ts";

/** Among how many of the likeliest tokens the one that came may be, to count as right. */
export const TOPS = [1, 5, 10] as const;

/** Accumulators of nothing. */
function newState({ bins }: Settings, mostKept?: number) {
  return {
    read: new Count(),
    ignored: new Count(),
    loss: newSeries(mostKept),
    entropy: newMoments(),
    brier: new ExactSum(),
    ranks: { top1: new Count(), top5: new Count(), top10: new Count() },
    reliability: newReliability(bins),
  };
}

/** What is added up. */
export type ScoreState = ReturnType<typeof newState>;

/** An evaluation of one file of logits. */
export class ScoreEvaluation implements Evaluation {
  readonly kind = "score";
  readonly settings: Settings;
  readonly state: ScoreState;

  /** One of no rows; of each number a row, up to `mostKept` are kept. */
  constructor(settings: Settings, mostKept?: number) {
    this.settings = settings;
    this.state = newState(settings, mostKept);
  }

  /** Adds rows that were counted, and how many were read for that. */
  add(read: number, found: ScoreRows): void {
    const { state } = this, { rows, rank } = found;
    state.read.add(read);
    state.ignored.add(read - rows.length);
    addSeries(state.loss, found.loss, rows);
    addMoments(state.entropy, found.entropy);
    state.brier.add(found.brier);
    for (const top of TOPS) state.ranks[`top${top}`].add(rank.reduce((sum, one) => sum + (one <= top ? 1 : 0), 0));
    addReliability(state.reliability, found.confidence, found.correct);
  }

  conclude(parts: readonly Part[]): Conclusion {
    const summary = summariseScore(this, parts);
    return { summary, text: describeScore(summary), chart: () => scoreChart(summary, this.state) };
  }
}
