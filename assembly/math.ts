// Vector exp, ln and the two functions whose cancellation ruins a textbook divergence. f32, four lanes.
//
// exp(d), d ≤ 0: n = round(d·log₂e) by adding 1.5·2²³ (+127, so that the low bits are already a biased exponent),
//   r = d − n·ln 2, e^r ≈ 1 + r + r²·q(r) with q of degree 3 by minimax on |r| ≤ ln 2 / 2 (relative error 1.05e-7).
//   d is held at −88 or above, where the biased exponent is 0 and the result exactly 0: so exp(−∞) = 0 with no special case.
//   Results below 2⁻¹²⁶ may be 0. NaN stays NaN. exp(0) is exactly 1.
// ln(x): x = 2ᵉ·(1 + f), s = f / (2 + f), ln(1 + f) = 2·atanh(s) = 2s + s·R(s²), R(z) = z·(degree 2) by minimax (8e-10 of ln).
//   ln 0 = −∞, ln of a negative is NaN, ln ∞ = ∞, denormals are scaled first.
// bregman(d) = d + e^(−d) − 1 = d²·q(d), |d| ≤ 1, q of degree 6 by minimax (relative error 1.1e-7): never negative, 0 at 0.
//
// A fused multiply-add makes r exact enough with one constant; without it ln 2 is split in two (the first of 10 bits, so
// that n times it is exact). Errors in bit space and the properties of each constant: tests/vector_math_test.ts.

/** The constants, in memory: a literal in a loop would be rebuilt at every use. */
const TABLE = memory.data<f32>([
  -88.0, // 0 LOWEST: below it the biased exponent is 0
  1.44269504088896340736, // 1 log₂e
  12583039.0, // 2 MAGIC = 1.5·2²³ + 127
  0.693147180559945309417, // 3 ln 2
  0.693359375, // 4 the first 10 bits of ln 2
  -2.12194440054690583e-4, // 5 ln 2 less those
  0.008312501013278961, // 6 q₃
  0.041890330612659454, // 7 q₂
  0.16667115688323975, // 8 q₁
  0.499992311000824, // 9 q₀
  1.0, // 10
  2.496081287972629e-05, // 11 bregman: q₆ … q₀
  -0.00020325483637861907, // 12
  0.0013891335111111403, // 13
  -0.008330930024385452, // 14
  0.04166651517152786, // 15
  -0.16666695475578308, // 16
  0.5, // 17
  0.2987188398838043, // 18 R: coefficients of z³, z², z
  0.3997754454612732, // 19
  0.6666677594184875, // 20
  Infinity, // 21
  8388608.0, // 22 = 2²³, brings denormals into the normal range
  1.17549435082228750797e-38, // 23 = 2⁻¹²⁶, the smallest normal number
  2.0, // 24
  0.0, // 25
  -1e30, // 26, for a logarithm of 0 that must not be infinite
  0.17, // 27, below the largest (√2 − 1) / (√2 + 1) = 0.1716 that R is for
  NaN, // 28
  0.707106769084930419922, // 29, whose bits are those of √½
  15.942385152878742, // 30 = 23·ln 2
]);

/** Constant `index` in every lane. */
@inline
export function constant(index: usize): v128 {
  return v128.load32_splat(TABLE + (index << 2));
}

/** a·b + c, fused where the build has relaxed SIMD. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** c − a·b, fused where the build has relaxed SIMD. */
@inline
function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** What of ln 2 the first step of the reduction takes: all of it where that step is fused, its first bits else. */
@inline
export function firstLn2(): v128 {
  return constant(ASC_FEATURE_RELAXED_SIMD ? 3 : 4);
}

/** r = d − n·ln 2. */
@inline
export function reduce(d: v128, n: v128, ln2: v128): v128 {
  const r = nmadd(n, ln2, d);
  return ASC_FEATURE_RELAXED_SIMD ? r : nmadd(n, constant(5), r);
}

/** e^r ≈ 1 + r + r²·q(r). */
@inline
export function expPolynomial(r: v128, q3: v128, q2: v128, q1: v128, q0: v128, one: v128): v128 {
  return madd(madd(madd(madd(madd(q3, r, q2), r, q1), r, q0), r, one), r, one);
}

/** 2ⁿ, whose biased exponent is in the low bits of b. */
@inline
export function power(b: v128): v128 {
  return i32x4.shl(b, 23);
}

/** e^d for d ≤ 0, or NaN. Loops that take most of the time keep the constants at hand instead: see sweep.ts. */
@inline
export function exp(d: v128): v128 {
  d = f32x4.pmax(d, constant(0));
  const magic = constant(2);
  const b = madd(d, constant(1), magic);
  const r = reduce(d, f32x4.sub(b, magic), firstLn2());
  return f32x4.mul(expPolynomial(r, constant(6), constant(7), constant(8), constant(9), constant(10)), power(b));
}

/** (d + e^(−d) − 1) / d² for |d| ≤ 1. */
@inline
export function bregmanPolynomial(
  d: v128,
  q6: v128,
  q5: v128,
  q4: v128,
  q3: v128,
  q2: v128,
  q1: v128,
  q0: v128,
): v128 {
  return madd(madd(madd(madd(madd(madd(q6, d, q5), d, q4), d, q3), d, q2), d, q1), d, q0);
}

/** d + e^(−d) − 1 for |d| ≤ 1. */
@inline
export function bregman(d: v128): v128 {
  const q6 = constant(11), q5 = constant(12), q4 = constant(13), q3 = constant(14);
  const q = bregmanPolynomial(d, q6, q5, q4, q3, constant(15), constant(16), constant(17));
  return f32x4.mul(f32x4.mul(d, d), q);
}

/** e^d − 1 for d ≤ 0 and e = exp(d), accurate relative to itself: near 0 it is bregman(−d) + d. */
@inline
export function expm1(d: v128, e: v128): v128 {
  const one = constant(10);
  const near = f32x4.add(bregman(f32x4.neg(d)), d);
  return v128.bitselect(near, f32x4.sub(e, one), f32x4.gt(d, f32x4.neg(one)));
}

/** R(s²) = 2·atanh(s)/s − 2, for |s| ≤ 0.172: what ln(1 + f) has beyond its first term. */
@inline
export function atanhRest(z: v128): v128 {
  return f32x4.mul(z, madd(madd(constant(18), z, constant(19)), z, constant(20)));
}

/** Whether s is one that {@link logRatio} takes. */
@inline
export function isSmallRatio(s: v128): v128 {
  return f32x4.lt(f32x4.abs(s), constant(27));
}

/** ln((1 + s) / (1 − s)) = 2·atanh(s), accurate relative to itself, for |s| < 0.17. */
@inline
export function logRatio(s: v128): v128 {
  return madd(s, atanhRest(f32x4.mul(s, s)), f32x4.add(s, s));
}

/** ln x of a normal number. */
@inline
export function lnNormal(x: v128): v128 {
  const e = i32x4.shr_s(i32x4.sub(x, constant(29)), 23);
  const f = f32x4.sub(i32x4.sub(x, i32x4.shl(e, 23)), constant(10));
  const n = f32x4.convert_i32x4_s(e);
  const s = f32x4.div(f, f32x4.add(f, constant(24)));
  const half = f32x4.mul(f32x4.mul(f, f), constant(17));
  // ln(1 + f) = f − (f²/2 − s·(f²/2 + R)): the largest term is exact
  const rest = madd(s, f32x4.add(half, atanhRest(f32x4.mul(s, s))), f32x4.mul(n, constant(5)));
  return madd(n, constant(4), f32x4.add(f, f32x4.sub(rest, half)));
}

/** ln x. */
@inline
export function ln(x: v128): v128 {
  const tiny = f32x4.lt(x, constant(23));
  const y = v128.bitselect(f32x4.mul(x, constant(22)), x, tiny);
  const finite = f32x4.sub(lnNormal(y), v128.and(tiny, constant(30)));
  // 0 → −∞, ∞ → ∞, negative or NaN → NaN
  const infinity = constant(21), nothing = constant(25);
  const zero = f32x4.eq(x, nothing);
  const known = v128.and(f32x4.gt(x, nothing), f32x4.lt(x, infinity));
  const beyond = v128.bitselect(infinity, constant(28), f32x4.eq(x, infinity));
  const special = v128.bitselect(f32x4.neg(infinity), beyond, zero);
  return v128.bitselect(finite, special, known);
}

const PROBE = memory.data<f32>([1.000244140625, -1.00048828125]); // 1 + 2⁻¹², −(1 + 2⁻¹¹)

/** 1 if this machine's relaxed multiply-add is fused, as the constants of the relaxed build require. */
export function fused(): i32 {
  const a = v128.load32_splat(PROBE), c = v128.load32_splat(PROBE, 4);
  return i32(f32x4.extract_lane(madd(a, a, c), 0) != 0);
}

/** A block of e^x (x ≤ 0) or ln x, for the tests of this file: `count` is a multiple of four. */
export function mapExp(source: usize, target: usize, count: i32): void {
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) v128.store(target + i, exp(v128.load(source + i)));
}

export function mapLn(source: usize, target: usize, count: i32): void {
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) v128.store(target + i, ln(v128.load(source + i)));
}
