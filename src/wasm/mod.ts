/**
 * The WebAssembly backend, generic over operations: it knows names, shapes and sizes, a kernel knows mathematics.
 *
 * @module
 */
import { bestOnWasm } from "../cost/candidates.ts";
import { demandOf } from "../cost/demand.ts";
import { machine } from "../cost/machine.ts";
import { INLINE_SECONDS } from "../cost/predict.ts";
import type { CheckedCall, Outcome, SyncBackend } from "../operation.ts";
import { divide, type Division, STAGING_LIMIT_BYTES } from "../cost/division.ts";
import { runSteps, runStepsSync } from "./compose.ts";
import { runHere, runThere, runTogether } from "./execute.ts";
import { type Kernels, kernels } from "./kernels.ts";
import { isResident, take, wasmMemory } from "./memory.ts";
import { Plan } from "./plan.ts";
import { type Pool, threads, VIEWS_BYTES } from "./pool.ts";
import type { Thread } from "./thread.ts";
import { leastStaging, sizesOf } from "./uses.ts";

/** WebAssembly SIMD. */
export const wasm: SyncBackend = {
  name: "wasm",
  obstacle(call) {
    if (instance(call) === undefined) return "this runtime lacks WebAssembly SIMD or shared memory";
    const bytes = leastStaging(call);
    if (bytes <= STAGING_LIMIT_BYTES) return undefined;
    return `one row takes ${bytes} bytes of staging, more than ${STAGING_LIMIT_BYTES}`;
  },
  manner(call) {
    return `WebAssembly with ${instance(call)?.build} SIMD`;
  },
  async run(call) {
    return await (call.operation.compose ? runSteps(call, call.operation.compose, compute) : compute(call));
  },
  runSync(call) {
    const { compose } = call.operation;
    return compose ? runStepsSync(call, compose, computeSync, () => leaving) : computeSync(call);
  },
};

async function compute(call: CheckedCall): Promise<Outcome> {
  const { pool, division, kernels } = choose(call, false);
  using plan = new Plan(call, kernels, division, pool ? division.threads : 0);
  const { signal } = call.options;
  if (pool) await runThere(plan, pool, division.threads, signal);
  else await runHere(plan, self(kernels), signal);
  plan.finish();
  return { threads: division.threads };
}

/** Settles when no thread can touch the memory of a call that failed any more. */
let leaving: Promise<unknown> = Promise.resolve();

function computeSync(call: CheckedCall): Outcome {
  const { pool, division, kernels } = choose(call, true);
  const others = pool ? division.threads - 1 : 0;
  const plan = new Plan(call, kernels, division, others);
  try {
    runTogether(plan, self(kernels), pool, others);
    plan.finish();
    plan[Symbol.dispose]();
  } catch (error) {
    leaving = Promise.resolve(pool?.close(error as Error));
    void leaving.then(() => plan[Symbol.dispose]());
    throw error;
  }
  return { threads: division.threads };
}

function instance(call: CheckedCall): Kernels | undefined {
  return kernels(call.options.deterministic ?? false);
}

/** Who computes. Only a call without a promise computes on the caller's thread, but for what is over in an instant. */
function choose(call: CheckedCall, isSync: boolean): { pool?: Pool; division: Division; kernels: Kernels } {
  const kernels = instance(call);
  if (kernels === undefined) throw new Error("A call with an obstacle was begun");
  const { deterministic: isPlain = false, threads: wanted } = call.options;
  const deserved = bestOnWasm(demandOf(call, isResident), { isPlain, isSync }, machine(), wanted);
  const sizes = sizesOf(call), division = divide(sizes, deserved.threads);
  const isAlone = division.threads === 1 && (isSync || deserved.computeSeconds < INLINE_SECONDS);
  const pool = isAlone ? undefined : threads(division.threads - (isSync ? 1 : 0));
  return pool ? { pool, division, kernels } : { division: divide(sizes, 1), kernels };
}

let views = 0;

/** The caller's thread. */
function self({ build, functions }: Kernels): Thread {
  views ||= take(VIEWS_BYTES);
  return { slot: 0, memory: wasmMemory(), instances: { [build]: functions }, views };
}
