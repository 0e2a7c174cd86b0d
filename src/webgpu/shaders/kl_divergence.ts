/**
 * klDivergence in WGSL: D(P ‖ Q) = Σ P·(d + e^(−d) − 1), d = ln P − ln Q, in two looks at both rows (wgsl/pair.ts); the
 * gradients scale·P·(d − D)·dx/dr and scale·(Q − P)·dx/dr = scale·P·(e^(−d) − 1)·dx/dr in a third.
 *
 * Every term is at least 0, and exactly 0 for equal rows. Σ P·e^(−d) should be 1; what it is more tells the error of the
 * common part of d, whose square half is taken off. p = 0 leaves Q; q = 0 < p is ∞. No distribution: NaN.
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

/** The share of P from which on a class is summed with all its digits. */
const HEAVY: f32 = 0.0009765625;

/** Σ P·(d + e^(−d) − 1) and Σ P·d, both times ΣP: its rounding would be that of every term. */
fn look2(row: u32, segment: u32, lane: u32, pair: Pair) -> Terms {
  var rows = rows_of(pair);
  rows.scale_p = 1.0;
  rows.scale_q = divide(pair.sum_p, pair.sum_q).x;
  let start = segment * SEGMENT;
  let end = min(start + SEGMENT, call.vocab);
  var sum = vec4(0.0);
  var lost = vec4(0.0);
  var mean = vec4(0.0);
  var mean_lost = vec4(0.0);
  for (var tile = start; tile < end; tile += TILE) {
    let at = classes(tile, lane);
    let c = classes_of(row, at, at < vec4(end), rows);
    let near = c.p * bregman4(c.d);
    let far = fma(c.p, c.d, c.q - c.p);
    var term = select(far, near, abs(c.d) <= vec4(1.0));
    let heavy = (c.p > vec4(HEAVY * pair.sum_p.x)) & (abs(c.d) > vec4(1.0)) & !are_masked(c.cq);
    if (any(heavy)) {
      for (var k = 0u; k < 4u; k++) {
        if (heavy[k]) {
          let exact = heavy_term(c, k, rows);
          term[k] = exact.x;
          lost[k] += exact.y;
        }
      }
    }
    term = select(term, vec4(infinity()), are_masked(c.cq));
    accumulate(&sum, &lost, select(term, c.q, are_masked(c.cp)));
    accumulate(&mean, &mean_lost, select(c.p * c.d, vec4(0.0), c.p == vec4(0.0)));
  }
  return Terms(lanes_of(sum, lost), lanes_of(mean, mean_lost));
}

struct Row {
  pair: Pair,
  rows: Rows,
  divergence: vec2<f32>,
  gap: vec2<f32>,
}

fn settle(row: u32, pair: Pair, terms: Terms) -> Row {
  var state: Row;
  state.pair = pair;
  state.rows = rows_of(pair);
  state.divergence = divide(terms.first, pair.sum_p);
  state.gap = multiply(state.rows.gap, state.rows.inverse);
  if (!is_proper(pair)) {
    state.divergence = vec2(nan(), 0.0);
    return state;
  }
  let excess = divide(subtract(terms.first, terms.second), pair.sum_p).x;
  if (state.divergence.x < 0.1 && abs(excess) < 0.01) {
    let half = excess * excess * (0.5 - excess / 3.0);
    let rest = subtract(state.divergence, vec2(half, 0.0));
    state.divergence = select(vec2(0.0), rest, rest.x > 0.0);
    state.gap = subtract(state.gap, vec2(excess - half, 0.0));
  }
  return state;
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
    let g = select(factor * c.p * (c.d - state.divergence.x), vec4(0.0), c.p == vec4(0.0));
    put_gradientP(row, at, inside & (at < vec4(call.columns_gradientP)), select(g * slope4(c.cp, state.rows.inverse), vec4(nan()), none));
  }
  if (has_gradientQ) {
    let g = select(factor * excess(c) * slope4(c.cq, state.rows.inverse), vec4(nan()), none);
    put_gradientQ(row, at, inside & (at < vec4(call.columns_gradientQ)), g);
  }
}
`;

/** p, q [rows, vocab], gradientScale? [rows] → divergence [rows], partial? [rows, 6], gradientP?, gradientQ? [rows, vocab]. */
export const klDivergence: Shader = { uses: [COUNT, PAIRS, FACTOR], source: SOURCE, partials: [PAIR, TERMS] };
