/** What the library says of positions of a text, batch by batch. */
import {
  type CommonOptions,
  crossEntropy,
  klDivergence,
  type Matrix,
  type Report,
  tokenStatistics,
} from "../../../mod.ts";

/** The distributions that the model is compared with. */
export const RIVALS = ["unigram", "bf16", "f16"] as const;

/** One of {@linkcode RIVALS}. */
export type Rival = typeof RIVALS[number];

/** How a model predicted positions, in order. */
export interface Predictions {
  /** −ln p of the token that came, in nats. */
  readonly loss: Float32Array;
  /** Entropy of the prediction, in nats. */
  readonly entropy: Float32Array;
  /** Rank of the token that came; 1 if no other was likelier. */
  readonly rank: Int32Array;
}

/** The model's predictions and their divergence from its rivals' at the same positions, in nats. */
export interface Scores extends Predictions {
  /** KL divergence from the model to each rival. */
  readonly divergence: Readonly<Record<Rival, Float32Array>>;
}

/** What the calls of one kind have cost together. */
export type Cost = Pick<Report, "backend" | "reason" | "seconds" | "bytesRead">;

/** Costs by the name of the call. */
export type Ledger = Map<string, Cost>;

/** A batch of positions: rows of log-probabilities and the tokens that came. */
export interface Batch {
  /** The model's. */
  readonly logits: Matrix;
  /** Those of its rivals. */
  readonly rivals: Readonly<Record<Rival, Matrix>>;
  /** The tokens. */
  readonly targets: Uint32Array;
}

/** Room for the scores of `count` positions. */
export function createScores(count: number): Scores {
  const [loss, entropy, unigram, bf16, f16] = Array.from({ length: 5 }, () => new Float32Array(count));
  return { loss, entropy, rank: new Int32Array(count), divergence: { unigram, bf16, f16 } };
}

/** Scores a batch whose first row is position `at`. */
export async function scoreBatch(
  { logits, rivals, targets }: Batch,
  at: number,
  options: CommonOptions,
  scores: Scores,
  ledger: Ledger,
): Promise<void> {
  const { loss, report } = await crossEntropy(logits, targets, { ...options, reduction: "none" });
  scores.loss.set(loss, at);
  enter(ledger, "crossEntropy", report);

  const { entropy, rank, report: statisticsReport } = await tokenStatistics(logits, targets, options);
  scores.entropy.set(entropy, at);
  scores.rank.set(rank, at);
  enter(ledger, "tokenStatistics", statisticsReport);

  for (const rival of RIVALS) {
    const { divergence, report } = await klDivergence(logits, rivals[rival], { ...options, reduction: "none" });
    scores.divergence[rival].set(divergence, at);
    enter(ledger, `klDivergence, ${rival}`, report);
  }
}

/** Predictions that are the same one at every position, given once. */
export async function scoreConstant(
  logProbabilities: Float32Array,
  targets: Uint32Array,
  options: CommonOptions,
): Promise<Predictions> {
  const everywhere = repeatRow(logProbabilities, targets.length);
  const { targetLogProbability, entropy, rank } = await tokenStatistics(everywhere, targets, options);
  return { loss: Float32Array.from(targetLogProbability, (value) => -value), entropy, rank };
}

/** A matrix whose rows are all the same row of memory. */
export function repeatRow(data: Float32Array, rows: number): Matrix {
  return { data, shape: [rows, data.length], rowStride: 0 };
}

function enter(ledger: Ledger, name: string, { backend, reason, seconds, bytesRead }: Report): void {
  const sum = ledger.get(name) ?? { seconds: 0, bytesRead: 0 };
  ledger.set(name, { backend, reason, seconds: sum.seconds + seconds, bytesRead: sum.bytesRead + bytesRead });
}
