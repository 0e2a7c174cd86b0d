/** Calls from arrays of the CPU by the wall clock: with the copies to the GPU and back, and several at once. */
import { crossEntropy, logSumExp } from "../../mod.ts";
import type { Shape } from "../cases.ts";
import { measure, type Measurement } from "../harness.ts";
import { makeProblem } from "../rivals/expected.ts";
import { compare, ELEMENT, REDUCTION } from "./check.ts";

/** How many calls are made at once. */
export const AT_ONCE = 8;

/** An operation on one of the backends. */
export interface EndToEnd extends Measurement {
  readonly shape: Shape;
  readonly backend: "webgpu" | "wasm";
}

const BACKENDS = ["webgpu", "wasm"] as const;

/** Cross-entropy on either backend. */
export async function measureEndToEnd(device: GPUDevice, shape: Shape): Promise<EndToEnd[]> {
  const { p, targets } = makeProblem(shape), logits = { data: p, shape };
  const out = { data: new Float32Array(p.length), shape }, other = { ...out, data: new Float32Array(p.length) };
  const ours = await crossEntropy(logits, targets, { backend: "webgpu", device, gradient: out });
  const theirs = await crossEntropy(logits, targets, { backend: "wasm", gradient: other });
  compare("the loss", [ours.loss], [theirs.loss], REDUCTION);
  compare("the gradient", out.data, other.data, ELEMENT.f32);
  const cases = [
    { name: "CE forward", passes: 1, gradient: undefined },
    { name: "CE + gradient", passes: 2, gradient: out },
  ];
  const results: EndToEnd[] = [];
  for (const { name, passes, gradient } of cases) {
    const measured = await measure(BACKENDS.map((backend) => ({
      name,
      bytes: passes * p.byteLength,
      run: () => crossEntropy(logits, targets, { backend, device, gradient }).then(() => {}),
    })));
    results.push(...measured.map((one, i) => ({ ...one, shape, backend: BACKENDS[i] })));
  }
  return results;
}

/** One log-sum-exp of one row, and several that share what it takes to read back. */
export async function measureAtOnce(device: GPUDevice, vocab: number): Promise<readonly [Measurement, Measurement]> {
  const rows = Array.from({ length: AT_ONCE }, () => ({ data: makeProblem([1, vocab]).p, shape: [1, vocab] as const }));
  const options = { backend: "webgpu", device } as const, bytes = rows[0].data.byteLength;
  const expected = (await logSumExp(rows[0], { backend: "wasm" })).logSumExp;
  for (const { logSumExp: actual } of await Promise.all(rows.map((row) => logSumExp(row, options)))) {
    compare("log-sum-exp of one of several", actual, expected, REDUCTION);
  }
  const [one, several] = await measure([
    { name: "1", bytes, run: () => logSumExp(rows[0], options).then(() => {}) },
    {
      name: `${AT_ONCE} at once`,
      bytes: AT_ONCE * bytes,
      run: () => Promise.all(rows.map((row) => logSumExp(row, options))).then(() => {}),
    },
  ]);
  return [one, several];
}
