/**
 * klDivergenceGradient in WGSL: k·(Q − P)·dx/dr by logits q of which only these classes are at hand; as
 * k·P·(e^(−d) − 1)·dx/dr, d = ln P − ln Q, where P and Q are near. `levels`: maxP, maxQ and ln of P's total over Q's, which
 * are pairs, k / ΣP and k / ΣQ.
 *
 * Exactly 0 where q is masked; NaN throughout where a multiplier is.
 *
 * @module
 */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { INPUT, PAIRS } from "../wgsl/pair.ts";

const SOURCE = /* wgsl */ `
struct Row {
  rows: Rows,
}

fn level(row: u32, j: u32) -> vec2<f32> {
  return vec2(take_levels(row, j), take_levels(row, j + 1u));
}

/** Levels are of cooled logits, rows of those before the temperature divides. */
fn settle(row: u32) -> Row {
  var rows: Rows;
  rows.inverse = coldness();
  rows.max_p = multiply(level(row, 0u), call.temperature).x;
  rows.max_q = multiply(level(row, 2u), call.temperature).x;
  rows.gap = multiply(level(row, 4u), call.temperature);
  rows.scale_p = take_levels(row, 6u);
  rows.scale_q = take_levels(row, 7u);
  return Row(rows);
}

fn finish(row: u32, lane: u32, state: Row) {
}

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  let c = classes_of(row, at, inside, state.rows);
  let none = vec4(is_nan(state.rows.scale_p));
  put_gradient(row, at, inside, select(excess(c) * slope4(c.cq, state.rows.inverse), vec4(nan()), none));
}
`;

/** p, q [rows, vocab], levels [rows, 8] → gradient [rows, vocab], which may be q. */
export const klDivergenceGradient: Shader = { uses: [COUNT, INPUT, PAIRS], source: SOURCE, partials: [] };
