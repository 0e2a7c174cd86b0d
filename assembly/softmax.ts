// softmax: e^x / Σ e^x over each row. logits [rows, vocab] → probabilities [rows, vocab], any dtypes; they may be one matrix.
// The row is scanned once from memory, then weighed by e^(x − max) / sum from cache. Probabilities below 2⁻¹²⁶ may be 0.
// −∞ gives exactly 0. A row of −∞ gives NaN. A +∞ gives NaN there and 0 elsewhere.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { commit, destination, loadBlock, transform } from "./block";
import { orient, rowMax, rowSum, scan } from "./scan";
import { weigh } from "./sweep";
import { endClass, firstClass } from "./team";

export function softmax(
  logits: View,
  probabilities: View,
  rows: i32,
  vocab: i32,
  softcap: f32,
  temperature: f32,
): void {
  transform(softcap, temperature);
  for (let row = 0; row < rows; row++) {
    orient(logits, row, vocab);
    scan(logits, row, vocab);
    const scale = <f32>(1 / rowSum);
    for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
      const length = blockLength(start, vocab);
      const x = loadBlock(logits, row, start, length, scratch(0));
      const p = destination(probabilities, row, start, length, scratch(1));
      weigh(x, p, padded(length), <f32>rowMax, scale);
      commit(probabilities, row, start, length, p);
    }
  }
}
