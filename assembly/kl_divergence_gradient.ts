// klDivergenceGradient: the gradient of klDivergence by logits q of which only these classes are at hand, from what is
// known of the whole rows. p, q [rows, vocab], logits or probabilities, levels [rows, 8] f32: maxP, maxQ and ln of P's
// total over Q's, each with what it is beyond f32, and what e^(x − max) of p and q is multiplied by, k / sumP and k / sumQ
//   → gradient [rows, vocab] = k·(Q − P)·dx/dr, which may be q.
// From d = ln P − ln Q where P and Q are near (kl_divergence.ts); exactly 0 where q is −∞; NaN where a multiplier is.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { chain, commit, transform } from "./block";
import { slopeQ } from "./kl_divergence";
import { fromQ, readAs, xq } from "./pair";
import { assume, loadWeights } from "./pair_scan";
import { endClass, firstClass } from "./team";

export function klDivergenceGradient(
  p: View,
  q: View,
  levels: View,
  gradient: View,
  rows: i32,
  vocab: i32,
  input: i32,
  softcap: f32,
  temperature: f32,
): void {
  transform(softcap, temperature);
  readAs(input);
  for (let row = 0; row < rows; row++) {
    const at = levels.row(row), kp = load<f32>(at, 24), kq = load<f32>(at, 28);
    assume(whole(at), whole(at + 8), whole(at + 16));
    for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
      const length = blockLength(start, vocab), count = padded(length);
      slopeQ(count, loadWeights(p, q, row, start, length, kp, kq), 1);
      chain(xq, scratch(4), count, fromQ);
      commit(gradient, row, start, length, scratch(4));
    }
  }
}

/** An f64 as the sum of two f32. */
@inline
function whole(at: usize): f64 {
  return <f64>load<f32>(at) + <f64>load<f32>(at, 4);
}
