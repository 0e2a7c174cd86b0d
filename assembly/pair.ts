// Two rows side by side, for the divergences: their logits xp and xq, and δ = xp − xq kept apart from both, because a
// divergence of 1e-8 lives in differences that ln P and ln Q, each rounded, no longer hold.
//
// δ is taken before the temperature divides. If the two rows' maxima lie more than 1 apart, δ is taken less that shift k
// with the rounding error of the subtraction added back, so that a constant added to all logits costs nothing.
// Probabilities come in as their logarithms; δ, where it is small, then comes from p − q itself.

import { View, padded, scratch } from "./view";
import { cool, fetch, isCooled, loadRaw, temperature } from "./block";
import { isSmallRatio, ln, logRatio } from "./math";

let probabilities: bool = false;

/** Sets what the matrices of the kernel that runs now hold. */
export function readAs(input: i32): void {
  probabilities = input != 0;
}

/** Addresses of the block last loaded, and what its cooled logits are counted from. */
export let xp: usize = 0;
export let xq: usize = 0;
export let fromP: f32 = 0;
export let fromQ: f32 = 0;

/** Loads a block of both rows into scratch 0 and 1, or finds it where it lies; before the temperature. */
export function loadPair(p: View, q: View, row: i32, start: i32, length: i32): void {
  if (!probabilities) {
    xp = loadRaw(p, row, start, length, scratch(0));
    xq = loadRaw(q, row, start, length, scratch(1));
    return;
  }
  xp = logarithms(p, row, start, length, scratch(0));
  xq = logarithms(q, row, start, length, scratch(1));
}

function logarithms(view: View, row: i32, start: i32, length: i32, target: usize): usize {
  const source = fetch(view, row, start, length, target, 0);
  for (let i: usize = 0, end = <usize>padded(length) << 2; i < end; i += 16) {
    v128.store(target + i, ln(v128.load(source + i)));
  }
  return target;
}

/**
 * Writes δ less a shift to scratch 5: of the block last loaded, whose maxima, or those of the whole rows, are mp and mq. NaN
 * where both are −∞. Then cools δ and the two blocks, which are counted from their maxima. Returns the shift, as cooled.
 */
export function difference(p: View, q: View, row: i32, start: i32, length: i32, mp: f32, mq: f32): f64 {
  const shift = shiftOf(mp, mq), target = scratch(5), count = padded(length);
  const end = <usize>count << 2;
  if (shift == 0) {
    for (let i: usize = 0; i < end; i += 16) {
      v128.store(target + i, f32x4.sub(v128.load(xp + i), v128.load(xq + i)));
    }
  } else {
    const k = f32x4.splat(shift);
    for (let i: usize = 0; i < end; i += 16) {
      const a = v128.load(xp + i), b = v128.load(xq + i);
      const d = f32x4.sub(a, b), back = f32x4.sub(d, a);
      // Knuth's two-sum; where d is infinite there is no error to add
      const error = f32x4.sub(f32x4.sub(a, f32x4.sub(d, back)), f32x4.add(b, back));
      const known = v128.and(error, f32x4.eq(error, error));
      v128.store(target + i, f32x4.add(f32x4.sub(d, k), known));
    }
  }
  if (probabilities && shift == 0) ratios(p, q, row, start, length, target);
  fromP = 0;
  fromQ = 0;
  if (!isCooled()) return <f64>shift;
  fromP = isFinite(mp) ? mp : 0;
  fromQ = isFinite(mq) ? mq : 0;
  cool(target, target, count, 0);
  cool(xp, scratch(0), count, fromP);
  cool(xq, scratch(1), count, fromQ);
  xp = scratch(0);
  xq = scratch(1);
  return <f64>shift / <f64>temperature;
}

/** The shift of δ for rows with these maxima: none while they are close. */
function shiftOf(mp: f32, mq: f32): f32 {
  const shift = mp - mq;
  return abs(shift) > 1 && isFinite(shift) ? shift : 0;
}

/** Whether δ is the difference of the block's own numbers, neither cooled nor a logarithm. */
@inline
export function isExact(): bool {
  return !probabilities && !isCooled();
}

/** Replaces small δ by 2·atanh((p − q) / (p + q)), which has all the digits of p − q. Uses scratch 3 and 4. */
function ratios(p: View, q: View, row: i32, start: i32, length: i32, target: usize): void {
  const a = fetch(p, row, start, length, scratch(3), 0), b = fetch(q, row, start, length, scratch(4), 0);
  for (let i: usize = 0, end = <usize>padded(length) << 2; i < end; i += 16) {
    const x = v128.load(a + i), y = v128.load(b + i);
    const s = f32x4.div(f32x4.sub(x, y), f32x4.add(x, y));
    v128.store(target + i, v128.bitselect(logRatio(s), v128.load(target + i), isSmallRatio(s)));
  }
}
