/** From a checked call to a backend and back: the only room that knows several backends exist. */
import { traffic } from "./cost/traffic.ts";
import type { Backend, CheckedCall, Report } from "./operation.ts";
import { reference } from "./reference/mod.ts";
import { wasm } from "./wasm/mod.ts";

/** In the order in which "auto" tries them. */
const BACKENDS: readonly Backend[] = [wasm, reference];

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
  const { backend, reason } = choose(call);
  const start = performance.now();
  call.options.signal?.throwIfAborted();
  const threads = call.dims.rows === 0 ? 1 : await backend.run(call);
  return finish(reportOf(call, backend, reason, threads, start));
}

/** Prepares and runs without a pause. */
export function runSync<Result>(prepare: () => Prepared<Result>): Result {
  const { call, finish } = prepare();
  const { backend, reason } = choose(call);
  const start = performance.now();
  call.options.signal?.throwIfAborted();
  const threads = call.dims.rows === 0 ? 1 : backend.runSync(call);
  return finish(reportOf(call, backend, reason, threads, start));
}

function choose(call: CheckedCall): { backend: Backend; reason: string } {
  const wanted = call.options.backend ?? "auto";
  if (wanted !== "auto") {
    const backend = BACKENDS.find(({ name }) => name === wanted) as Backend;
    const obstacle = backend.obstacle(call);
    if (obstacle === undefined) return { backend, reason: `${backend.manner(call)}: asked for by name` };
    throw new BackendUnavailableError(`Cannot compute ${call.operation.name} on ${wanted}: ${obstacle}`);
  }
  const refused: string[] = [];
  for (const backend of BACKENDS) {
    const obstacle = backend.obstacle(call);
    if (obstacle !== undefined) refused.push(`not ${backend.name}: ${obstacle}`);
    else return { backend, reason: [`${backend.manner(call)}: the fastest that runs here`, ...refused].join("; ") };
  }
  throw new BackendUnavailableError(`Cannot compute ${call.operation.name}: ${refused.join("; ")}`);
}

function reportOf(call: CheckedCall, backend: Backend, reason: string, threads: number, start: number): Report {
  const { bytesRead, bytesWritten } = traffic(call);
  const seconds = (performance.now() - start) / 1000;
  return { backend: backend.name, reason, threads, seconds, bytesRead, bytesWritten };
}
