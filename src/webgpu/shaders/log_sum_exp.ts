/** logSumExp in WGSL: max + ln Σ e^(x − max), as a pair until it is rounded once. */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { SCAN, SUMS, UNLABELLED } from "../wgsl/scan.ts";

const SOURCE = /* wgsl */ `
const MOMENTS: bool = false;

fn look1(row: u32, segment: u32, lane: u32) -> Sums {
  return scan(row, segment, lane, -1);
}

struct Row {
  sums: Sums,
  norm: Normal,
}

fn settle(row: u32, sums: Sums) -> Row {
  return Row(sums, normal(sums));
}

fn finish(row: u32, lane: u32, state: Row) {
  if (lane != 0u) {
    return;
  }
  put_logSumExp(row, 0u, state.norm.log_sum_exp.x);
  put_partial(row, 0u, multiply(vec2(state.sums.max, 0.0), state.norm.inverse));
  put_partial(row, 1u, state.sums.sum);
}
`;

/** logits [rows, vocab] → logSumExp [rows], partial? [rows, 2]. */
export const logSumExp: Shader = { uses: [COUNT, UNLABELLED, SCAN], source: SOURCE, partials: [SUMS] };
