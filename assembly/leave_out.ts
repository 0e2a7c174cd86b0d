// leaveOut: logits [rows, vocab] f32, targets [rows] i32, hits [rows] i32 → remaining [rows, vocab], in the place of
// the logits. −∞ for classes from `forAll` on, but for the row's target, and for its hit. A target or a hit below 0
// is none of these. Nothing is read but one logit a row; the others are written or left as they are.

import { View } from "./view";
import { endClass, firstClass } from "./team";

export function leaveOut(
  logits: View,
  targets: View,
  hits: View,
  remaining: View,
  rows: i32,
  vocab: i32,
  forAll: i32,
): void {
  const first = firstClass(vocab), end = endClass(vocab), from = max(first, forAll);
  const nothing = f32x4.splat(-Infinity);
  for (let row = 0; row < rows; row++) {
    const target = load<i32>(targets.row(row)), hit = load<i32>(hits.row(row));
    const at = remaining.row(row), isHere = target >= from && target < end;
    const own = isHere ? load<f32>(logits.row(row) + (<usize>target << 2)) : 0;
    let v = from;
    for (; v + 4 <= end; v += 4) v128.store(at + (<usize>v << 2), nothing);
    for (; v < end; v++) store<f32>(at + (<usize>v << 2), -Infinity);
    if (isHere) store<f32>(at + (<usize>target << 2), own);
    if (hit >= first && hit < end) store<f32>(at + (<usize>hit << 2), -Infinity);
  }
}
