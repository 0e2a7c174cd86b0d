// crossEntropyGradient: the gradient of crossEntropy by logits of which only these classes are at hand, from what is known of
// the whole rows. logits [rows, vocab], targets [rows] i32 (−2: not among these classes), classWeights? [vocab],
// levels [rows, 6] f32: max, what max is beyond it, scale, factor, the target's gradient, least
//   → gradient [rows, vocab] = (scale·e^(x − max) − factor·τ)·dx/dr, which may be the logits; τ as in cross_entropy.ts.
// Runs of 256 classes without the target in which no |scale·e^(x − max)| comes to least have gradient 0.

import { View } from "./view";
import { isCooled, measureFrom, temperature, transform } from "./block";
import { correct, descend, targetOf } from "./cross_entropy";
import { describe } from "./labels";
import { endClass, firstClass } from "./team";

export function crossEntropyGradient(
  logits: View,
  targets: View,
  classWeights: View,
  levels: View,
  gradient: View,
  rows: i32,
  vocab: i32,
  softcap: f32,
  divisor: f32,
  smoothing: f32,
): void {
  transform(softcap, divisor);
  const labelled = describe(changetype<View>(0), classWeights, 1, smoothing);
  for (let row = 0; row < rows; row++) {
    const at = levels.row(row), target = load<i32>(targets.row(row));
    const scale = load<f32>(at, 8), factor = load<f32>(at, 12), least = load<f32>(at, 20);
    // As a temperature divides them, logits are counted from about their largest
    let max = <f64>load<f32>(at) + <f64>load<f32>(at, 4);
    if (isCooled()) {
      const origin = <f32>(max * <f64>temperature);
      measureFrom(isFinite(origin) ? origin : 0);
      if (isFinite(origin)) max -= <f64>origin / <f64>temperature;
    }
    const isHere = target >= firstClass(vocab) && target < endClass(vocab);
    const x = isHere ? targetOf(logits, row, target) : <f32>-Infinity;
    descend(logits, gradient, row, vocab, <f32>max, scale, factor, labelled, least, target);
    if (x != -Infinity) correct(gradient, row, target, x, load<f32>(at, 16));
  }
}
