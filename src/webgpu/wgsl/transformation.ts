/**
 * WGSL of what happens to raw logits: the soft cap s·tanh(x / s), then the temperature. A temperature divides differences
 * only, x − max and the like, so that logits of 1e4 lose nothing; what they are multiplied by is its inverse, a pair.
 *
 * @module
 */

/** The source; needs {@link ARITHMETIC} and the call's parameters `softcap` and `temperature`. */
export const TRANSFORMATION = /* wgsl */ `
fn is_capped() -> bool {
  return call.softcap.x != 0.0;
}

fn is_cooled() -> bool {
  return call.temperature.x != 1.0 || call.temperature.y != 0.0;
}

/** 1 / temperature. */
fn coldness() -> vec2<f32> {
  if (!is_cooled()) {
    return vec2(1.0, 0.0);
  }
  return divide(vec2(1.0, 0.0), call.temperature);
}

/** tanh, through e^(−2|x|) − 1 so that small x keep their digits. */
fn tanh4(x: vec4<f32>) -> vec4<f32> {
  let d = -2.0 * abs(x);
  let e = expm1_4(d, exp4(d));
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(e / (e + 2.0)) & vec4(0x7fffffffu) | bitcast<vec4<u32>>(x) & vec4(0x80000000u));
}

/** Raw logits, capped. −∞ stays, and so does NaN. */
fn capped(x: vec4<f32>) -> vec4<f32> {
  if (!is_capped()) {
    return x;
  }
  let s = call.softcap.x;
  return select(s * tanh4(x / s), x, are_masked(x) | are_nan(x));
}

/** A difference of capped logits, over the temperature. */
fn cooled(d: f32, inverse: vec2<f32>) -> f32 {
  return fma(d, inverse.x, select(0.0, d * inverse.y, inverse.y != 0.0 && is_finite(d)));
}

fn cooled4(d: vec4<f32>, inverse: vec2<f32>) -> vec4<f32> {
  if (!is_cooled()) {
    return d;
  }
  return fma(d, vec4(inverse.x), max(d, vec4(LEAST)) * inverse.y);
}

/** The derivative of transformed logits by raw ones, of capped logits; 0 where masked. */
fn slope4(c: vec4<f32>, inverse: vec2<f32>) -> vec4<f32> {
  if (!is_capped()) {
    return vec4(inverse.x);
  }
  let t = c / call.softcap.x;
  return select((1.0 - t * t) * inverse.x, vec4(0.0), are_masked(c));
}
`;
