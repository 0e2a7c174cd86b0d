/** entropy in WGSL: ln s − t / s with s = Σ e^(x − max), t = Σ e^(x − max)·(x − max), times `scale`. */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { SCAN, SUMS, UNLABELLED } from "../wgsl/scan.ts";

const SOURCE = /* wgsl */ `
const MOMENTS: bool = true;

fn look1(row: u32, segment: u32, lane: u32) -> Sums {
  return scan(row, segment, lane, -1);
}

struct Row {
  entropy: f32,
  log_sum_exp: f32,
}

fn settle(row: u32, sums: Sums) -> Row {
  let n = normal(sums);
  return Row(multiply(entropy_of(sums, n), call.scale).x, n.log_sum_exp.x);
}

fn finish(row: u32, lane: u32, state: Row) {
  if (lane == 0u) {
    put_entropy(row, 0u, state.entropy);
    put_logSumExp(row, 0u, state.log_sum_exp);
  }
}
`;

/** logits [rows, vocab] → entropy, logSumExp [rows]. */
export const entropy: Shader = { uses: [COUNT, UNLABELLED, SCAN], source: SOURCE, partials: [SUMS] };
