/**
 * ln Σ e^x over each row.
 *
 * All −∞ gives −∞; +∞ gives +∞, unless a NaN gives NaN.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { normalise } from "./distribution.ts";
import { readRow, transform, writeRow } from "./row.ts";

/** logits [rows, vocab] → result [rows], partial? [rows, 2]: max, Σ e^(x − max). */
export function logSumExp(
  logits: Tensor,
  result: Tensor,
  partial: Tensor | undefined,
  rows: number,
  _vocab: number,
  softcap: number,
  temperature: number,
): void {
  for (let row = 0; row < rows; row++) {
    const { max, sum, logSumExp } = normalise(transform(readRow(logits, row), softcap, temperature));
    writeRow(result, row, [logSumExp]);
    writeRow(partial, row, [max, sum]);
  }
}
