// f16 and bf16 codes to f32 and back, in loops over blocks in cache. Widening is exact; narrowing rounds to nearest even; NaN
// stays NaN, ∞ stays ∞. Counts are multiples of sixteen.

/** Bit patterns of the conversions, in memory: a literal in a loop would be rebuilt at every use. */
const BITS = memory.data<u32>([
  0x8fffffff, // 0 what is left of a sign-extended f16 code, shifted by 13: its sign, exponent and mantissa
  0x77800000, // 1 2¹¹², which re-biases the exponent and makes denormals right
  0x7c007c00, // 2 the exponent of ∞ and NaN, of two f16
  0x7f800000, // 3 the exponent of ∞ and NaN
  0x47800000, // 4 2¹⁶, where those of an f16 end up
  0x80000000, // 5 sign
  0x3f000000, // 6 ½: adding it aligns a denormal's last bit with the float's, and the adder rounds it to nearest even
  0x00000001, // 7
  0xc8000fff, // 8 half a unit less one, to which the last kept bit is added; it also re-biases the exponent
  0x38800000, // 9 2⁻¹⁴, the smallest normal f16
  0x477ff000, // 10 65520, which rounds to ∞
  0x00007c00, // 11 ∞ as a code
  0x00007e00, // 12 NaN as a code
  0x00007fff, // 13
  0x00000040, // 14 the bit that makes a NaN quiet
]);

@inline
function bits(index: usize): v128 {
  return v128.load32_splat(BITS + (index << 2));
}

/** Four f16 codes, sign-extended, as f32, but for ∞ and NaN. */
@inline
function widenFinite(codes: v128, mask: v128, scale: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shl(codes, 13), mask), scale);
}

/** The exponent of ∞ and NaN for what came out as 2¹⁶ or more. */
@inline
function widenSpecial(value: v128, exponent: v128, bound: v128): v128 {
  return v128.or(value, v128.and(f32x4.ge(f32x4.abs(value), bound), exponent));
}

/** Widens `count` codes, a multiple of eight, of dtype 1 or 2; `once` if they lie in the target and can be read only once. */
export function widen(source: usize, target: usize, count: i32, dtype: i32, once: bool): void {
  if (dtype == 1) {
    if (once || widenHalves(source, target, count, false)) widenHalves(source, target, count, true);
    return;
  }
  for (const end = source + (<usize>count << 1); source < end; source += 16, target += 32) {
    const codes = v128.load(source);
    v128.store(target, i32x4.shl(i32x4.extend_low_i16x8_u(codes), 16));
    v128.store(target, i32x4.shl(i32x4.extend_high_i16x8_u(codes), 16), 16);
  }
}

/** Widens f16 codes; without `special` it only says whether there was an ∞ or NaN, which costs half as much. */
@inline
function widenHalves(source: usize, target: usize, count: i32, special: bool): bool {
  const mask = bits(0), scale = bits(1), top = bits(2), exponent = bits(3), bound = bits(4);
  let found = i32x4.splat(0);
  for (const end = source + (<usize>count << 1); source < end; source += 16, target += 32) {
    const codes = v128.load(source);
    let low = widenFinite(i32x4.extend_low_i16x8_s(codes), mask, scale);
    let high = widenFinite(i32x4.extend_high_i16x8_s(codes), mask, scale);
    if (special) {
      low = widenSpecial(low, exponent, bound);
      high = widenSpecial(high, exponent, bound);
    } else found = v128.or(found, i16x8.eq(v128.and(codes, top), top));
    v128.store(target, low);
    v128.store(target, high, 16);
  }
  return v128.any_true(found);
}

/** f32 to f16 codes, to nearest even. `target` may be `source`. */
export function narrowHalves(source: usize, target: usize, count: i32): void {
  const sign = bits(5), half = bits(6), one = bits(7), unit = bits(8), normal = bits(9), most = bits(10);
  const infinity = bits(11), nan = bits(12), exponent = bits(3);
  for (const end = source + (<usize>count << 2); source < end; source += 32, target += 16) {
    const low = narrowHalf(v128.load(source), sign, half, one, unit, normal, most, infinity, nan, exponent);
    const high = narrowHalf(v128.load(source, 16), sign, half, one, unit, normal, most, infinity, nan, exponent);
    v128.store(target, i16x8.narrow_i32x4_u(low, high));
  }
}

/** Four f32 as f16 codes in the low half of each lane. */
@inline
function narrowHalf(
  x: v128,
  sign: v128,
  half: v128,
  one: v128,
  unit: v128,
  normal: v128,
  most: v128,
  infinity: v128,
  nan: v128,
  exponent: v128,
): v128 {
  const s = v128.and(x, sign), a = v128.xor(x, s);
  const small = i32x4.sub(f32x4.add(a, half), half);
  const large = i32x4.shr_u(i32x4.add(i32x4.add(a, v128.and(i32x4.shr_u(a, 13), one)), unit), 13);
  let code = v128.bitselect(small, large, i32x4.lt_s(a, normal));
  code = v128.bitselect(infinity, code, i32x4.ge_s(a, most));
  code = v128.bitselect(nan, code, i32x4.gt_s(a, exponent));
  return v128.or(code, i32x4.shr_u(s, 16));
}

/** f32 to bf16 codes, to nearest even. `target` may be `source`. */
export function narrowBrains(source: usize, target: usize, count: i32): void {
  const one = bits(7), half = bits(13), quiet = bits(14);
  for (const end = source + (<usize>count << 2); source < end; source += 32, target += 16) {
    const low = narrowBrain(v128.load(source), one, half, quiet);
    const high = narrowBrain(v128.load(source, 16), one, half, quiet);
    v128.store(target, i16x8.narrow_i32x4_u(low, high));
  }
}

/** Four f32 as bf16 codes in the low half of each lane. */
@inline
function narrowBrain(x: v128, one: v128, half: v128, quiet: v128): v128 {
  const high = i32x4.shr_u(x, 16);
  const code = i32x4.shr_u(i32x4.add(i32x4.add(x, v128.and(high, one)), half), 16);
  return v128.bitselect(code, v128.or(high, quiet), f32x4.eq(x, x));
}
