/** What softmax and logSoftmax share in WGSL: a look at each segment, and a second one that writes. */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { SCAN, SUMS, UNLABELLED } from "../wgsl/scan.ts";

/** The shader that writes an expression of capped logits `x` and of the row's normalisation `state`. */
export function transformRows(output: string, expression: string): Shader {
  const source = /* wgsl */ `
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
  put_${output}(row, at, inside, ${expression});
}
`;
  return { uses: [COUNT, UNLABELLED, SCAN], source, partials: [SUMS] };
}
