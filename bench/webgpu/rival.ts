/** jax-js on the same GPU, both with resident logits, by the wall clock from the call to the computed result. */
import { crossEntropy, logSumExp, softmax } from "../../mod.ts";
import type { Shape } from "../cases.ts";
import { type Contender, measure, type Measurement } from "../harness.ts";
import { brief, type Checked, choose } from "../rivals/choose.ts";
import { type Formulate, type Library, type OperationName, type Outputs, PASSES } from "../rivals/contender.ts";
import { expect, makeProblem } from "../rivals/expected.ts";
import { openJaxOnWebGpu } from "../rivals/jax.ts";
import { Buffers } from "./device.ts";
import { readRows } from "./rows.ts";

/** What is compared. */
const COMPARED: readonly OperationName[] = ["log-sum-exp", "softmax", "CE forward", "CE + gradient"];

/** Ours, and the rival's name. */
const OURS = "surprisal", RIVAL = "jax-js";

/** A library at an operation. */
export interface Rivalry extends Measurement {
  readonly operation: OperationName;
  /** The library's functions, in short. */
  readonly how: string;
}

/** What was measured, and what could not be. */
export interface RivalReport {
  readonly shape: Shape;
  readonly results: readonly Rivalry[];
  readonly failures: readonly string[];
}

/** Measures both. */
export async function measureRivals(device: GPUDevice, shape: Shape): Promise<RivalReport> {
  const problem = makeProblem(shape), expected = expect(problem);
  using buffers = new Buffers(device);
  const libraries: Record<string, () => Promise<Library>> = {
    [OURS]: () => openOurs(device, buffers, shape),
    [RIVAL]: openJaxOnWebGpu,
  };
  const formulates: [name: string, Formulate][] = [], results: Rivalry[] = [], failures: string[] = [];
  for (const [name, open] of Object.entries(libraries)) {
    await open().then(
      (library) => formulates.push([name, library.load(problem)]),
      (error) => failures.push(`${name} cannot run here: ${brief(error)}`),
    );
  }
  for (const operation of COMPARED) {
    const fit: (Contender & Checked)[] = [];
    for (const [name, formulate] of formulates) {
      const chosen = await choose(formulate, operation, expected);
      if (typeof chosen === "string") failures.push(`${operation}: ${name} cannot: ${chosen}`);
      else fit.push({ name, bytes: PASSES[operation] * problem.p.byteLength, ...chosen });
    }
    const measured = await measure(fit);
    results.push(...measured.map((one, i) => ({ ...one, operation, how: fit[i].how })));
  }
  return { shape, results, failures };
}

/** Ours on matrices of the GPU. */
async function openOurs(device: GPUDevice, buffers: Buffers, shape: Shape): Promise<Library> {
  const [rows, vocab] = shape, bytes = 4 * rows * vocab;
  const p = { data: await buffers.take(bytes), shape, dtype: "f32" } as const;
  const out = { ...p, data: await buffers.take(bytes) }, options = { device } as const;
  const all = Array.from({ length: rows }, (_, row) => row);
  const readOut = async () => (await readRows(device, out, all)).data as Float32Array;
  return {
    load(problem) {
      device.queue.writeBuffer(p.data, 0, Float32Array.from(problem.p));
      const computations: Record<OperationName, () => Promise<Outputs["read"]>> = {
        "log-sum-exp": async () => {
          const result = await logSumExp(p, options);
          return () => [result.logSumExp];
        },
        "softmax": async () => {
          await softmax(p, { ...options, out });
          await device.queue.onSubmittedWorkDone();
          return async () => [await readOut()];
        },
        "CE forward": async () => {
          const { loss } = await crossEntropy(p, problem.targets, options);
          return () => [Float32Array.of(loss)];
        },
        "CE + gradient": async () => {
          const { loss } = await crossEntropy(p, problem.targets, { ...options, gradient: out });
          return async () => [Float32Array.of(loss), await readOut()];
        },
        "KL divergence": () => Promise.reject(new Error("It is not compared")),
      };
      const compute = async (operation: OperationName) => ({ read: await computations[operation](), free() {} });
      return (operation) => Promise.resolve([{ how: "GPUBuffer", compute: () => compute(operation) }]);
    },
  };
}
