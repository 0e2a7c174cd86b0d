/**
 * WGSL between f32 and the 16-bit codes of f16 and bf16. Widening is exact; narrowing rounds to nearest even, in integers,
 * because the built-in function may round either way; NaN stays NaN, ∞ stays ∞.
 *
 * @module
 */

/** The source. */
export const HALVES = /* wgsl */ `
fn widen_halves(codes: vec4<u32>) -> vec4<f32> {
  let a = unpack2x16float(codes.x | codes.y << 16u);
  let b = unpack2x16float(codes.z | codes.w << 16u);
  return vec4(a, b);
}

/** bf16: the upper half of the f32, after rounding. */
fn narrow_brains(x: vec4<f32>) -> vec4<u32> {
  let bits = bitcast<vec4<u32>>(x);
  let rounded = (bits + 0x7fffu + ((bits >> vec4(16u)) & vec4(1u))) >> vec4(16u);
  return select(rounded, vec4(0x7fc0u), (bits & vec4(0x7fffffffu)) > vec4(INFINITY_BITS));
}

/** f16: 2¹⁵·(1 − 2⁻¹²) and more round to ∞; below 2⁻¹⁴ the last bit stands for 2⁻²⁴. */
fn narrow_halves(x: vec4<f32>) -> vec4<u32> {
  let bits = bitcast<vec4<u32>>(x);
  let sign = (bits >> vec4(16u)) & vec4(0x8000u);
  let a = bits & vec4(0x7fffffffu);
  let normal = (a - 0x37fff001u + ((a >> vec4(13u)) & vec4(1u))) >> vec4(13u);
  // m·2^(e − 150) in units of 2⁻²⁴
  let drop = 126u - clamp(a >> vec4(23u), vec4(101u), vec4(112u));
  let m = (a & vec4(0x7fffffu)) | vec4(0x800000u);
  let small = m >> drop;
  let rest = m - (small << drop);
  let half = vec4(1u) << (drop - 1u);
  let up = (rest > half) | ((rest == half) & ((small & vec4(1u)) == vec4(1u)));
  let tiny = select(small + select(vec4(0u), vec4(1u), up), vec4(0u), a < vec4(0x33000000u));
  var code = select(normal, tiny, a < vec4(0x38800000u));
  code = select(code, vec4(0x7c00u), a >= vec4(0x477ff000u));
  return sign | select(code, vec4(0x7e00u), a > vec4(INFINITY_BITS));
}
`;
