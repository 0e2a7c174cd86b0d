// logSoftmax: x − ln Σ e^x over each row. logits [rows, vocab] → logProbabilities [rows, vocab], any dtypes; may be one matrix.
// (x − max) − ln sum, in that order: logits of 1e4 lose nothing. −∞ stays −∞; a row of −∞ gives NaN.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { commit, destination, loadBlock, transform } from "./block";
import { orient, rowMax, rowSum, scan } from "./scan";
import { endClass, firstClass } from "./team";

export function logSoftmax(
  logits: View,
  logProbabilities: View,
  rows: i32,
  vocab: i32,
  softcap: f32,
  temperature: f32,
): void {
  transform(softcap, temperature);
  for (let row = 0; row < rows; row++) {
    orient(logits, row, vocab);
    scan(logits, row, vocab);
    const m = f32x4.splat(<f32>rowMax), c = f32x4.splat(<f32>Math.log(rowSum));
    for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
      const length = blockLength(start, vocab);
      const x = loadBlock(logits, row, start, length, scratch(0));
      const y = destination(logProbabilities, row, start, length, scratch(1));
      for (let i: usize = 0, end = <usize>padded(length) << 2; i < end; i += 16) {
        v128.store(y + i, f32x4.sub(f32x4.sub(v128.load(x + i), m), c));
      }
      commit(logProbabilities, row, start, length, y);
    }
  }
}
