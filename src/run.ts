/** From a checked call to a backend and back: the only room that knows several backends exist. */
import { axisOf, onDevice } from "./arguments.ts";
import { bestOnWasm, type Candidate, compare, onReference, onWasm, onWebgpu } from "./cost/candidates.ts";
import { type Demand, demandOf } from "./cost/demand.ts";
import { machine } from "./cost/machine.ts";
import type { Manner } from "./cost/predict.ts";
import type { Backend, BackendName, CheckedCall, Outcome, Report, SyncBackend } from "./operation.ts";
import { reference } from "./reference/mod.ts";
import { isResident } from "./wasm/memory.ts";
import { wasm } from "./wasm/mod.ts";

/** The CPU's, in the order in which "auto" tries them. */
const ON_CPU: readonly SyncBackend[] = [wasm, reference];

/** The GPU's, which is loaded when it is first needed: most programs never do. */
let gpu: typeof import("./webgpu/mod.ts") | undefined;

async function loadWebgpu(): Promise<Backend> {
  gpu ??= await import("./webgpu/mod.ts");
  return gpu.webgpu;
}

/** A backend that was asked for by name cannot run here, or cannot run this call. */
export class BackendUnavailableError extends Error {
  /** "BackendUnavailableError". */
  override readonly name = "BackendUnavailableError";
}

/** A call ready to run, and what its caller makes of the outputs. */
export interface Prepared<Result> {
  /** The call; its output tensors are filled when `finish` is called. */
  readonly call: CheckedCall;
  /** The public result. */
  finish(report: Report): Result;
}

/** Prepares and runs, leaving the event loop free; bad arguments reject. */
export async function run<Result>(prepare: () => Prepared<Result>): Promise<Result> {
  const { call, finish } = prepare();
  const start = performance.now();
  call.options.signal?.throwIfAborted();
  const demand = demandOf(call, isResident), choice = choose(call, demand);
  const { backend, reason } = "then" in choice ? await choice : choice; // what the CPU computes begins at once
  call.options.signal?.throwIfAborted();
  const outcome = isIdle(call) ? { threads: 1 } : await backend.run(call);
  return finish(reportOf({ call, demand, backend, reason, isSync: false, start }, outcome));
}

/** Prepares and runs without a pause. */
export function runSync<Result>(prepare: () => Prepared<Result>): Result {
  const { call, finish } = prepare();
  const start = performance.now();
  call.options.signal?.throwIfAborted();
  const { backend, reason } = chooseSync(call);
  const outcome = isIdle(call) ? { threads: 1 } : backend.runSync(call);
  const demand = demandOf(call, isResident);
  return finish(reportOf({ call, demand, backend, reason, isSync: true, start }, outcome));
}

/** Whether there is nothing to compute nor to make: no row, and nothing that is a sum over rows. */
function isIdle(call: CheckedCall): boolean {
  const { operation, dims, tensors } = call;
  const hasSums = operation.outputs.some((spec) => axisOf(spec) === "none" && tensors[spec.name] !== undefined);
  return dims.rows === 0 && !hasSums && onDevice(call) === undefined;
}

interface Choice<Of extends Backend> {
  readonly backend: Of;
  readonly reason: string;
}

function choose(call: CheckedCall, demand: Demand): Choice<Backend> | Promise<Choice<Backend>> {
  const wanted = call.options.backend ?? "auto", there = onDevice(call);
  if (wanted === "webgpu" || (wanted === "auto" && there !== undefined)) return onGpu(call, there);
  if (wanted !== "auto") return chooseSync(call);
  const rates = machine(), cpu = bestOnWasm(demand, mannerOf(call, false), rates, call.options.threads);
  const { pays, finding } = compare(cpu, onWebgpu(demand, rates), gpu?.isOpen() ?? false ? 0 : rates.gpu.openSeconds);
  return pays ? onGpuIfThereIsOne(call, finding) : fastest(call, finding);
}

/** The GPU, by name or because a tensor is there. */
async function onGpu(call: CheckedCall, there: string | undefined): Promise<Choice<Backend>> {
  const webgpu = await loadWebgpu(), obstacle = await webgpu.obstacle(call);
  if (there === undefined || call.options.backend === "webgpu") return byName(call, webgpu, obstacle);
  if (obstacle === undefined) return { backend: webgpu, reason: `${webgpu.manner(call)}: ${there} is on the GPU` };
  throw new BackendUnavailableError(`Cannot compute ${call.operation.name} on webgpu, where ${there} is: ${obstacle}`);
}

async function onGpuIfThereIsOne(call: CheckedCall, finding: string): Promise<Choice<Backend>> {
  const webgpu = await loadWebgpu(), obstacle = await webgpu.obstacle(call);
  if (obstacle !== undefined) return fastest(call, finding, `not webgpu: ${obstacle}`);
  return { backend: webgpu, reason: `${webgpu.manner(call)}: ${finding}` };
}

function chooseSync(call: CheckedCall): Choice<SyncBackend> {
  const wanted = call.options.backend ?? "auto", there = onDevice(call);
  if (wanted === "auto" && there === undefined) return fastest(call, "the fastest without a promise");
  const backend = ON_CPU.find(({ name }) => name === wanted);
  if (backend && there === undefined) return byName(call, backend, backend.obstacle(call));
  const obstacle = backend ? `${there} is on the GPU` : "a GPU answers through promises only";
  throw new BackendUnavailableError(
    `Cannot compute ${call.operation.name} on ${backend?.name ?? "webgpu"}: ${obstacle}`,
  );
}

function byName<Of extends Backend>(call: CheckedCall, backend: Of, obstacle: string | undefined): Choice<Of> {
  if (obstacle === undefined) return { backend, reason: `${backend.manner(call)}: asked for by name` };
  throw new BackendUnavailableError(`Cannot compute ${call.operation.name} on ${backend.name}: ${obstacle}`);
}

/** The first of the CPU's that can; the finding is about WebAssembly. */
function fastest(call: CheckedCall, finding: string, ...refused: string[]): Choice<SyncBackend> {
  for (const backend of ON_CPU) {
    const obstacle = backend.obstacle(call);
    if (obstacle !== undefined) refused.push(`not ${backend.name}: ${obstacle}`);
    else {
      const why = backend === reference ? "the last resort" : finding;
      return { backend, reason: [`${backend.manner(call)}: ${why}`, ...refused].join("; ") };
    }
  }
  throw new BackendUnavailableError(`Cannot compute ${call.operation.name}: ${refused.join("; ")}`);
}

/** A call that has run. */
interface Ran {
  readonly call: CheckedCall;
  readonly demand: Demand;
  readonly backend: Backend;
  readonly reason: string;
  readonly isSync: boolean;
  readonly start: number;
}

function reportOf({ call, demand, backend: { name }, reason, isSync, start }: Ran, outcome: Outcome): Report {
  const seconds = (performance.now() - start) / 1000;
  const { seconds: predictedSeconds, bytesRead, bytesWritten } = predicted(name, demand, {
    ...mannerOf(call, isSync),
    threads: outcome.threads,
  });
  return { backend: name, reason, ...outcome, seconds, predictedSeconds, bytesRead, bytesWritten };
}

function predicted(name: BackendName, demand: Demand, manner: Manner): Candidate {
  if (name === "wasm") return onWasm(demand, manner, machine());
  return name === "webgpu" ? onWebgpu(demand, machine()) : onReference(demand, machine());
}

function mannerOf({ options }: CheckedCall, isSync: boolean): Omit<Manner, "threads"> {
  return { isPlain: options.deterministic ?? false, isSync };
}
