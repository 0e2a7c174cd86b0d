/**
 * jsDivergence in WGSL: β·Σ M·g(P / M − 1) + (1 − β)·Σ M·g(Q / M − 1), M = β·P + (1 − β)·Q, g(u) = (1 + u)·ln(1 + u) − u ≥ 0,
 * and the gradients scale·β·P·(ln(P / M) − D(P ‖ M))·dx/dr and that of q likewise; method and edges: js_divergence.ts in
 * assembly/.
 *
 * Two looks at both rows (wgsl/pair.ts), a third for the gradients.
 *
 * @module
 */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { FACTOR, PAIR, PAIRS, TERMS } from "../wgsl/pair.ts";

const SOURCE = /* wgsl */ `
fn look1(row: u32, segment: u32, lane: u32) -> Pair {
  return scan_pair(row, segment, lane);
}

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
fn look2(row: u32, segment: u32, lane: u32, pair: Pair) -> Terms {
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

struct Row {
  rows: Rows,
  terms: Terms,
  divergence: f32,
}

fn settle(row: u32, pair: Pair, terms: Terms) -> Row {
  let beta = call.beta;
  let other = subtract(vec2(1.0, 0.0), beta);
  let divergence = add(multiply(beta, terms.first), multiply(other, terms.second));
  return Row(rows_of(pair), terms, select(nan(), divergence.x, is_proper(pair)));
}

fn finish(row: u32, lane: u32, state: Row) {
  if (lane == 0u) {
    put_divergence(row, 0u, state.divergence);
  }
}

fn slope_of(share: vec4<f32>, log: vec4<f32>, mean: f32, factor: f32, state: Row) -> vec4<f32> {
  let g = select(factor * share * (log - mean), vec4(0.0), share == vec4(0.0));
  return select(g, vec4(nan()), vec4(is_nan(state.divergence)));
}

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  let c = classes_of(row, at, inside, state.rows);
  let m = mix(c);
  if (has_gradientP) {
    let g = slope_of(c.p, m.log_p, state.terms.first.x, factor_of(row) * call.beta.x, state);
    put_gradientP(row, at, inside & (at < vec4(call.columns_gradientP)), g * slope4(c.cp, state.rows.inverse));
  }
  if (has_gradientQ) {
    let g = slope_of(c.q, m.log_q, state.terms.second.x, factor_of(row) * other_weight(), state);
    put_gradientQ(row, at, inside & (at < vec4(call.columns_gradientQ)), g * slope4(c.cq, state.rows.inverse));
  }
}
`;

/** p, q [rows, vocab], gradientScale? [rows] → divergence [rows], gradientP?, gradientQ? [rows, vocab]. */
export const jsDivergence: Shader = { uses: [COUNT, PAIRS, FACTOR], source: SOURCE, partials: [PAIR, TERMS] };
