// One block of a row, in and out of f32.
//
// loadBlock: address of `length` f32 values, padded up to a multiple of 16. A block that is f32 already, full and not to be
//   transformed is used where it lies; any other is widened, padded, capped and divided into scratch. So every kernel has
//   one loop, for every dtype, every stride and every tail; classes that a matrix lacks are padding too.
// commit: the way back, rounding to nearest even. NaN stays NaN; −∞ stays −∞ through cap and temperature.

import { BLOCK_BYTES, View, padded } from "./view";
import { narrowBrains, narrowHalves, widen } from "./convert";
import { constant, exp, expm1 } from "./math";

let softcap: f32 = 0;
export let temperature: f32 = 1;

/** What is subtracted before the temperature divides, so that the quotient of a logit of 1e4 is not rounded as such. */
export let origin: f32 = 0;

/** Sets the transformation of the logits for the kernel that runs now. A softcap of 0 is none. */
export function transform(cap: f32, divisor: f32): void {
  softcap = cap;
  temperature = divisor;
  origin = 0;
}

/** Whether logits are neither capped nor divided. */
@inline
export function isPlain(): bool {
  return softcap == 0 && temperature == 1;
}

/** Sets the origin of the row that is loaded next. */
@inline
export function measureFrom(value: f32): void {
  origin = value;
}

/** softcap·tanh(x / softcap), through e^(−2|x| / softcap) − 1 so that small x keep their digits. −∞ stays. */
function cap(source: usize, target: usize, count: i32): void {
  const s = f32x4.splat(softcap);
  const lowest = f32x4.neg(constant(21));
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    const x = v128.load(source + i);
    const y = f32x4.div(x, s);
    const double = f32x4.mul(f32x4.abs(y), f32x4.splat(-2));
    const e = expm1(double, exp(double));
    const tanh = f32x4.div(f32x4.neg(e), f32x4.add(e, f32x4.splat(2)));
    const signed = v128.or(tanh, v128.and(x, i32x4.splat(<i32>0x80000000)));
    v128.store(target + i, v128.bitselect(lowest, f32x4.mul(signed, s), f32x4.eq(x, lowest)));
  }
}

/** (x − from) / temperature. */
export function cool(source: usize, target: usize, count: i32, from: f32): void {
  const t = f32x4.splat(temperature), o = f32x4.splat(from);
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    v128.store(target + i, f32x4.div(f32x4.sub(v128.load(source + i), o), t));
  }
}

/** Whether {@link cool} changes anything. */
@inline
export function isCooled(): bool {
  return temperature != 1;
}

/** A block as it is stored: widened, padded with `pad`. `target` is scratch it may use. */
export function fetch(view: View, row: i32, start: i32, length: i32, target: usize, pad: f32): usize {
  const width = view.dtype == 0 ? 2 : 1;
  let source = view.row(row) + (<usize>start << width);
  const count = padded(length), known = max(0, min(length, view.columns - start));
  if (count == known && width == 2) return source;
  if (count != known) {
    const copy = width == 2 ? target : target + (BLOCK_BYTES >> 1); // widening from the upper half never overtakes itself
    memory.copy(copy, source, <usize>known << width);
    source = copy;
  }
  if (width == 1) widen(source, target, count, view.dtype, count != known);
  for (let i = known; i < count; i++) store<f32>(target + (<usize>i << 2), pad);
  return target;
}

/** A block before the temperature: fetched, padded with −∞, capped. */
export function loadRaw(view: View, row: i32, start: i32, length: i32, target: usize): usize {
  const source = fetch(view, row, start, length, target, -Infinity);
  if (softcap == 0) return source;
  cap(source, target, padded(length));
  return target;
}

/** A block of transformed logits, from the row's origin on, padded with −∞. */
export function loadBlock(view: View, row: i32, start: i32, length: i32, target: usize): usize {
  const source = loadRaw(view, row, start, length, target);
  if (!isCooled()) return source;
  cool(source, target, padded(length), origin);
  return target;
}

/** Where a block of results may be computed: in place if it is full and f32, else in `spare`. */
export function destination(view: View, row: i32, start: i32, length: i32, spare: usize): usize {
  const isWhole = padded(length) == length && start + length <= view.columns;
  return view.dtype == 0 && isWhole ? view.row(row) + (<usize>start << 2) : spare;
}

/** Writes `length` results from `source` to where they belong, narrowed, as far as there are columns for them. */
export function commit(view: View, row: i32, start: i32, length: i32, source: usize): void {
  length = min(length, view.columns - start);
  if (length <= 0) return;
  if (view.dtype == 0) {
    const target = view.row(row) + (<usize>start << 2);
    if (target != source) memory.copy(target, source, <usize>length << 2);
    return;
  }
  const count = padded(length), target = view.row(row) + (<usize>start << 1);
  const codes = count == length ? target : source; // eight codes replace each eight floats, at the block's front
  if (view.dtype == 1) narrowHalves(source, codes, count);
  else narrowBrains(source, codes, count);
  if (codes != target) memory.copy(target, codes, <usize>length << 1);
}

/** Overwrites one element of a matrix. */
export function storeOne(view: View, row: i32, index: i32, value: f32, spare: usize): void {
  v128.store(spare, f32x4.splat(value));
  commit(view, row, index, 1, spare);
}

/** Turns gradients with respect to transformed logits `x`, which begin at `from`, into those of the raw ones, in place. */
export function chain(x: usize, gradient: usize, count: i32, from: f32): void {
  if (softcap == 0 && temperature == 1) return;
  const t = f32x4.splat(temperature);
  const ratio = f32x4.splat(softcap == 0 ? 0 : 1 / softcap), o = f32x4.splat(from);
  const lowest = f32x4.neg(constant(21));
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    const value = v128.load(x + i);
    // d softcap·tanh(r / softcap) / dr = 1 − tanh², and tanh = (x·T + from) / softcap; a masked entry has no slope
    const tanh = f32x4.mul(f32x4.add(f32x4.mul(value, t), o), ratio);
    const slope = f32x4.div(f32x4.sub(f32x4.splat(1), f32x4.mul(tanh, tanh)), t);
    const masked = v128.andnot(slope, f32x4.eq(value, lowest));
    v128.store(gradient + i, f32x4.mul(v128.load(gradient + i), masked));
  }
}

/** What the gradient of a row is multiplied by. */
export function scaleOf(gradientScale: View, row: i32, scale: f64): f64 {
  return gradientScale.present ? scale * <f64>load<f32>(gradientScale.row(row)) : scale;
}
