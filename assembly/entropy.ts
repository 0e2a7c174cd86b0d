// entropy: −Σ p ln p of each row's softmax. logits [rows, vocab] → entropy [rows], logSumExp [rows], f32.
// H = ln s − t / s with s = Σ e^(x − max), t = Σ e^(x − max)·(x − max): both terms are ≥ 0, nothing cancels. One pass.
// −∞ contributes 0; a row of −∞ gives NaN. `scale` is 1 for nats, 1 / ln 2 for bits.

import { View } from "./view";
import { transform } from "./block";
import { orient, rowLogSumExp, rowMoment, rowSum, scanMoments } from "./scan";

/** Entropy of the row last scanned with moments, in nats; rounding must not make it negative. */
@inline
export function rowEntropy(): f64 {
  return Math.max(0, Math.log(rowSum) - rowMoment / rowSum);
}

export function entropy(
  logits: View,
  result: View,
  logSumExp: View,
  rows: i32,
  vocab: i32,
  softcap: f32,
  temperature: f32,
  scale: f64,
): void {
  transform(softcap, temperature);
  for (let row = 0; row < rows; row++) {
    orient(logits, row, vocab);
    scanMoments(logits, row, vocab);
    store<f32>(result.row(row), <f32>(rowEntropy() * scale));
    store<f32>(logSumExp.row(row), <f32>rowLogSumExp());
  }
}
