// The loops over a block in cache. All take addresses of f32, a count that is a multiple of 16, and leave scalars in globals.
//
// The one that matters sums e^(x − m) over a block and, in the same loop, takes the maximum of the block after it: that
// block comes from memory while this one keeps the arithmetic busy, and its maximum is known before its own turn.
// Never a lagging maximum, never a block done twice.
// m must be no less than any x. Sums are f32 in four lanes, compensated, and f64 from one block to the next.

import { constant, expPolynomial, firstLn2, madd, power, reduce } from "./math";

/** Σ e^(x − m) of the last sweep but {@link weigh}. */
export let blockSum: f64 = 0;
/** Σ e^(x − m)·(x − m) of the last sweep with moments. */
export let blockMoment: f64 = 0;
/** Maximum of the next block, seen on the way. */
export let nextMaximum: f32 = 0;

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

/** Parts of {@link sweep}: the next block's maximum; a sum by runs, or by Kahan's method throughout; moments; storing. */
const NEXT = 1, SUM = 2, EXACT = 4, MOMENT = 8, STORE = 16;

/**
 * Bytes of a run: eight vectors, so that no element is rounded more than eight times on its way into the sum. Runs are then
 * added by Kahan's method.
 */
const RUN_BYTES: usize = 128;

/** The loop: see the head of this file. `target` receives scale·e^(x − m). */
@inline
function sweep(x: usize, count: i32, m: f32, next: usize, target: usize, scale: f32, parts: i32): void {
  const lowest = constant(0), log2e = constant(1), magic = constant(2), one = constant(10);
  const q3 = constant(6), q2 = constant(7), q1 = constant(8), q0 = constant(9);
  const ln2 = firstLn2(), zero = constant(25), mm = f32x4.splat(m), k = f32x4.splat(scale);
  let peak = f32x4.splat(-Infinity), sum = zero, lost = zero, moment = zero, momentLost = zero;
  const end = x + (<usize>count << 2);
  while (x < end) {
    let run = zero, runMoment = zero;
    for (const stop = min(end, x + RUN_BYTES); x < stop; x += 16) {
      if (parts & NEXT) peak = f32x4.pmax(peak, v128.load(next));
      const d = f32x4.pmax(f32x4.sub(v128.load(x), mm), lowest);
      const b = madd(d, log2e, magic), n = f32x4.sub(b, magic);
      const p = expPolynomial(reduce(d, n, ln2), q3, q2, q1, q0, one);
      if (parts & SUM) run = madd(p, power(b), run);
      else {
        const e = f32x4.mul(p, power(b));
        if (parts & EXACT) {
          const added = f32x4.sub(e, lost), raised = f32x4.add(sum, added);
          lost = f32x4.sub(f32x4.sub(raised, sum), added);
          sum = raised;
        }
        if (parts & MOMENT) {
          run = f32x4.add(run, e);
          runMoment = madd(e, d, runMoment);
        }
        if (parts & STORE) v128.store(target, f32x4.mul(e, k));
      }
      if (parts & NEXT) next += 16;
      if (parts & STORE) target += 16;
    }
    if (parts & (SUM | MOMENT)) {
      const added = f32x4.sub(run, lost), raised = f32x4.add(sum, added);
      lost = f32x4.sub(f32x4.sub(raised, sum), added);
      sum = raised;
    }
    if (parts & MOMENT) {
      const added = f32x4.sub(runMoment, momentLost), raised = f32x4.add(moment, added);
      momentLost = f32x4.sub(f32x4.sub(raised, moment), added);
      moment = raised;
    }
  }
  blockSum = lanes(sum) - lanes(lost);
  if (parts & MOMENT) blockMoment = lanes(moment) - lanes(momentLost);
  if (parts & NEXT) nextMaximum = highest(peak);
}

export function sum(x: usize, count: i32, m: f32): void {
  sweep(x, count, m, 0, 0, 0, SUM);
}

export function sumNext(x: usize, count: i32, m: f32, next: usize): void {
  sweep(x, count, m, next, 0, 0, SUM | NEXT);
}

export function sumMoment(x: usize, count: i32, m: f32): void {
  sweep(x, count, m, 0, 0, 0, MOMENT);
}

export function sumMomentNext(x: usize, count: i32, m: f32, next: usize): void {
  sweep(x, count, m, next, 0, 0, MOMENT | NEXT);
}

/** scale·e^(x − m) into `target`, which may be `x`. No sum. */
export function weigh(x: usize, target: usize, count: i32, m: f32, scale: f32): void {
  sweep(x, count, m, 0, target, scale, STORE);
}

/** e^(x − m) into `target`, and their sum without the rounding of a running one, for what is multiplied by it later. */
export function weighExactly(x: usize, target: usize, count: i32, m: f32): void {
  sweep(x, count, m, 0, target, 1, STORE | EXACT);
}
