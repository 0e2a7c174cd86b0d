/**
 * WGSL of what two rows (pair.ts) have to do with their mixture M = β·P + (1 − β)·Q: D(P ‖ M) = Σ M·g(P / M − 1), D(Q ‖ M)
 * likewise, g(u) = (1 + u)·ln(1 + u) − u ≥ 0, in the second look.
 *
 * @module
 */

/** The source; needs the call's parameter `beta`. */
export const MIXTURE = /* wgsl */ `
/** 1 − β. */
fn other_weight() -> f32 {
  return (1.0 - call.beta.x) - call.beta.y;
}

struct Mixture {
  /** M·g(P / M − 1), M·g(Q / M − 1). */
  gain_p: vec4<f32>,
  gain_q: vec4<f32>,
  /** ln(P / M), ln(Q / M). */
  log_p: vec4<f32>,
  log_q: vec4<f32>,
}

struct Gain {
  value: vec4<f32>,
  log: vec4<f32>,
}

/** g(u) and ln(1 + u); w = 1 + u comes with digits that 1 + u would lose. */
fn gain(u: vec4<f32>, w: vec4<f32>) -> Gain {
  let s = u / (1.0 + w);
  let near = abs(s) < vec4(0.17);
  let rest = s * atanh_rest(s * s);
  let log = select(ln4(w), 2.0 * s + rest, near);
  // (1 + u)·(2s + s·R) − u = (2s² + (1 + s)·s·R)·(1 + w) / 2
  let small = fma(1.0 + s, rest, 2.0 * s * s) * (1.0 + w) * 0.5;
  let large = select(w * log, vec4(0.0), w == vec4(0.0)) - u;
  return Gain(select(large, small, near), log);
}

/** L is the larger of P and Q, S the smaller: everything comes from S / L = e^(−|d|). */
fn mix(c: Classes) -> Mixture {
  let order = c.d >= vec4(0.0);
  let beta_p = vec4(call.beta.x);
  let beta_q = vec4(other_weight());
  let large = select(c.q, c.p, order);
  let beta_l = select(beta_q, beta_p, order);
  let beta_s = select(beta_p, beta_q, order);
  let below = -abs(c.d);
  let smaller = exp4(below);
  let e = expm1_4(below, smaller);
  let ratio = fma(beta_s, e, vec4(1.0));
  let inverse = 1.0 / ratio;
  let of_l = gain(-beta_s * e * inverse, inverse);
  let of_s = gain(beta_l * e * inverse, smaller * inverse);
  let m = large * ratio;
  let nothing = (c.p == vec4(0.0)) & (c.q == vec4(0.0));
  return Mixture(
    select(m * select(of_s.value, of_l.value, order), vec4(0.0), nothing),
    select(m * select(of_l.value, of_s.value, order), vec4(0.0), nothing),
    select(of_s.log, of_l.log, order),
    select(of_l.log, of_s.log, order),
  );
}

/** D(P ‖ M) and D(Q ‖ M). */
fn mixture_terms(row: u32, segment: u32, lane: u32, pair: Pair) -> Terms {
  let rows = rows_of(pair);
  let start = segment * SEGMENT;
  let end = min(start + SEGMENT, call.vocab);
  var p = vec4(0.0);
  var p_lost = vec4(0.0);
  var q = vec4(0.0);
  var q_lost = vec4(0.0);
  for (var tile = start; tile < end; tile += TILE) {
    let at = classes(tile, lane);
    let m = mix(classes_of(row, at, at < vec4(end), rows));
    accumulate(&p, &p_lost, m.gain_p);
    accumulate(&q, &q_lost, m.gain_q);
  }
  return Terms(lanes_of(p, p_lost), lanes_of(q, q_lost));
}

/** β·D(P ‖ M) + (1 − β)·D(Q ‖ M); NaN where there is no distribution. */
fn mixture_divergence(pair: Pair, terms: Terms) -> f32 {
  let beta = call.beta;
  let other = subtract(vec2(1.0, 0.0), beta);
  let divergence = add(multiply(beta, terms.first), multiply(other, terms.second));
  return select(nan(), divergence.x, is_proper(pair));
}

/** factor·share·(log − mean), the gradient by cooled logits; NaN where the divergence is. */
fn mixture_slope(share: vec4<f32>, log: vec4<f32>, mean: f32, factor: f32, divergence: f32) -> vec4<f32> {
  let g = select(factor * share * (log - mean), vec4(0.0), share == vec4(0.0));
  return select(g, vec4(nan()), vec4(is_nan(divergence)));
}
`;
