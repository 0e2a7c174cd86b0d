/** What the library says of each row of a file. */
import { calibration, tokenStatistics } from "../../../../mod.ts";
import type { Block } from "../blocks.ts";
import type { Manner } from "../evaluation.ts";
import { pick, placesOf, type Targets } from "../targets.ts";

/** Numbers of the rows that count. */
export interface ScoreRows {
  /** Which rows of the file they are. */
  readonly rows: Float64Array;
  /** −ln p of the token that came, in nats. */
  readonly loss: Float32Array;
  /** Entropy of the prediction, in nats. */
  readonly entropy: Float32Array;
  /** The rank of the token that came. */
  readonly rank: Int32Array;
  /** The probability of a likeliest token. */
  readonly confidence: Float64Array;
  /** Whether the token that came is such a one: 1 or 0. */
  readonly correct: Uint8Array;
  /** Σ (p − y)². */
  readonly brier: Float64Array;
}

/** Scores a block whose rows have targets; rows that are left out may have any. */
export async function scoreRows(block: Block, targets: Targets, manner: Manner): Promise<ScoreRows> {
  const { logits: [logits] } = block, { classes = new Int32Array() } = targets;
  const { targetLogProbability, entropy, rank } = await tokenStatistics(logits, classes, manner);
  const { confidence, correct, brier } = await calibration(logits, classes, manner);
  return {
    rows: placesOf(block, targets),
    loss: pick(targetLogProbability, targets).map((value) => 0 - value),
    entropy: pick(entropy, targets),
    rank: pick(rank, targets),
    confidence: pick(confidence, targets),
    correct: pick(correct, targets),
    brier: pick(brier, targets),
  };
}
