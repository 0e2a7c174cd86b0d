// One block of a row, in and out of f32.
//
// loadBlock: address of `length` f32 values, padded up to a multiple of 16. A block that is f32 already, full and not to be
//   transformed is used where it lies; any other is widened, padded, capped and divided into scratch. So every kernel has
//   one loop, for every dtype, every stride and every tail.
// commit: the way back, rounding to nearest even. NaN stays NaN; −∞ stays −∞ through cap and temperature.

import { BLOCK_BYTES, View, padded } from "./view";
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

/** Sets the origin of the row that is loaded next. */
@inline
export function measureFrom(value: f32): void {
  origin = value;
}

/** Four f16 codes, zero-extended, as f32. Multiplying by 2¹¹² re-biases the exponent and makes denormals right. */
@inline
function widenHalf(codes: v128): v128 {
  const magnitude = i32x4.shl(v128.and(codes, i32x4.splat(0x7fff)), 13);
  const value = f32x4.mul(magnitude, f32x4.splat(5192296858534827628530496329220096.0));
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x0f800000)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(value, special), i32x4.shl(v128.and(codes, i32x4.splat(0x8000)), 16));
}

/** Four f32 as f16 codes in the low half of each lane. */
@inline
function narrowHalf(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(<i32>0x80000000));
  const a = v128.xor(x, sign);
  // Adding 0.5 aligns a denormal's last bit with the float's; the adder rounds it to nearest even.
  const small = i32x4.sub(f32x4.add(a, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  // Adding half a unit less one, plus the last kept bit, rounds a normal to nearest even; 0xc8000fff also re-biases.
  const odd = v128.and(i32x4.shr_u(a, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(a, odd), i32x4.splat(<i32>0xc8000fff)), 13);
  let code = v128.bitselect(small, normal, i32x4.lt_s(a, i32x4.splat(0x38800000)));
  code = v128.bitselect(i32x4.splat(0x7c00), code, i32x4.ge_s(a, i32x4.splat(0x477ff000)));
  code = v128.bitselect(i32x4.splat(0x7e00), code, i32x4.gt_s(a, i32x4.splat(0x7f800000)));
  return v128.or(code, i32x4.shr_u(sign, 16));
}

/** Four f32 as bf16 codes in the low half of each lane. */
@inline
function narrowBrain(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const code = i32x4.shr_u(i32x4.add(i32x4.add(x, odd), i32x4.splat(0x7fff)), 16);
  const quiet = v128.or(i32x4.shr_u(x, 16), i32x4.splat(0x40));
  return v128.bitselect(code, quiet, f32x4.eq(x, x));
}

/** Widens `count` codes, a multiple of eight, of dtype 1 or 2. */
function widen(source: usize, target: usize, count: i32, dtype: i32): void {
  const end = source + (<usize>count << 1);
  if (dtype == 1) {
    for (; source < end; source += 16, target += 32) {
      const codes = v128.load(source);
      v128.store(target, widenHalf(i32x4.extend_low_i16x8_u(codes)));
      v128.store(target, widenHalf(i32x4.extend_high_i16x8_u(codes)), 16);
    }
  } else {
    for (; source < end; source += 16, target += 32) {
      const codes = v128.load(source);
      v128.store(target, i32x4.shl(i32x4.extend_low_i16x8_u(codes), 16));
      v128.store(target, i32x4.shl(i32x4.extend_high_i16x8_u(codes), 16), 16);
    }
  }
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
  const count = padded(length);
  if (count == length && width == 2) return source;
  if (count != length) {
    const copy = width == 2 ? target : target + (BLOCK_BYTES >> 1); // widening from the upper half never overtakes itself
    memory.copy(copy, source, <usize>length << width);
    source = copy;
  }
  if (width == 1) widen(source, target, count, view.dtype);
  for (let i = length; i < count; i++) store<f32>(target + (<usize>i << 2), pad);
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
  return view.dtype == 0 && padded(length) == length ? view.row(row) + (<usize>start << 2) : spare;
}

/** Writes `length` results from `source` to where they belong, narrowed; nothing to do if they are there already. */
export function commit(view: View, row: i32, start: i32, length: i32, source: usize): void {
  if (view.dtype == 0) {
    const target = view.row(row) + (<usize>start << 2);
    if (target != source) memory.copy(target, source, <usize>length << 2);
    return;
  }
  const target = view.row(row) + (<usize>start << 1);
  narrow(source, padded(length), view.dtype);
  memory.copy(target, source, <usize>length << 1);
}

/** Narrows `count` f32 in place: eight codes replace each eight floats, at the block's front. */
function narrow(block: usize, count: i32, dtype: i32): void {
  let target = block;
  for (let source = block, end = block + (<usize>count << 2); source < end; source += 32, target += 16) {
    const low = v128.load(source), high = v128.load(source, 16);
    if (dtype == 1) v128.store(target, i16x8.narrow_i32x4_u(narrowHalf(low), narrowHalf(high)));
    else v128.store(target, i16x8.narrow_i32x4_u(narrowBrain(low), narrowBrain(high)));
  }
}

/** One transformed logit, for the entry that a target names. */
export function loadOne(view: View, row: i32, index: i32, spare: usize): f32 {
  return load<f32>(loadBlock(view, row, index, 1, spare));
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
