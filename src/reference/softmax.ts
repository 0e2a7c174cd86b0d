/**
 * p = e^x / Σ e^x over each row.
 *
 * −∞ gives exactly 0; a row of −∞, or with a NaN, is NaN; with +∞ it is NaN there and 0 elsewhere.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { tabulate } from "./classes.ts";
import { normalise, probability } from "./distribution.ts";
import { readRow, transform, writeRow } from "./row.ts";

/** logits [rows, vocab] → probabilities [rows, vocab], which may be the same matrix. */
export function softmax(
  logits: Tensor,
  probabilities: Tensor,
  rows: number,
  vocab: number,
  softcap: number,
  temperature: number,
): void {
  for (let row = 0; row < rows; row++) {
    const distribution = normalise(transform(readRow(logits, row), softcap, temperature));
    writeRow(probabilities, row, tabulate(vocab, (i) => probability(distribution, i)));
  }
}
