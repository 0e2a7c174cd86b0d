// One look at two rows: their log-sum-exps and D(P ‖ Q), as a mergeable partial.
//
// The divergence obeys a chain rule: over blocks b of the vocabulary, D(P ‖ Q) is the divergence of the blocks' masses plus
// Σ_b P_b·D(P|b ‖ Q|b). So each block is finished in cache against its own sums, and merging adds only terms that are ≥ 0:
//   Σ P·(d + e^(−d) − 1), d = ln P − ln Q, summed over classes in a block and over blocks in a row,
// which equals Σ P·d because ΣP = ΣQ = 1, and where P = 0 leaves Q. An error c in d costs c²/2, so one subtraction of f32
// numbers is precise enough; what is one number a block is f64.
// p = 0: the class adds Q (nothing in the textbook's sum). q = 0 < p: +∞. No distribution (a row of −∞, or +∞ or NaN): NaN.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { bregman, constant, madd } from "./math";
import { blockSum, lanes, maximum, weigh } from "./sweep";
import { difference, loadPair, xp, xq } from "./pair";

/** The partial of the rows last scanned. */
export let maxP: f64 = 0;
export let sumP: f64 = 0;
export let maxQ: f64 = 0;
export let sumQ: f64 = 0;
export let divergence: f64 = 0;
/** ln of P's total over Q's. */
let gap: f64 = 0;

/** Scans row `row` of both matrices; without `terms` the divergence is left out. Uses scratch 0 to 5. */
export function scanPair(p: View, q: View, row: i32, vocab: i32, temperature: f32, terms: bool): void {
  maxP = -Infinity;
  maxQ = -Infinity;
  sumP = 0;
  sumQ = 0;
  divergence = 0;
  gap = 0;
  for (let start = 0; start < vocab; start += BLOCK) {
    const length = blockLength(start, vocab), count = padded(length);
    loadPair(p, q, row, start, length);
    let mp = maximum(xp, count), mq = maximum(xq, count);
    const shift: f32 = terms ? shiftOf(<f64>mp, <f64>mq) : 0;
    difference(p, q, row, start, length, shift, scratch(5));
    mp /= temperature;
    mq /= temperature;
    weigh(xp, scratch(2), count, mp == -Infinity ? 0 : mp, 1);
    const sp = blockSum;
    weigh(xq, scratch(3), count, mq == -Infinity ? 0 : mq, 1);
    const sq = blockSum;
    if (sp == 0 && sq == 0) continue;
    const between = <f64>mp - <f64>mq + Math.log(sp / sq);
    let within: f64 = 0;
    if (terms && sp != 0) within = sq == 0 ? Infinity : blockTerms(count, sp, sq, between - <f64>shift / <f64>temperature);
    merge(<f64>mp, sp, <f64>mq, sq, between, within);
  }
}

/** A shift of δ, in units of the raw logits: none while the two maxima are close. */
@inline
export function shiftOf(mp: f64, mq: f64): f32 {
  const shift = <f32>(mp - mq);
  return abs(shift) > 1 && isFinite(shift) ? shift : 0;
}

/** Σ P·(d + e^(−d) − 1) of the block in scratch: weights of p in 2, of q in 3, δ in 5, all to be normalised. */
function blockTerms(count: i32, sp: f64, sq: f64, centre: f64): f64 {
  const kp = f32x4.splat(<f32>(1 / sp)), kq = f32x4.splat(<f32>(1 / sq)), c = f32x4.splat(<f32>centre);
  const one = constant(10), zero = constant(25), infinity = constant(21);
  let s0 = zero, s1 = zero;
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 32) {
    s0 = f32x4.add(s0, term(scratch(0) + i, kp, kq, c, one, zero, infinity));
    s1 = f32x4.add(s1, term(scratch(0) + i + 16, kp, kq, c, one, zero, infinity));
  }
  return lanes(f32x4.add(s0, s1));
}

@inline
function term(at: usize, kp: v128, kq: v128, c: v128, one: v128, zero: v128, infinity: v128): v128 {
  const weightP = f32x4.mul(v128.load(at, 8192), kp);
  const weightQ = f32x4.mul(v128.load(at, 12288), kq);
  const d = f32x4.sub(v128.load(at, 20480), c);
  const near = f32x4.mul(weightP, bregman(d));
  const far = madd(weightP, d, f32x4.sub(weightQ, weightP));
  const both = v128.bitselect(near, far, f32x4.le(f32x4.abs(d), one));
  const none = v128.bitselect(infinity, weightQ, f32x4.eq(d, infinity));
  return v128.bitselect(none, both, f32x4.eq(weightP, zero));
}

/** Merges a block into the row's partial by the chain rule. */
function merge(mp: f64, sp: f64, mq: f64, sq: f64, between: f64, within: f64): void {
  const topP = Math.max(maxP, sp == 0 ? -Infinity : mp), topQ = Math.max(maxQ, sq == 0 ? -Infinity : mq);
  const pa = scaled(sumP, maxP, topP), pb = scaled(sp, mp, topP);
  const qa = scaled(sumQ, maxQ, topQ), qb = scaled(sq, mq, topQ);
  const p = pa + pb, q = qa + qb;
  const total = topP - topQ + Math.log(p / q);
  const a = sumP != 0 || sumQ != 0 ? part(pa / p, qa / q, sumP, sumQ, gap - total, divergence) : 0;
  const b = part(pb / p, qb / q, sp, sq, between - total, within);
  divergence = a + b;
  gap = total;
  maxP = topP;
  maxQ = topQ;
  sumP = p;
  sumQ = q;
}

@inline
function scaled(sum: f64, max: f64, top: f64): f64 {
  return sum == 0 ? 0 : sum * Math.exp(max - top);
}

/** What one part of the vocabulary adds: masses w of P and v of Q there, d the logarithm of their ratio, `within` inside. */
function part(w: f64, v: f64, massP: f64, massQ: f64, d: f64, within: f64): f64 {
  if (massP == 0) return massQ == 0 || v != v ? 0 : v;
  if (massQ == 0 || within == Infinity) return Infinity;
  if (w == 0) return v;
  const between = abs(d) < 0.01
    ? w * d * d * (1 / 2.0 - d * (1 / 6.0 - d * (1 / 24.0 - d * (1 / 120.0 - d / 720))))
    : w * d + (v - w);
  return between + w * within;
}
