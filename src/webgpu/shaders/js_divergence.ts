/**
 * jsDivergence in WGSL: β·Σ M·g(P / M − 1) + (1 − β)·Σ M·g(Q / M − 1), M = β·P + (1 − β)·Q, g(u) = (1 + u)·ln(1 + u) − u ≥ 0,
 * and the gradients scale·β·P·(ln(P / M) − D(P ‖ M))·dx/dr and that of q likewise; method and edges: js_divergence.ts in
 * assembly/.
 *
 * Two looks at both rows (wgsl/), a third for the gradients.
 *
 * @module
 */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { MIXTURE } from "../wgsl/mixture.ts";
import { FACTOR, INPUT, PAIR, PAIRS, TERMS } from "../wgsl/pair.ts";

const SOURCE = /* wgsl */ `
fn look1(row: u32, segment: u32, lane: u32) -> Pair {
  return scan_pair(row, segment, lane);
}

fn look2(row: u32, segment: u32, lane: u32, pair: Pair) -> Terms {
  return mixture_terms(row, segment, lane, pair);
}

struct Row {
  rows: Rows,
  terms: Terms,
  divergence: f32,
}

fn settle(row: u32, pair: Pair, terms: Terms) -> Row {
  return Row(rows_of(pair), terms, mixture_divergence(pair, terms));
}

fn finish(row: u32, lane: u32, state: Row) {
  if (lane == 0u) {
    put_divergence(row, 0u, state.divergence);
  }
}

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  let c = classes_of(row, at, inside, state.rows);
  let m = mix(c);
  if (has_gradientP) {
    let g = mixture_slope(c.p, m.log_p, state.terms.first.x, factor_of(row) * call.beta.x, state.divergence);
    put_gradientP(row, at, inside & (at < vec4(call.columns_gradientP)), g * slope4(c.cp, state.rows.inverse));
  }
  if (has_gradientQ) {
    let g = mixture_slope(c.q, m.log_q, state.terms.second.x, factor_of(row) * other_weight(), state.divergence);
    put_gradientQ(row, at, inside & (at < vec4(call.columns_gradientQ)), g * slope4(c.cq, state.rows.inverse));
  }
}
`;

/** p, q [rows, vocab], gradientScale? [rows] → divergence [rows], gradientP?, gradientQ? [rows, vocab]. */
export const jsDivergence: Shader = {
  uses: [COUNT, INPUT, PAIRS, FACTOR, MIXTURE],
  source: SOURCE,
  partials: [PAIR, TERMS],
};
