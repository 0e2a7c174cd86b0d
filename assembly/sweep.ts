// The loops over a block in cache. All take addresses of f32, a count that is a multiple of 16, and leave scalars in globals.
//
// The one that matters sums e^(x − m) over a block and, in the same loop, takes the maximum of the block after it: that
// block comes from memory while this one keeps the arithmetic busy, and its maximum is known before its own turn.
// Never a lagging maximum, never a block done twice.
// m must be finite and no less than any x. Sums are four lanes by two accumulators of f32, then f64.

import { constant, madd, nmadd } from "./math";

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

/** What {@link sweep} is compiled for: the next block's maximum, a plain sum, Kahan's sum, the moment, storing. */
const NEXT = 1, SUM = 2, EXACT = 4, MOMENT = 8, STORE = 16;

/** The loop: see the head of this file. `target` receives scale·e^(x − m). */
@inline
function sweep(x: usize, count: i32, m: f32, next: usize, target: usize, scale: f32, parts: i32): void {
  const lowest = constant(0), log2e = constant(1), magic = constant(2), one = constant(10);
  const q3 = constant(6), q2 = constant(7), q1 = constant(8), q0 = constant(9);
  const ln2 = ASC_FEATURE_RELAXED_SIMD ? constant(3) : constant(4);
  const mm = f32x4.splat(m), k = f32x4.splat(scale);
  let s0 = f32x4.splat(0), s1 = s0, c0 = s0, c1 = s0, t0 = s0, t1 = s0;
  let peak = f32x4.splat(-Infinity);
  for (let end = x + (<usize>count << 2); x < end; x += 32) {
    if (parts & NEXT) peak = f32x4.pmax(peak, v128.load(next));
    const d0 = f32x4.pmax(f32x4.sub(v128.load(x), mm), lowest);
    const b0 = madd(d0, log2e, magic), n0 = f32x4.sub(b0, magic);
    const r0 = ASC_FEATURE_RELAXED_SIMD ? nmadd(n0, ln2, d0) : nmadd(n0, constant(5), nmadd(n0, ln2, d0));
    const p0 = madd(madd(madd(madd(madd(q3, r0, q2), r0, q1), r0, q0), r0, one), r0, one);
    if (parts & SUM) s0 = madd(p0, i32x4.shl(b0, 23), s0);
    else {
      const e0 = f32x4.mul(p0, i32x4.shl(b0, 23));
      if (parts & EXACT) {
        const y0 = f32x4.sub(e0, c0), u0 = f32x4.add(s0, y0);
        c0 = f32x4.sub(f32x4.sub(u0, s0), y0);
        s0 = u0;
      }
      if (parts & MOMENT) {
        s0 = f32x4.add(s0, e0);
        t0 = madd(e0, d0, t0);
      }
      if (parts & STORE) v128.store(target, f32x4.mul(e0, k));
    }

    if (parts & NEXT) peak = f32x4.pmax(peak, v128.load(next, 16));
    const d1 = f32x4.pmax(f32x4.sub(v128.load(x, 16), mm), lowest);
    const b1 = madd(d1, log2e, magic), n1 = f32x4.sub(b1, magic);
    const r1 = ASC_FEATURE_RELAXED_SIMD ? nmadd(n1, ln2, d1) : nmadd(n1, constant(5), nmadd(n1, ln2, d1));
    const p1 = madd(madd(madd(madd(madd(q3, r1, q2), r1, q1), r1, q0), r1, one), r1, one);
    if (parts & SUM) s1 = madd(p1, i32x4.shl(b1, 23), s1);
    else {
      const e1 = f32x4.mul(p1, i32x4.shl(b1, 23));
      if (parts & EXACT) {
        const y1 = f32x4.sub(e1, c1), u1 = f32x4.add(s1, y1);
        c1 = f32x4.sub(f32x4.sub(u1, s1), y1);
        s1 = u1;
      }
      if (parts & MOMENT) {
        s1 = f32x4.add(s1, e1);
        t1 = madd(e1, d1, t1);
      }
      if (parts & STORE) v128.store(target, f32x4.mul(e1, k), 16);
    }

    if (parts & NEXT) next += 32;
    if (parts & STORE) target += 32;
  }
  if (parts & (SUM | MOMENT)) blockSum = lanes(f32x4.add(s0, s1));
  if (parts & EXACT) blockSum = lanes(s0) + lanes(s1) - (lanes(c0) + lanes(c1));
  if (parts & MOMENT) blockMoment = lanes(f32x4.add(t0, t1));
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
