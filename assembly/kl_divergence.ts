// klDivergence: D(P ‖ Q) = Σ P·ln(P / Q) of each pair of rows. p, q [rows, vocab], logits or probabilities, which are
//   impossible in classes that their matrix lacks, gradientScale? [rows] →
//   divergence [rows] f32, partial? [rows, 6] f64 (maxP, sumP, maxQ, sumQ, D, ln of P's total over Q's),
//   gradientP?, gradientQ? [rows, vocab].
// One look from memory (pair_scan.ts: formula, accuracy, edges); the gradients take a second one from cache:
//   ∂D/∂p = scale·P·(d − D), ∂D/∂q = scale·(Q − P) = scale·P·(e^(−d) − 1); exactly 0 where that logit is −∞.
// Never negative, exactly 0 for equal rows, relative error ≤ 1e-5 at divergences of 1e-8.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { chain, commit, scaleOf, transform } from "./block";
import { bregman, constant } from "./math";
import { fromP, fromQ, readAs, xp, xq } from "./pair";
import { divergence as rowDivergence, gap, loadWeights, maxP, maxQ, scanPair, sumP, sumQ } from "./pair_scan";
import { endClass, firstClass } from "./team";

export function klDivergence(
  p: View,
  q: View,
  gradientScale: View,
  divergence: View,
  partial: View,
  gradientP: View,
  gradientQ: View,
  rows: i32,
  vocab: i32,
  input: i32,
  softcap: f32,
  temperature: f32,
  scale: f32,
): void {
  transform(softcap, temperature);
  readAs(input);
  for (let row = 0; row < rows; row++) {
    scanPair(p, q, row, vocab, true);
    const value = sumP > 0 && sumQ > 0 ? rowDivergence : NaN;
    store<f32>(divergence.row(row), <f32>value);
    if (partial.present) {
      const at = partial.row(row);
      store<f64>(at, maxP);
      store<f64>(at, sumP, 8);
      store<f64>(at, maxQ, 16);
      store<f64>(at, sumQ, 24);
      store<f64>(at, rowDivergence, 32);
      store<f64>(at, gap, 40);
    }
    if (!gradientP.present && !gradientQ.present) continue;
    const factor = <f32>scaleOf(gradientScale, row, scale);
    const known = value == value; // without a divergence there is no gradient either: NaN throughout
    const kp: f32 = known ? <f32>(1 / sumP) : NaN, kq: f32 = known ? <f32>(1 / sumQ) : NaN;
    for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
      const length = blockLength(start, vocab), count = padded(length);
      const centre = loadWeights(p, q, row, start, length, kp, kq);
      if (gradientP.present) {
        slopeP(count, centre, <f32>value, factor);
        chain(xp, scratch(4), count, fromP);
        commit(gradientP, row, start, length, scratch(4));
      }
      if (gradientQ.present) {
        slopeQ(count, centre, factor);
        chain(xq, scratch(4), count, fromQ);
        commit(gradientQ, row, start, length, scratch(4));
      }
    }
  }
}

/** scale·P·(d − D) into scratch 4; 0 where P is 0. */
export function slopeP(count: i32, centre: f32, value: f32, scale: f32): void {
  const c = f32x4.splat(centre), mean = f32x4.splat(value), k = f32x4.splat(scale), zero = constant(25);
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    const weight = v128.load(scratch(2) + i);
    const d = f32x4.sub(v128.load(scratch(5) + i), c);
    const g = f32x4.mul(f32x4.mul(weight, f32x4.sub(d, mean)), k);
    v128.store(scratch(4) + i, v128.andnot(g, f32x4.eq(weight, zero)));
  }
}

/** scale·(Q − P) into scratch 4, from d where P and Q are near; 0 where q is masked. */
export function slopeQ(count: i32, centre: f32, scale: f32): void {
  const c = f32x4.splat(centre), k = f32x4.splat(scale), one = constant(10), lowest = f32x4.neg(constant(21));
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    const weight = v128.andnot(v128.load(scratch(2) + i), f32x4.eq(v128.load(xq + i), lowest));
    const d = f32x4.sub(v128.load(scratch(5) + i), c);
    const near = f32x4.mul(weight, f32x4.sub(bregman(d), d));
    const far = f32x4.sub(v128.load(scratch(3) + i), weight);
    v128.store(scratch(4) + i, f32x4.mul(v128.bitselect(near, far, f32x4.le(f32x4.abs(d), one)), k));
  }
}
