/**
 * WGSL that knows nothing of tensors: the extended reals by their bits, exp and ln, and sums that keep their digits.
 *
 * exp, ln and d + e^(−d) − 1 are the polynomials of the wasm kernels (assembly/math.ts has their derivation), because the
 * built-in functions promise too little: exp is right to (3 + 2|x|) units in the last place. ln 2 is subtracted in two parts,
 * so that nothing depends on whether fma is fused.
 *
 * There is no f64. What is one number a row is a pair (hi, lo) of f32 whose sum it is, 48 bits, by Knuth's and Dekker's
 * exact sums and products; of a pair whose hi is not finite lo is 0.
 *
 * A shader compiler may take (a + b) − a for b, and a·c + a·d for a·(c + d) (Mesa's does), where rounding by addition, exact
 * sums and a ln 2 in two parts live on what it drops. So such numbers pass through `opaque`, an exclusive or with a 0 that
 * the compiler does not know.
 *
 * NaN and ∞ are told by their bits: a shader compiler may assume that a comparison never sees them, and WGSL has no literals.
 *
 * @module
 */

/** The source. */
export const ARITHMETIC = /* wgsl */ `
const LOWEST: f32 = -88.0;
const LOG2E: f32 = 1.4426950408889634;
const MAGIC: f32 = 12583039.0;
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444005469058e-4;
const INFINITY_BITS: u32 = 0x7f800000u;
const LEAST: f32 = -3.4028234663852886e38;

fn infinity() -> f32 {
  var bits = INFINITY_BITS;
  return bitcast<f32>(bits);
}

fn nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}

fn magnitude(x: f32) -> u32 {
  return bitcast<u32>(x) & 0x7fffffffu;
}

fn is_nan(x: f32) -> bool {
  return magnitude(x) > INFINITY_BITS;
}

fn is_finite(x: f32) -> bool {
  return magnitude(x) < INFINITY_BITS;
}

fn is_infinite(x: f32) -> bool {
  return bitcast<u32>(x) == INFINITY_BITS;
}

fn is_masked(x: f32) -> bool {
  return bitcast<u32>(x) == 0xff800000u;
}

fn are_masked(x: vec4<f32>) -> vec4<bool> {
  return bitcast<vec4<u32>>(x) == vec4(0xff800000u);
}

/** The same number, of which the compiler knows nothing. */
fn opaque(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) ^ call.zero);
}

fn opaque4(x: vec4<f32>) -> vec4<f32> {
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) ^ vec4(call.zero));
}

fn are_nan(x: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(INFINITY_BITS);
}

fn are_finite(x: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) < vec4(INFINITY_BITS);
}

fn are_infinite(x: vec4<f32>) -> vec4<bool> {
  return bitcast<vec4<u32>>(x) == vec4(INFINITY_BITS);
}

/** Greater than 0; false for NaN. */
fn is_positive(x: f32) -> bool {
  return bitcast<u32>(x) - 1u < INFINITY_BITS;
}

/** e^d of finite d below 88, or of −∞, where it is exactly 0; anything of others. The polynomial is off by 1.05e-7. */
fn exp4(d: vec4<f32>) -> vec4<f32> {
  let c = max(d, vec4(LOWEST));
  let b = opaque4(fma(c, vec4(LOG2E), vec4(MAGIC)));
  let n = b - MAGIC;
  let r = fma(n, vec4(-LN2_LOW), opaque4(fma(n, vec4(-LN2_HIGH), c)));
  var p = fma(r, vec4(0.008312501013278961), vec4(0.041890330612659454));
  p = fma(p, r, vec4(0.16667115688323975));
  p = fma(p, r, vec4(0.499992311000824));
  p = fma(p, r, vec4(1.0));
  p = fma(p, r, vec4(1.0));
  return p * bitcast<vec4<f32>>(bitcast<vec4<u32>>(b) << vec4(23u));
}

/** The same of one number, by the series up to r⁷: about one unit in the last place, for what scales a whole sum. */
fn exp1(d: f32) -> f32 {
  let c = max(d, LOWEST);
  let b = opaque(fma(c, LOG2E, MAGIC));
  let n = b - MAGIC;
  let r = fma(n, -LN2_LOW, opaque(fma(n, -LN2_HIGH, c)));
  var p = fma(r, 1.0 / 5040.0, 1.0 / 720.0);
  p = fma(p, r, 1.0 / 120.0);
  p = fma(p, r, 1.0 / 24.0);
  p = fma(p, r, 1.0 / 6.0);
  p = fma(p, r, 0.5);
  p = fma(p * r, r, r);
  return (1.0 + opaque(p)) * bitcast<f32>(bitcast<u32>(b) << 23u);
}

/** d + e^(−d) − 1 for |d| ≤ 1: never negative, 0 at 0. The polynomial is off by 1.1e-7. */
fn bregman4(d: vec4<f32>) -> vec4<f32> {
  var q = fma(d, vec4(2.496081287972629e-05), vec4(-0.00020325483637861907));
  q = fma(q, d, vec4(0.0013891335111111403));
  q = fma(q, d, vec4(-0.008330930024385452));
  q = fma(q, d, vec4(0.04166651517152786));
  q = fma(q, d, vec4(-0.16666695475578308));
  q = fma(q, d, vec4(0.5));
  return d * d * q;
}

/** e^d − 1 for d ≤ 0, where e = e^d; accurate relative to itself. */
fn expm1_4(d: vec4<f32>, e: vec4<f32>) -> vec4<f32> {
  return select(e - 1.0, bregman4(-d) + d, d > vec4(-1.0));
}

/** 2·atanh(s) / s − 2 of z = s², |s| ≤ 0.172. */
fn atanh_rest(z: vec4<f32>) -> vec4<f32> {
  return z * fma(fma(z, vec4(0.2987188398838043), vec4(0.3997754454612732)), z, vec4(0.6666677594184875));
}

/** ln x; −∞ of 0, ∞ of ∞, NaN of anything below 0 and of NaN. */
fn ln4(x: vec4<f32>) -> vec4<f32> {
  let bits = bitcast<vec4<u32>>(x);
  let tiny = bits < vec4(0x00800000u);
  // A denormal m·2⁻¹⁴⁹ as an integer: it may be taken for 0 by arithmetic
  let y = select(bits, bitcast<vec4<u32>>(vec4<f32>(bits)), tiny);
  let e = (bitcast<vec4<i32>>(y) - vec4(0x3f3504f3)) >> vec4(23u);
  let f = bitcast<vec4<f32>>(bitcast<vec4<i32>>(y) - (e << vec4(23u))) - 1.0;
  let n = vec4<f32>(e - select(vec4(0), vec4(149), tiny));
  let s = f / (f + 2.0);
  let half = 0.5 * f * f;
  let rest = fma(s, half + atanh_rest(s * s), n * LN2_LOW);
  let sum = fma(n, vec4(LN2_HIGH), f + (rest - half));
  let special = select(
    select(vec4(nan()), vec4(infinity()), are_infinite(x)),
    vec4(-infinity()),
    (bits & vec4(0x7fffffffu)) == vec4(0u),
  );
  return select(special, sum, bits - vec4(1u) < vec4(INFINITY_BITS - 1u));
}

/** hi + lo as a pair, |hi| ≥ |lo|. */
fn pair(hi: f32, lo: f32) -> vec2<f32> {
  let s = opaque(hi + lo);
  return select(vec2(hi, 0.0), vec2(s, lo - (s - hi)), lo != 0.0 && is_finite(lo) && is_finite(s));
}

/** a + b exactly. */
fn sum_of(a: f32, b: f32) -> vec2<f32> {
  let s = opaque(a + b);
  let c = opaque(s - a);
  return vec2(s, select(0.0, (a - (s - c)) + (b - c), is_finite(s)));
}

/** The first twelve bits, and the rest. */
fn split(a: f32) -> vec2<f32> {
  let hi = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
  return vec2(hi, a - hi);
}

/** a·b exactly, where nothing over- or underflows. */
fn product_of(a: f32, b: f32) -> vec2<f32> {
  let p = a * b;
  let x = split(a);
  let y = split(b);
  let rest = ((x.x * y.x - p) + x.x * y.y + x.y * y.x) + x.y * y.y;
  return vec2(p, select(0.0, rest, is_finite(p) && is_finite(rest)));
}

fn add(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let s = sum_of(a.x, b.x);
  return pair(s.x, s.y + (a.y + b.y));
}

fn subtract(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  return add(a, -b);
}

fn multiply(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let p = product_of(a.x, b.x);
  return pair(p.x, p.y + (a.x * b.y + a.y * b.x));
}

fn divide(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let q = a.x / b.x;
  if (!is_finite(q) || !is_finite(b.x)) {
    return vec2(q, 0.0);
  }
  let rest = subtract(a, multiply(b, vec2(q, 0.0)));
  return pair(q, rest.x / b.x);
}

/** ln of a pair that is at least 1, or 0, ∞ or NaN. */
fn ln(x: vec2<f32>) -> vec2<f32> {
  if (magnitude(x.x) == 0u) {
    return vec2(-infinity(), 0.0);
  }
  if (!is_finite(x.x)) {
    return vec2(x.x, 0.0);
  }
  let bits = bitcast<i32>(x.x);
  let e = (bits - 0x3f3504f3) >> 23u;
  let f = bitcast<f32>(bits - (e << 23u)) - 1.0;
  let s = f / (f + 2.0);
  let half = 0.5 * f * f;
  let rest = s * (half + atanh_rest(vec4(s * s)).x) - half;
  let n = f32(e);
  let head = sum_of(n * LN2_HIGH, f);
  let y = x.y / x.x;
  return pair(head.x, head.y + (fma(n, LN2_LOW, rest) + (y - 0.5 * y * y)));
}
`;
