// jsDivergence: βD(P ‖ M) + (1 − β)D(Q ‖ M), M = βP + (1 − β)Q, of each pair of rows. p, q [rows, vocab], logits or
//   probabilities, impossible in classes that their matrix lacks, gradientScale? [rows] → divergence [rows] f32, gradientP?,
//   gradientQ? [rows, vocab].
// With u = P/M − 1 and g(u) = (1 + u)·ln(1 + u) − u ≥ 0, D(P ‖ M) = Σ M·g(u): what g adds to the textbook's sum is 0 in
// total. u comes from e^(−|d|) − 1, d = ln P − ln Q, so near rows keep their digits; g from s = u / (2 + u), without
// cancellation. Never negative, exactly 0 for equal rows.
//   ∂/∂p = scale·β·P·(ln(P/M) − D(P ‖ M)), ∂/∂q likewise with 1 − β; exactly 0 where that logit is −∞.
// P = 0 or Q = 0 add 0 to their own sum. No distribution (a row of −∞, or +∞ or NaN): NaN.

import { BLOCK, SEGMENT, View, blockLength, padded, scratch } from "./view";
import { chain, commit, scaleOf, transform } from "./block";
import { atanhRest, constant, exp, expm1, isSmallRatio, lnNormal, madd } from "./math";
import { fromP, fromQ, readAs, xp, xq } from "./pair";
import { loadWeights, scanPair, sumP, sumQ } from "./pair_scan";
import { lanes } from "./sweep";
import { endClass, firstClass, isAlone, meet, segments, slot, turn } from "./team";

export function jsDivergence(
  p: View,
  q: View,
  gradientScale: View,
  divergence: View,
  gradientP: View,
  gradientQ: View,
  rows: i32,
  vocab: i32,
  input: i32,
  softcap: f32,
  temperature: f32,
  beta: f64,
  scale: f64,
): void {
  transform(softcap, temperature);
  readAs(input);
  for (let row = 0; row < rows; row++) {
    scanPair(p, q, row, vocab, false);
    const known = sumP > 0 && sumQ > 0; // without a divergence there is no gradient either: NaN throughout
    const kp: f32 = known ? <f32>(1 / sumP) : NaN, kq: f32 = known ? <f32>(1 / sumQ) : NaN;
    scanMeans(p, q, row, vocab, kp, kq, <f32>beta);
    const a = rowMeanP, b = rowMeanQ;
    store<f32>(divergence.row(row), known ? <f32>(beta * a + (1 - beta) * b) : NaN);
    if (!gradientP.present && !gradientQ.present) continue;
    const factor = scaleOf(gradientScale, row, scale);
    for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
      const length = blockLength(start, vocab), count = padded(length);
      mix(count, loadWeights(p, q, row, start, length, kp, kq), <f32>beta);
      if (gradientP.present) {
        slope(count, scratch(2), scratch(6), <f32>a, <f32>(factor * beta));
        chain(xp, scratch(4), count, fromP);
        commit(gradientP, row, start, length, scratch(4));
      }
      if (gradientQ.present) {
        slope(count, scratch(3), scratch(7), <f32>b, <f32>(factor * (1 - beta)));
        chain(xq, scratch(4), count, fromQ);
        commit(gradientQ, row, start, length, scratch(4));
      }
    }
  }
}

/** Σ M·g(P/M − 1) and Σ M·g(Q/M − 1) of the row last scanned. */
export let rowMeanP: f64 = 0;
export let rowMeanQ: f64 = 0;

/** Takes both sums over a row: by segments, like all sums. */
export function scanMeans(p: View, q: View, row: i32, vocab: i32, kp: f32, kq: f32, beta: f32): void {
  rowMeanP = 0;
  rowMeanQ = 0;
  let a: f64 = 0, b: f64 = 0;
  for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
    const length = blockLength(start, vocab), next = start + BLOCK;
    mix(padded(length), loadWeights(p, q, row, start, length, kp, kq), beta);
    a += meanP;
    b += meanQ;
    if (next < end && next % SEGMENT != 0) continue;
    if (isAlone()) {
      rowMeanP += a;
      rowMeanQ += b;
    } else {
      store<f64>(slot(start / SEGMENT, vocab), a);
      store<f64>(slot(start / SEGMENT, vocab), b, 8);
    }
    a = 0;
    b = 0;
  }
  if (isAlone()) return;
  meet();
  for (let i = 0, count = segments(vocab); i < count; i++) {
    rowMeanP += load<f64>(slot(i, vocab));
    rowMeanQ += load<f64>(slot(i, vocab), 8);
  }
  turn();
}

/** The same of the block last mixed. */
let meanP: f64 = 0;
let meanQ: f64 = 0;

/** The two sums, and ln(P/M) into scratch 6, ln(Q/M) into 7. L is the larger of P and Q, S the smaller. */
export function mix(count: i32, centre: f32, beta: f32): void {
  const c = f32x4.splat(centre), betaP = f32x4.splat(beta), betaQ = f32x4.splat(1 - beta);
  const zero = constant(25), one = constant(10);
  // ln(S/M) = ln(S/L) + ln(L/M), unless one of the two has much less weight and the sum would cancel
  const isEven = beta >= 0.0625 && beta <= 0.9375;
  let a = zero, b = zero;
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    const weightP = v128.load(scratch(2) + i), weightQ = v128.load(scratch(3) + i);
    const d = f32x4.sub(v128.load(scratch(5) + i), c);
    const order = f32x4.ge(d, zero);
    const large = v128.bitselect(weightP, weightQ, order);
    const betaL = v128.bitselect(betaP, betaQ, order), betaS = v128.bitselect(betaQ, betaP, order);
    const below = f32x4.neg(f32x4.abs(d));
    const smaller = exp(below), e = expm1(below, smaller); // S / L, and that less 1
    const ratio = madd(betaS, e, one); // M / L
    const nothing = f32x4.eq(f32x4.pmax(weightP, weightQ), zero);
    const m = f32x4.mul(large, ratio);
    const inverse = f32x4.div(one, ratio); // L / M
    const excessL = f32x4.mul(f32x4.neg(f32x4.mul(betaS, e)), inverse); // L / M − 1
    const excessS = f32x4.mul(f32x4.mul(betaL, e), inverse);
    const weightS = f32x4.mul(smaller, inverse); // S / M
    const halfL = half(excessL, inverse), halfS = half(excessS, weightS);
    const restL = rest(halfL), restS = rest(halfS), nearL = isSmallRatio(halfL), nearS = isSmallRatio(halfS);
    let logL = series(halfL, restL), logS = series(halfS, restS);
    if (!i32x4.all_true(nearL)) logL = v128.bitselect(logL, lnNormal(inverse), nearL);
    if (!i32x4.all_true(nearS)) {
      logS = v128.bitselect(logS, isEven ? f32x4.add(below, logL) : lnNormal(weightS), nearS);
    }
    const gainL = gain(excessL, inverse, halfL, restL, logL, nearL);
    const gainS = gain(excessS, weightS, halfS, restS, logS, nearS);
    v128.store(scratch(6) + i, v128.bitselect(logL, logS, order));
    v128.store(scratch(7) + i, v128.bitselect(logS, logL, order));
    a = f32x4.add(a, v128.andnot(f32x4.mul(m, v128.bitselect(gainL, gainS, order)), nothing));
    b = f32x4.add(b, v128.andnot(f32x4.mul(m, v128.bitselect(gainS, gainL, order)), nothing));
  }
  meanP = lanes(a);
  meanQ = lanes(b);
}

/** s = u / (2 + u), so that ln(1 + u) = 2s + s·R(s²); w = 1 + u comes with digits that 1 + u would lose. */
@inline
function half(u: v128, w: v128): v128 {
  return f32x4.div(u, f32x4.add(constant(10), w));
}

/** s·R(s²). */
@inline
function rest(s: v128): v128 {
  return f32x4.mul(s, atanhRest(f32x4.mul(s, s)));
}

/** ln(1 + u) where s is small. */
@inline
function series(s: v128, rest: v128): v128 {
  return f32x4.add(f32x4.add(s, s), rest);
}

/** g(u). */
@inline
function gain(u: v128, w: v128, s: v128, rest: v128, log: v128, near: v128): v128 {
  const one = constant(10), zero = constant(25);
  // (1 + u)·(2s + s·R) − u = (2s² + (1 + s)·s·R)·(1 + w) / 2
  const small = madd(f32x4.add(one, s), rest, f32x4.mul(f32x4.add(s, s), s));
  const product = v128.andnot(f32x4.mul(w, log), f32x4.eq(w, zero));
  return v128.bitselect(
    f32x4.mul(f32x4.mul(small, f32x4.add(one, w)), constant(17)),
    f32x4.sub(product, u),
    near,
  );
}

/** scale·weight·(log − mean) into scratch 4; 0 where the weight is 0. */
export function slope(count: i32, weights: usize, logs: usize, mean: f32, scale: f32): void {
  const a = f32x4.splat(mean), k = f32x4.splat(scale), zero = constant(25);
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    const weight = v128.load(weights + i);
    const g = f32x4.mul(f32x4.mul(weight, f32x4.sub(v128.load(logs + i), a)), k);
    v128.store(scratch(4) + i, v128.andnot(g, f32x4.eq(weight, zero)));
  }
}
