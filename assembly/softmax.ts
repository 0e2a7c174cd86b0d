// softmax: e^x / Σ e^x over each row. logits [rows, vocab] → probabilities [rows, vocab], any dtypes; they may be one matrix.
// f32 results: e^(x − base) on the way, multiplied from cache once the sum is known (1.25 times as fast as a second look at the
// logits). Half precision, a cap or a temperature take that second look: e^(x − max) / sum. Probabilities below 2⁻¹²⁶ may be 0.
// −∞ gives exactly 0. A row of −∞ gives NaN. A +∞ gives NaN there and 0 elsewhere.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { commit, destination, loadBlock, transform } from "./block";
import { canKeep, finishKept, orient, rowMax, rowSum, scan, scanKeeping } from "./scan";
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
    if (canKeep(probabilities, vocab)) {
      scanKeeping(logits, row, vocab, probabilities);
      finishKept(probabilities, row, vocab, 1 / rowSum);
      continue;
    }
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
