// logSumExp: ln Σ e^x over each row. logits [rows, vocab] → logSumExp [rows] f32, partial? [rows, 2] f64 (max, Σ e^(x − max)).
// One pass over memory: scan.ts. All −∞ gives −∞; a +∞ gives +∞; NaN gives NaN.

import { View } from "./view";
import { transform } from "./block";
import { orient, rowLogSumExp, rowMax, rowOrigin, rowSum, scan } from "./scan";

export function logSumExp(
  logits: View,
  result: View,
  partial: View,
  rows: i32,
  vocab: i32,
  softcap: f32,
  temperature: f32,
): void {
  transform(softcap, temperature);
  for (let row = 0; row < rows; row++) {
    orient(logits, row, vocab);
    scan(logits, row, vocab);
    store<f32>(result.row(row), <f32>rowLogSumExp());
    if (partial.present) {
      store<f64>(partial.row(row), rowMax + rowOrigin);
      store<f64>(partial.row(row), rowSum, 8);
    }
  }
}
