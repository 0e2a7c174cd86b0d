// Two rows side by side, for the divergences: their logits xp and xq, and δ = xp − xq kept apart from both, because a
// divergence of 1e-8 lives in differences that ln P and ln Q, each rounded, no longer hold.
//
// δ is taken before the temperature divides. If the two rows' maxima lie more than 1 apart, δ is taken less that shift k
// with the rounding error of the subtraction added back, so that a constant added to all logits costs nothing.
// Probabilities come in as their logarithms; δ is then ln(p / q) where that is small.

import { View, padded, scratch } from "./view";
import { cool, fetch, isCooled, loadRaw } from "./block";
import { constant, ln } from "./math";

let probabilities: bool = false;

/** Sets what the matrices of the kernel that runs now hold. */
export function readAs(input: i32): void {
  probabilities = input != 0;
}

/** Addresses of the block last loaded. δ is written by {@link difference}. */
export let xp: usize = 0;
export let xq: usize = 0;

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

/** Writes δ − shift of the block last loaded to `target`; NaN where both are −∞. Then cools the two rows and δ. */
export function difference(p: View, q: View, row: i32, start: i32, length: i32, shift: f32, target: usize): void {
  const count = padded(length);
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
  if (isCooled()) {
    cool(target, target, count);
    cool(xp, scratch(0), count);
    cool(xq, scratch(1), count);
    xp = scratch(0);
    xq = scratch(1);
  }
}

/** Whether δ is the difference of the block's own numbers, neither cooled nor a logarithm. */
@inline
export function isExact(): bool {
  return !probabilities && !isCooled();
}

/** Replaces small δ by ln(p / q): the quotient of two near numbers has all its digits. Uses scratch 3 and 4. */
function ratios(p: View, q: View, row: i32, start: i32, length: i32, target: usize): void {
  const a = fetch(p, row, start, length, scratch(3), 0), b = fetch(q, row, start, length, scratch(4), 0);
  const one = constant(10);
  for (let i: usize = 0, end = <usize>padded(length) << 2; i < end; i += 16) {
    const d = v128.load(target + i);
    const ratio = ln(f32x4.div(v128.load(a + i), v128.load(b + i)));
    v128.store(target + i, v128.bitselect(ratio, d, f32x4.lt(f32x4.abs(d), one)));
  }
}
