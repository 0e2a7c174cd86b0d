/** Calls from arrays of the CPU by the wall clock: with the copies to the GPU and back, and several at once. */
import { crossEntropy, logSumExp } from "../../mod.ts";
import type { Shape } from "../cases.ts";
import { measure, type Measurement } from "../harness.ts";
import { makeProblem } from "../rivals/expected.ts";

/** How many calls are made at once. */
export const AT_ONCE = 8;

/** An operation on one of the backends. */
export interface EndToEnd extends Measurement {
  readonly shape: Shape;
  readonly backend: "webgpu" | "wasm";
}

/** Cross-entropy on either backend. */
export async function measureEndToEnd(device: GPUDevice, shape: Shape): Promise<EndToEnd[]> {
  const { p, targets } = makeProblem(shape), logits = { data: p, shape };
  const out = { data: new Float32Array(p.length), shape };
  const cases = [
    { name: "CE forward", passes: 1, gradient: undefined },
    { name: "CE + gradient", passes: 2, gradient: out },
  ];
  const results: EndToEnd[] = [];
  for (const { name, passes, gradient } of cases) {
    const backends = ["webgpu", "wasm"] as const;
    const measured = await measure(backends.map((backend) => ({
      name,
      bytes: passes * p.byteLength,
      run: () => crossEntropy(logits, targets, { backend, device, gradient }).then(() => {}),
    })));
    results.push(...measured.map((one, i) => ({ ...one, shape, backend: backends[i] })));
  }
  return results;
}

/** One log-sum-exp of one row, and several that share what it takes to read back. */
export async function measureAtOnce(device: GPUDevice, vocab: number): Promise<readonly [Measurement, Measurement]> {
  const rows = Array.from({ length: AT_ONCE }, () => ({ data: makeProblem([1, vocab]).p, shape: [1, vocab] as const }));
  const options = { backend: "webgpu", device } as const, bytes = rows[0].data.byteLength;
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
