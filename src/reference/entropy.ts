/**
 * H = −Σ p·ln p over each row, as ln s − t / s with s = Σ e^(x − max), t = Σ e^(x − max)·(x − max) ≤ 0: nothing cancels.
 *
 * −∞ contributes 0; a row of −∞, or with +∞ or NaN, gives NaN.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { sum } from "./classes.ts";
import { type Distribution, normalise } from "./distribution.ts";
import { readRow, transform, writeRow } from "./row.ts";

/** Entropy of a distribution, in nats. */
export function entropyOf({ logits, max, sum: total, logSum }: Distribution): number {
  const moment = sum(logits.length, (i) => {
    const d = logits[i] - max;
    return logits[i] === -Infinity ? 0 : Math.exp(d) * d;
  });
  return logSum - moment / total;
}

/** logits [rows, vocab] → result [rows], times `scale`: 1 for nats, 1 / ln 2 for bits; logSumExp [rows]. */
export function entropy(
  logits: Tensor,
  result: Tensor,
  logSumExp: Tensor,
  rows: number,
  _vocab: number,
  softcap: number,
  temperature: number,
  scale: number,
): void {
  for (let row = 0; row < rows; row++) {
    const distribution = normalise(transform(readRow(logits, row), softcap, temperature));
    writeRow(result, row, [scale * entropyOf(distribution)]);
    writeRow(logSumExp, row, [distribution.logSumExp]);
  }
}
