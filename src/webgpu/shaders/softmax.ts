/** softmax in WGSL: a look at each segment, and a second one that writes. */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { SCAN, SUMS, UNLABELLED } from "../wgsl/scan.ts";

const SOURCE = /* wgsl */ `
const MOMENTS: bool = false;

fn look1(row: u32, segment: u32, lane: u32) -> Sums {
  return scan(row, segment, lane, -1);
}

alias Row = Normal;

fn settle(row: u32, sums: Sums) -> Row {
  return normal(sums);
}

fn finish(row: u32, lane: u32, state: Row) {
}

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  let x = capped(take_logits(row, at));
  put_probabilities(row, at, inside, shares(x, state, 1.0));
}
`;

/** logits [rows, vocab] → probabilities [rows, vocab], which may be the logits. */
export const softmax: Shader = { uses: [COUNT, UNLABELLED, SCAN], source: SOURCE, partials: [SUMS] };
