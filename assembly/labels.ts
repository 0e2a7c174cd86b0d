// The target mass τ that a row gives to every class: τ_i = w_i·(confidence·t_i + smoothing), for soft targets t, class
// weights w and label smoothing; each part may be absent. (An integer target is one entry more; cross_entropy.ts adds it.)
// A masked class (x = −∞) takes no part in the smoothing: its loss would be +∞ whatever the model did.
//
// Σ τ·x is summed block by block about a shift near the block's top: Σ τ·(x − shift) in f32, runs of four joined by Kahan's
// method, shift·Σ τ in f64. 0·(−∞) is 0.

import { View, padded, scratch } from "./view";
import { fetch } from "./block";
import { constant, madd } from "./math";
import { lanes } from "./sweep";

let soft: View = changetype<View>(0);
let weights: View = changetype<View>(0);
let confidence: f32 = 1;
let smoothing: f32 = 0;

/** Σ τ and Σ τ·x of the block last labelled. */
export let blockMass: f64 = 0;
export let blockLabelled: f64 = 0;

/** Sets where the target mass of the kernel that runs now comes from. Returns whether any class but the target has some. */
export function describe(targetProbabilities: View, classWeights: View, share: f32, each: f32): bool {
  soft = targetProbabilities;
  weights = classWeights;
  confidence = share;
  smoothing = each;
  return targetProbabilities.present || each != 0;
}

/** The weight of one class. */
@inline
export function classWeight(index: i32): f32 {
  return weights.present ? load<f32>(weights.row(0) + (<usize>index << 2)) : 1;
}

/** τ of a block, into scratch block 2, whose address it returns; 0 in the padding. Uses scratch 3. */
function labelBlock(x: usize, row: i32, start: i32, length: i32): usize {
  const target = scratch(2);
  const count = padded(length);
  const share = f32x4.splat(confidence), each = f32x4.splat(smoothing);
  const lowest = f32x4.neg(constant(21));
  const t = soft.present ? fetch(soft, row, start, length, scratch(3), 0) : 0;
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    let mass = v128.andnot(each, f32x4.eq(v128.load(x + i), lowest));
    if (t) mass = madd(v128.load(t + i), share, mass);
    v128.store(target + i, mass);
  }
  if (weights.present) {
    const w = fetch(weights, 0, start, length, scratch(3), 0);
    for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
      v128.store(target + i, f32x4.mul(v128.load(target + i), v128.load(w + i)));
    }
  }
  return target;
}

/** Sums τ over a block of logits that lie about `shift`. */
export function label(x: usize, row: i32, start: i32, length: i32, shift: f32): void {
  const tau = labelBlock(x, row, start, length);
  const m = f32x4.splat(shift), zero = constant(25);
  let mass = zero, massLost = zero, product = zero, productLost = zero;
  for (let i: usize = 0, end = <usize>padded(length) << 2; i < end;) {
    let run = zero, runProduct = zero;
    for (const stop = i + 64; i < stop; i += 16) {
      const t = v128.load(tau + i);
      run = f32x4.add(run, t);
      runProduct = f32x4.add(runProduct, v128.andnot(f32x4.mul(t, f32x4.sub(v128.load(x + i), m)), f32x4.eq(t, zero)));
    }
    const moreMass = f32x4.sub(run, massLost), nextMass = f32x4.add(mass, moreMass);
    massLost = f32x4.sub(f32x4.sub(nextMass, mass), moreMass);
    mass = nextMass;
    const more = f32x4.sub(runProduct, productLost), next = f32x4.add(product, more);
    const lost = f32x4.sub(f32x4.sub(next, product), more);
    productLost = v128.and(lost, f32x4.eq(lost, lost)); // an infinite sum has lost nothing
    product = next;
  }
  blockMass = lanes(mass) - lanes(massLost);
  blockLabelled = lanes(product) - lanes(productLost) + <f64>shift * blockMass;
}

/** Subtracts scale·τ from a block of gradients, but for masked classes. */
export function unlabel(x: usize, gradient: usize, row: i32, start: i32, length: i32, scale: f32): void {
  const tau = labelBlock(x, row, start, length);
  const k = f32x4.splat(scale), lowest = f32x4.neg(constant(21));
  for (let i: usize = 0, end = <usize>padded(length) << 2; i < end; i += 16) {
    const term = v128.andnot(f32x4.mul(v128.load(tau + i), k), f32x4.eq(v128.load(x + i), lowest));
    v128.store(gradient + i, f32x4.sub(v128.load(gradient + i), term));
  }
}
