/** How far a model is from another: what is added up, row by row, and what is made of it. */
import { Count, Extreme } from "../count.ts";
import type { Conclusion, Evaluation } from "../evaluation.ts";
import { ExactSum } from "../exact_sum.ts";
import { addMoments, newMoments } from "../moments.ts";
import type { Part } from "../parts.ts";
import { addReliability, binOf, newReliability } from "../reliability.ts";
import { addSeries, newSeries } from "../series.ts";
import type { Settings } from "../settings.ts";
import { compareChart } from "./chart.ts";
import { describeComparison } from "./report.ts";
import type { CompareRows, TargetRows } from "./rows.ts";
import { summariseComparison } from "./summary.ts";

/** Equal parts of [0, 1] that the base's confidence is sorted into. */
const BUCKETS = 10;

/** Accumulators of nothing. */
function newState({ bins, hasTargets }: Settings, mostKept?: number) {
  return {
    read: new Count(),
    ignored: new Count(),
    forward: newSeries(mostKept),
    reverse: newSeries(mostKept),
    jensenShannon: newSeries(mostKept),
    floor: newMoments(),
    sameLikeliest: new Count(),
    shared: new Count(),
    buckets: Array.from({ length: BUCKETS }, () => ({
      rows: new Count(),
      sum: new ExactSum(),
      max: new Extreme(Math.max),
    })),
    ...hasTargets && { targets: newTargets(bins, mostKept) },
  };
}

function newTargets(bins: number, mostKept?: number) {
  return {
    baseLoss: newSeries(mostKept),
    otherLoss: newSeries(mostKept),
    lossProducts: new ExactSum(),
    deltaProbability: newSeries(mostKept),
    baseReliability: newReliability(bins),
    otherReliability: newReliability(bins),
  };
}

/** What is added up. */
export type CompareState = ReturnType<typeof newState>;

/** What is added up where there are targets. */
export type TargetState = ReturnType<typeof newTargets>;

/** An evaluation of two files of logits. */
export class CompareEvaluation implements Evaluation {
  readonly kind = "compare";
  readonly settings: Settings;
  readonly state: CompareState;

  /** One of no rows; of each number a row, up to `mostKept` are kept. */
  constructor(settings: Settings, mostKept?: number) {
    this.settings = settings;
    this.state = newState(settings, mostKept);
  }

  /** Adds rows that were counted, and how many were read for that. */
  add(read: number, found: CompareRows): void {
    const { state } = this, { rows, forward, likeliest: [base, other] } = found;
    state.read.add(read);
    state.ignored.add(read - rows.length);
    addSeries(state.forward, forward, rows);
    addSeries(state.reverse, found.reverse, rows);
    addSeries(state.jensenShannon, found.jensenShannon, rows);
    addMoments(state.floor, found.floor);
    state.sameLikeliest.add(base.reduce((sum, token, i) => sum + (token === other[i] ? 1 : 0), 0));
    state.shared.add(found.shared.reduce((sum, count) => sum + count, 0));
    found.confidence[0].forEach((confidence, i) => {
      const bucket = state.buckets[binOf(confidence, BUCKETS)];
      bucket?.rows.add(1);
      bucket?.sum.add([forward[i]]);
      bucket?.max.add(forward[i]);
    });
    if (state.targets !== undefined && found.targets !== undefined) addTargets(state.targets, found, found.targets);
  }

  conclude(parts: readonly Part[]): Conclusion {
    const summary = summariseComparison(this, parts);
    return { summary, text: describeComparison(summary), chart: () => compareChart(summary, this.state) };
  }
}

function addTargets(state: TargetState, { rows, confidence }: CompareRows, targets: TargetRows): void {
  const { correct, loss: [base, other], deltaProbability } = targets;
  addSeries(state.baseLoss, base, rows);
  addSeries(state.otherLoss, other, rows);
  state.lossProducts.add(Float64Array.from(base, (loss, i) => loss * other[i]));
  addSeries(state.deltaProbability, deltaProbability, rows);
  addReliability(state.baseReliability, confidence[0], correct[0]);
  addReliability(state.otherReliability, confidence[1], correct[1]);
}
