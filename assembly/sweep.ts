// The loops over a block in cache. All take addresses of f32, a count that is a multiple of 16, and leave scalars in globals.
//
// sum, the one that takes the time: Σ e^(x − base), base a logit that is not far below any other. The largest x is taken on
//   the way; where it turns out to lie far above the base the caller counts again. One vector at a time: two keep more
//   constants and sums alive than there are registers, and are slower.
// weigh: scale·e^(x − m).
// Sums are f32 in four lanes by runs, joined by Kahan's method, and f64 from one block to the next.

import { constant, exp, expPolynomial, firstLn2, madd, power, reduce } from "./math";

/** Σ of the last sweep. */
export let blockSum: f64 = 0;
/** Σ e^(x − base)·(x − base) of the last {@link sumMoments}. */
export let blockMoment: f64 = 0;
/** Largest element of the last sum that is not NaN. */
export let blockPeak: f32 = 0;

/** Sum of the lanes, in f64 and always in the same order. */
@inline
export function lanes(s: v128): f64 {
  return <f64> f32x4.extract_lane(s, 0) + <f64> f32x4.extract_lane(s, 1) +
    (<f64> f32x4.extract_lane(s, 2) + <f64> f32x4.extract_lane(s, 3));
}

@inline
function highest(s: v128): f32 {
  return max(
    max(f32x4.extract_lane(s, 0), f32x4.extract_lane(s, 1)),
    max(f32x4.extract_lane(s, 2), f32x4.extract_lane(s, 3)),
  );
}

/** Largest element that is not NaN; −∞ if there is none. */
export function maximum(x: usize, count: i32): f32 {
  let m0 = f32x4.splat(-Infinity), m1 = m0, m2 = m0, m3 = m0;
  for (let end = x + (<usize>count << 2); x < end; x += 64) {
    m0 = f32x4.pmax(m0, v128.load(x));
    m1 = f32x4.pmax(m1, v128.load(x, 16));
    m2 = f32x4.pmax(m2, v128.load(x, 32));
    m3 = f32x4.pmax(m3, v128.load(x, 48));
  }
  return highest(f32x4.pmax(f32x4.pmax(m0, m1), f32x4.pmax(m2, m3)));
}

/** What the loops have for e^d: of one d ≤ 88. */
export function weightOf(d: f32): f64 {
  return <f64>f32x4.extract_lane(exp(f32x4.splat(d)), 0);
}

/** Bytes of a run: eight vectors, so that no element is rounded more than eight times in its run. */
const RUN_BYTES: usize = 128;

@inline
function sumBlock(x: usize, count: i32, base: f32, moments: bool): void {
  const least = constant(0), log2e = constant(1), magic = constant(2), ln2 = firstLn2(), from = f32x4.splat(base);
  const q3 = constant(6), q2 = constant(7), q1 = constant(8), q0 = constant(9), one = constant(10), zero = constant(25);
  let peak = f32x4.splat(-Infinity), sum = zero, lost = zero, moment = zero, momentLost = zero;
  const end = x + (<usize>count << 2);
  while (x < end) {
    let run = zero, runMoment = zero;
    for (const stop = min(end, x + RUN_BYTES); x < stop; x += 16) {
      const value = v128.load(x);
      peak = f32x4.pmax(peak, value);
      const d = f32x4.pmax(f32x4.sub(value, from), least);
      const b = madd(d, log2e, magic);
      const p = expPolynomial(reduce(d, f32x4.sub(b, magic), ln2), q3, q2, q1, q0, one);
      if (moments) {
        const e = f32x4.mul(p, power(b));
        run = f32x4.add(run, e);
        runMoment = madd(e, d, runMoment);
      } else run = madd(p, power(b), run);
    }
    const added = f32x4.sub(run, lost), raised = f32x4.add(sum, added);
    lost = f32x4.sub(f32x4.sub(raised, sum), added);
    sum = raised;
    if (moments) {
      const more = f32x4.sub(runMoment, momentLost), next = f32x4.add(moment, more);
      momentLost = f32x4.sub(f32x4.sub(next, moment), more);
      moment = next;
    }
  }
  blockSum = lanes(sum) - lanes(lost);
  blockPeak = highest(peak);
  if (moments) blockMoment = lanes(moment) - lanes(momentLost);
}

/** Σ e^(x − base) of a block, and its peak. */
export function sum(x: usize, count: i32, base: f32): void {
  sumBlock(x, count, base, false);
}

/** The same, and Σ e^(x − base)·(x − base). */
export function sumMoments(x: usize, count: i32, base: f32): void {
  sumBlock(x, count, base, true);
}

/** scale·e^(x − m) into `target`, which may be `x`, and their sum if it is wanted: at most four roundings, then Kahan's. */
@inline
function weighBlock(x: usize, target: usize, count: i32, m: f32, scale: f32, summed: bool): void {
  const least = constant(0), log2e = constant(1), magic = constant(2), one = constant(10);
  const q3 = constant(6), q2 = constant(7), q1 = constant(8), q0 = constant(9);
  const ln2 = firstLn2(), zero = constant(25), mm = f32x4.splat(m), k = f32x4.splat(scale);
  let sum = zero, lost = zero;
  for (const end = x + (<usize>count << 2); x < end;) {
    let run = zero;
    for (const stop = x + 64; x < stop; x += 16, target += 16) {
      const d = f32x4.pmax(f32x4.sub(v128.load(x), mm), least);
      const b = madd(d, log2e, magic);
      const p = expPolynomial(reduce(d, f32x4.sub(b, magic), ln2), q3, q2, q1, q0, one);
      const e = f32x4.mul(p, power(b));
      if (summed) run = f32x4.add(run, e);
      v128.store(target, summed ? e : f32x4.mul(e, k));
    }
    if (summed) {
      const added = f32x4.sub(run, lost), raised = f32x4.add(sum, added);
      lost = f32x4.sub(f32x4.sub(raised, sum), added);
      sum = raised;
    }
  }
  if (summed) blockSum = lanes(sum) - lanes(lost);
}

/** scale·e^(x − m) into `target`, which may be `x`. No sum. */
export function weigh(x: usize, target: usize, count: i32, m: f32, scale: f32): void {
  weighBlock(x, target, count, m, scale, false);
}

/** Multiplies a block by a factor. */
export function rescale(x: usize, count: i32, factor: f32): void {
  const k = f32x4.splat(factor);
  for (const end = x + (<usize>count << 2); x < end; x += 16) v128.store(x, f32x4.mul(v128.load(x), k));
}

/** e^(x − m) into `target`, and their sum; m may be less than x by as much as 40. */
export function weighAndSum(x: usize, target: usize, count: i32, m: f32): void {
  weighBlock(x, target, count, m, 1, true);
}
