// One look at two rows: their log-sum-exps and D(P ‖ Q), as a mergeable partial.
//
// The divergence obeys a chain rule: over blocks b of the vocabulary, D(P ‖ Q) is the divergence of the blocks' masses plus
// Σ_b P_b·D(P|b ‖ Q|b). So each block is finished in cache against its own sums, and merging adds only terms that are ≥ 0:
//   Σ P·(d + e^(−d) − 1), d = ln P − ln Q, summed over classes in a block and over blocks in a row,
// which equals Σ P·d because ΣP = ΣQ = 1, and where P = 0 leaves Q. An error c common to all d costs c²/2. The masses'
// own logarithms ln P_b − ln Q_b must be right to their last digits: they come from Σ P·(e^(−d) − 1), small where the rows
// are near, not from the quotient of two sums. What is one number a block is f64.
// p = 0: the class adds Q (nothing in the textbook's sum). q = 0 < p: +∞. No distribution (a row of −∞, or +∞ or NaN): NaN.

import { BLOCK, BLOCK_BYTES, View, blockLength, padded, scratch } from "./view";
import { temperature } from "./block";
import { bregmanPolynomial, constant, madd } from "./math";
import { blockSum, lanes, maximum, weigh, weighExactly } from "./sweep";
import { difference, fromP, fromQ, isExact, loadPair, xp, xq } from "./pair";

/** The partial of the rows last scanned. */
export let maxP: f64 = 0;
export let sumP: f64 = 0;
export let maxQ: f64 = 0;
export let sumQ: f64 = 0;
export let divergence: f64 = 0;
/** ln of P's total over Q's. */
export let gap: f64 = 0;

/** Σ P·(d + e^(−d) − 1) and Σ P·d of the block last summed. */
let termSum: f64 = 0;
let termMean: f64 = 0;

/** Scans row `row` of both matrices; without `terms` the divergence is left out. Uses scratch 0 to 5. */
export function scanPair(p: View, q: View, row: i32, vocab: i32, terms: bool): void {
  maxP = -Infinity;
  maxQ = -Infinity;
  sumP = 0;
  sumQ = 0;
  divergence = 0;
  gap = 0;
  for (let start = 0; start < vocab; start += BLOCK) {
    const length = blockLength(start, vocab), count = padded(length);
    loadPair(p, q, row, start, length);
    const rawP = maximum(xp, count), rawQ = maximum(xq, count);
    const shift = difference(p, q, row, start, length, rawP, rawQ);
    weighExactly(xp, scratch(2), count, rawP == -Infinity ? 0 : rawP - fromP);
    const sp = blockSum;
    weighExactly(xq, scratch(3), count, rawQ == -Infinity ? 0 : rawQ - fromQ);
    const sq = blockSum;
    if (sp == 0 && sq == 0) continue;
    const mp = <f64>rawP / <f64>temperature, mq = <f64>rawQ / <f64>temperature;
    let between = mp - mq + Math.log(sp / sq), within: f64 = 0;
    if (terms && sp != 0) {
      blockTerms(count, sp, sq, between - shift, shift);
      within = sq == 0 ? Infinity : termSum;
      // Σ P·e^(−d) should be 1 and is 1 + excess: ln(sp / sq), a quotient of rounded sums, is off by its logarithm. Where
      // P and Q are far apart the excess itself is rounded more than the quotient.
      const excess = termSum - termMean;
      if (within < 0.1) {
        const off = Math.log1p(excess);
        between -= off;
        within = Math.max(0, within - (excess - off));
      }
    }
    merge(mp, sp, mq, sq, between, within);
  }
}

/**
 * A block of the rows last scanned: P in scratch 2 and Q in 3, times kp·sumP and kq·sumQ, and in 5 δ less a shift. Returns
 * what δ must still be less for ln P − ln Q.
 */
export function loadWeights(p: View, q: View, row: i32, start: i32, length: i32, kp: f32, kq: f32): f32 {
  const count = padded(length), rawP = <f32>(maxP * temperature), rawQ = <f32>(maxQ * temperature);
  loadPair(p, q, row, start, length);
  const shift = difference(p, q, row, start, length, rawP, rawQ);
  weigh(xp, scratch(2), count, rawP - fromP, kp);
  weigh(xq, scratch(3), count, rawQ - fromQ, kq);
  return <f32>(gap - shift);
}

/**
 * Σ P·(d + e^(−d) − 1) and Σ P·d of a block, d = δ − centre: weights of p in scratch 2, of q in 3, which sum to sp and sq;
 * δ in 5. The few classes with much of P's mass are summed in f64, for a large divergence is often one large term.
 */
function blockTerms(count: i32, sp: f64, sq: f64, centre: f64, shift: f64): void {
  heavyTerms(count, sp, sq, centre, shift);
  const high = <f32>centre, c = f32x4.splat(high), c2 = f32x4.splat(<f32>(centre - <f64>high));
  const ratio = f32x4.splat(<f32>(sp / sq)), one = constant(10), bottom = constant(26);
  const q6 = constant(11), q5 = constant(12), q4 = constant(13), q3 = constant(14);
  const q2 = constant(15), q1 = constant(16), q0 = constant(17);
  let sum = constant(25), lost = sum, mean = sum, at = scratch(2);
  for (const end = at + (<usize>count << 2); at < end; at += 16) {
    const p = v128.load(at), q = f32x4.mul(v128.load(at, BLOCK_BYTES), ratio);
    // Where p is masked δ is −∞, or NaN if q is too: any finite number will do, its product with 0 is 0 and Q is left
    const d = f32x4.pmax(bottom, f32x4.sub(f32x4.sub(v128.load(at, 3 * BLOCK_BYTES), c), c2));
    const product = f32x4.mul(p, d);
    const quotient = bregmanPolynomial(d, q6, q5, q4, q3, q2, q1, q0);
    const near = f32x4.mul(f32x4.mul(product, d), quotient), far = madd(p, d, f32x4.sub(q, p));
    const term = v128.bitselect(near, far, f32x4.le(f32x4.abs(d), one));
    mean = f32x4.add(mean, product);
    // Kahan's sum: a large divergence may also be many small terms
    const corrected = f32x4.sub(term, lost), next = f32x4.add(sum, corrected);
    lost = f32x4.sub(f32x4.sub(next, sum), corrected);
    sum = next;
  }
  termSum = (termSum + lanes(sum) - lanes(lost)) / sp;
  termMean = (termMean + lanes(mean)) / sp;
  // Without NaN in the rows it can only come from ∞: q is masked where p is not
  if (termSum != termSum && sp == sp && sq == sq) termSum = Infinity;
}

/** Begins the sums with the classes that hold more than a sixteenth of P, and takes their weights out of the block. */
function heavyTerms(count: i32, sp: f64, sq: f64, centre: f64, shift: f64): void {
  termSum = 0;
  termMean = 0;
  const exact = isExact();
  const much = <f32>(sp / 16), bar = f32x4.splat(much);
  for (let start: usize = 0, end = <usize>count << 2; start < end; start += 16) {
    if (!v128.any_true(f32x4.gt(v128.load(scratch(2) + start), bar))) continue;
    for (let i = start; i < start + 16; i += 4) {
      const p = load<f32>(scratch(2) + i);
      if (!(p > much)) continue;
      const delta = exact ? <f64>load<f32>(xp + i) - <f64>load<f32>(xq + i) - shift : <f64>load<f32>(scratch(5) + i);
      const d = delta - centre;
      const q = abs(d) <= 1 ? <f64>p * Math.exp(-d) : <f64>load<f32>(scratch(3) + i) * (sp / sq);
      termSum += ratioTerm(<f64>p, q, d);
      termMean += <f64>p * d;
      store<f32>(scratch(2) + i, 0);
      store<f32>(scratch(3) + i, 0);
    }
  }
}

/** w·(d + e^(−d) − 1) where v = w·e^(−d): by its series where the terms would cancel. */
@inline
function ratioTerm(w: f64, v: f64, d: f64): f64 {
  return abs(d) < 0.01
    ? w * d * d * (1 / 2.0 - d * (1 / 6.0 - d * (1 / 24.0 - d * (1 / 120.0 - d / 720))))
    : w * d + (v - w);
}

/** Merges a block into the row's partial by the chain rule. */
function merge(mp: f64, sp: f64, mq: f64, sq: f64, between: f64, within: f64): void {
  const topP = Math.max(maxP, sp == 0 ? -Infinity : mp), topQ = Math.max(maxQ, sq == 0 ? -Infinity : mq);
  const pa = scaled(sumP, maxP, topP), pb = scaled(sp, mp, topP);
  const qa = scaled(sumQ, maxQ, topQ), qb = scaled(sq, mq, topQ);
  const p = pa + pb, q = qa + qb;
  const step = gap - between;
  // A difference of two logarithms of sums would have the sums' rounding: where the parts are near, only their gaps count.
  const total = sumP == 0 && sumQ == 0
    ? between
    : abs(step) < 1
    ? gap - Math.log1p(pb / p * Math.expm1(step))
    : topP - topQ + Math.log(p / q);
  const a = part(pa / p, qa / q, sumP, sumQ, gap - total, divergence);
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
  return ratioTerm(w, v, d) + w * within;
}
