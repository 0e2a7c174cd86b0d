/**
 * klDivergence in WGSL: D(P ‖ Q) = Σ P·(d + e^(−d) − 1), d = ln P − ln Q, in two looks at both rows (wgsl/); the
 * gradients scale·P·(d − D)·dx/dr and scale·(Q − P)·dx/dr = scale·P·(e^(−d) − 1)·dx/dr in a third.
 *
 * @module
 */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { DIVERGENCE } from "../wgsl/divergence.ts";
import { FACTOR, INPUT, PAIR, PAIRS, TERMS } from "../wgsl/pair.ts";

const SOURCE = /* wgsl */ `
fn look1(row: u32, segment: u32, lane: u32) -> Pair {
  return scan_pair(row, segment, lane);
}

fn look2(row: u32, segment: u32, lane: u32, pair: Pair) -> Terms {
  return divergence_terms(row, segment, lane, pair);
}

struct Row {
  pair: Pair,
  rows: Rows,
  divergence: vec2<f32>,
  gap: vec2<f32>,
}

fn settle(row: u32, pair: Pair, terms: Terms) -> Row {
  let rows = rows_of(pair);
  let found = divergence_of(pair, terms, rows);
  return Row(pair, rows, found.value, found.gap);
}

fn finish(row: u32, lane: u32, state: Row) {
  if (lane != 0u) {
    return;
  }
  let pair = state.pair;
  put_divergence(row, 0u, state.divergence.x);
  put_partial(row, 0u, multiply(vec2(pair.max_p, 0.0), state.rows.inverse));
  put_partial(row, 1u, pair.sum_p);
  put_partial(row, 2u, multiply(vec2(pair.max_q, 0.0), state.rows.inverse));
  put_partial(row, 3u, pair.sum_q);
  // Where a shard has no part in P it has no weight; where P has a part and Q has none, it is ∞
  var within = state.divergence;
  if (pair.sum_q.x == 0.0) {
    within = vec2(infinity(), 0.0);
  }
  if (pair.sum_p.x == 0.0) {
    within = vec2(0.0);
  }
  put_partial(row, 4u, within);
  put_partial(row, 5u, state.gap);
}

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  let c = classes_of(row, at, inside, state.rows);
  let none = vec4(is_nan(state.divergence.x));
  let factor = factor_of(row);
  if (has_gradientP) {
    let x = select(factor * c.p * (c.d - state.divergence.x), vec4(0.0), c.p == vec4(0.0));
    let g = select(x * slope4(c.cp, state.rows.inverse), vec4(nan()), none);
    put_gradientP(row, at, inside & (at < vec4(call.columns_gradientP)), g);
  }
  if (has_gradientQ) {
    let g = select(factor * excess(c) * slope4(c.cq, state.rows.inverse), vec4(nan()), none);
    put_gradientQ(row, at, inside & (at < vec4(call.columns_gradientQ)), g);
  }
}
`;

/** p, q [rows, vocab], gradientScale? [rows] → divergence [rows], partial? [rows, 6], gradientP?, gradientQ? [rows, vocab]. */
export const klDivergence: Shader = {
  uses: [COUNT, INPUT, PAIRS, FACTOR, DIVERGENCE],
  source: SOURCE,
  partials: [PAIR, TERMS],
};
