/** From a checked call to a backend and back: the only room that knows several backends exist. */
import { traffic } from "./cost/traffic.ts";
import type { Backend, CheckedCall, Report, Session } from "./operation.ts";
import { reference } from "./reference/mod.ts";
import { wasm } from "./wasm/mod.ts";
import { setImmediate } from "node:timers";

/** In the order in which "auto" tries them. */
const BACKENDS: readonly Backend[] = [wasm, reference];

/** How long the event loop may wait for us, in milliseconds. */
const SLICE_MILLISECONDS = 5;

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

/** Prepares and runs, giving the event loop a turn every few milliseconds; bad arguments reject. */
export async function run<Result>(prepare: () => Prepared<Result>): Promise<Result> {
  const { call, finish } = prepare();
  const { backend, reason } = choose(call);
  const start = performance.now();
  let breath = start;
  for (const _ of steps(call, backend)) {
    if (performance.now() - breath < SLICE_MILLISECONDS) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    breath = performance.now();
  }
  return finish(reportOf(call, backend, reason, start));
}

/** Prepares and runs without a pause. */
export function runSync<Result>(prepare: () => Prepared<Result>): Result {
  const { call, finish } = prepare();
  const { backend, reason } = choose(call);
  const start = performance.now();
  for (const _ of steps(call, backend));
  return finish(reportOf(call, backend, reason, start));
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

/** Runs a call a block of rows at a time; between two blocks the caller decides what else happens. */
function* steps(call: CheckedCall, backend: Backend): Generator<void> {
  const { signal } = call.options;
  const { rows } = call.dims;
  signal?.throwIfAborted();
  if (rows === 0) return;
  const session: Session = backend.begin(call);
  try {
    for (let row = 0; row < rows; row += session.rowsPerStep) {
      if (row > 0) {
        yield;
        signal?.throwIfAborted();
      }
      session.step(row, Math.min(session.rowsPerStep, rows - row));
    }
  } finally {
    session.end();
  }
}

function reportOf(call: CheckedCall, backend: Backend, reason: string, start: number): Report {
  const { bytesRead, bytesWritten } = traffic(call);
  return { backend: backend.name, reason, seconds: (performance.now() - start) / 1000, bytesRead, bytesWritten };
}
