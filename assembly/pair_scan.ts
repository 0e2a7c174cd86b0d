// One look at two rows: their log-sum-exps and D(P ‖ Q), as a mergeable partial.
//
// The divergence obeys a chain rule: over blocks b of the vocabulary, D(P ‖ Q) is the divergence of the blocks' masses plus
// Σ_b P_b·D(P|b ‖ Q|b). So each block is finished in cache against its own sums, and merging adds only terms that are ≥ 0:
//   Σ P·(d + e^(−d) − 1), d = ln P − ln Q, summed over classes in a block and over blocks in a row,
// which equals Σ P·d because ΣP = ΣQ = 1, and where P = 0 leaves Q. An error c common to all d costs c²/2. The masses'
// own logarithms ln P_b − ln Q_b must be right to their last digits: they come from Σ P·(e^(−d) − 1), small where the rows
// are near, not from the quotient of two sums. What is one number a block is f64.
// p = 0: the class adds Q (nothing in the textbook's sum). q = 0 < p: +∞. No distribution (a row of −∞, or +∞ or NaN): NaN.

import { BLOCK, BLOCK_BYTES, SEGMENT, View, blockLength, ownPartial, padded, scratch } from "./view";
import { temperature } from "./block";
import { bregmanPolynomial, constant, madd } from "./math";
import { blockSum, lanes, maximum, weigh, weighAndSum } from "./sweep";
import { difference, fromP, fromQ, isExact, loadPair, xp, xq } from "./pair";
import { PairPartial, ratioTerm } from "./pair_partial";
import { endClass, firstClass, isAlone, meet, segments, slot, turn } from "./team";

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

/** Scans this thread's part of a row of both matrices, and gathers the others'. No divergence without `terms`. Uses scratch 0 to 5. */
export function scanPair(p: View, q: View, row: i32, vocab: i32, terms: bool): void {
  const whole = changetype<PairPartial>(ownPartial(0));
  whole.clear();
  let segment = changetype<PairPartial>(ownPartial(1));
  for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
    if (start % SEGMENT == 0) {
      if (!isAlone()) segment = changetype<PairPartial>(slot(start / SEGMENT, vocab));
      segment.clear();
    }
    absorb(p, q, row, start, vocab, segment, terms);
    const next = start + BLOCK;
    if (isAlone() && (next >= end || next % SEGMENT == 0)) whole.merge(segment);
  }
  if (!isAlone()) {
    meet();
    for (let i = 0, count = segments(vocab); i < count; i++) whole.merge(changetype<PairPartial>(slot(i, vocab)));
    turn();
  }
  maxP = whole.maxP;
  sumP = whole.sumP;
  maxQ = whole.maxQ;
  sumQ = whole.sumQ;
  divergence = whole.divergence;
  gap = whole.gap;
}

/** Takes a block into the segment. */
function absorb(p: View, q: View, row: i32, start: i32, vocab: i32, segment: PairPartial, terms: bool): void {
  const length = blockLength(start, vocab), count = padded(length);
  loadPair(p, q, row, start, length);
  const rawP = maximum(xp, count), rawQ = maximum(xq, count);
  const shift = difference(p, q, row, start, length, rawP, rawQ);
  weighAndSum(xp, scratch(2), count, rawP == -Infinity ? 0 : rawP - fromP);
  const sp = blockSum;
  weighAndSum(xq, scratch(3), count, rawQ == -Infinity ? 0 : rawQ - fromQ);
  const sq = blockSum;
  if (sp == 0 && sq == 0) return;
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
  segment.add(mp, sp, mq, sq, between, within);
}

/** Takes two rows that were not scanned here for the last ones, of which this much is known. */
export function assume(mp: f64, mq: f64, between: f64): void {
  maxP = mp;
  maxQ = mq;
  gap = between;
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
  const zero = constant(25);
  let sum = zero, lost = zero, mean = zero, at = scratch(2);
  for (const end = at + (<usize>count << 2); at < end;) {
    let run = zero, runMean = zero;
    for (const stop = at + 64; at < stop; at += 16) {
      const p = v128.load(at), q = f32x4.mul(v128.load(at, BLOCK_BYTES), ratio);
      // Where p is masked δ is −∞, or NaN if q is too: any finite number will do, its product with 0 is 0 and Q is left
      const d = f32x4.pmax(bottom, f32x4.sub(f32x4.sub(v128.load(at, 3 * BLOCK_BYTES), c), c2));
      const product = f32x4.mul(p, d);
      const quotient = bregmanPolynomial(d, q6, q5, q4, q3, q2, q1, q0);
      const near = f32x4.mul(f32x4.mul(product, d), quotient), far = f32x4.add(product, f32x4.sub(q, p));
      run = f32x4.add(run, v128.bitselect(near, far, f32x4.le(f32x4.abs(d), one)));
      runMean = f32x4.add(runMean, product);
    }
    mean = f32x4.add(mean, runMean);
    // Kahan's sum: a large divergence may also be many small terms
    const corrected = f32x4.sub(run, lost), next = f32x4.add(sum, corrected);
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
  if (much >= 1) return; // no weight is larger than 1
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
