/**
 * ln p = x − ln Σ e^x over each row.
 *
 * −∞ stays −∞; a row of −∞, or with a NaN, is NaN; with +∞ it is NaN there and −∞ elsewhere.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { tabulate } from "./classes.ts";
import { logProbability, normalise } from "./distribution.ts";
import { readRow, transform, writeRow } from "./row.ts";

/** logits [rows, vocab] → logProbabilities [rows, vocab], which may be the same matrix. */
export function logSoftmax(
  logits: Tensor,
  logProbabilities: Tensor,
  rows: number,
  vocab: number,
  softcap: number,
  temperature: number,
): void {
  for (let row = 0; row < rows; row++) {
    const distribution = normalise(transform(readRow(logits, row), softcap, temperature));
    writeRow(logProbabilities, row, tabulate(vocab, (i) => logProbability(distribution, i)));
  }
}
