/**
 * leaveOut in WGSL: −∞ for classes from `forAll` on, but for the row's target, and for its hit. What is below 0 is
 * none of them.
 *
 * @module
 */
import type { Shader } from "../shader.ts";

const SOURCE = /* wgsl */ `
struct Row {
  own: u32,
  hit: u32,
}

fn settle(row: u32) -> Row {
  return Row(u32(take_targets(row, 0u)), u32(take_hits(row, 0u)));
}

fn finish(row: u32, lane: u32, state: Row) {
}

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  let is_other = (at >= vec4(u32(call.forAll.x))) & (at != vec4(state.own));
  let is_out = is_other | (at == vec4(state.hit));
  put_remaining(row, at, inside, select(take_logits(row, at), vec4(-infinity()), is_out));
}
`;

/** logits [rows, vocab], targets [rows], hits [rows] → remaining [rows, vocab], in the place of the logits. */
export const leaveOut: Shader = { uses: [], source: SOURCE, partials: [] };
