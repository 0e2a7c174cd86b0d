/**
 * Measuring the machine, so that predictions hold on it.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";
import { measureCpu } from "./calibrate/cpu.ts";
import { MAX_THREADS } from "./division.ts";
import { type Machine, machine, UNMEASURED, useMachine } from "./machine.ts";

/** Options of {@linkcode calibrate}. */
export interface CalibrateOptions {
  /** Whether to measure a GPU too, which is opened and whose shaders are compiled first. `false` unless given. */
  readonly webgpu?: boolean;
  /** How many threads calls may take from then on, 1 to 128: all cores unless given. */
  readonly threads?: number;
}

/**
 * Measures this machine: every kernel in every dtype in cache, memory, copies, threads; and has "auto" and the number of
 * threads go by it from then on.
 *
 * It takes some 300 ms and holds the event loop meanwhile; before that the threads are started that do not run yet, some
 * 30 ms each. It leaves 40 MiB of wasm memory that later calls use. With a GPU it takes as long as that takes to compile.
 *
 * @param options How many threads there are to be, and whether to measure a GPU.
 * @returns What was measured; `JSON.stringify` saves it, {@linkcode useMachine} sets it again.
 * @throws {TypeError} If an option is unknown or of the wrong type.
 * @throws {RangeError} If threads are out of range.
 * @throws {BackendUnavailableError} If a GPU is to be measured and there is none.
 *
 * @example
 * ```ts
 * import { calibrate, machine, useMachine } from "@surprisal/core/cost";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const found = await calibrate({ threads: 1 });
 * assert(found.isMeasured && found.readBytesPerSecond > 1e8);
 * assertEquals(machine(), found);
 * useMachine(undefined); // round figures again
 * ```
 */
export async function calibrate(options: CalibrateOptions = {}): Promise<Machine> {
  const check = new ValueChecker("calibrate");
  const { webgpu, threads } = check.bag<CalibrateOptions>(options, ["webgpu", "threads"]);
  const isWanted = check.flag("webgpu", webgpu);
  const most = { fallback: UNMEASURED.cores, least: 1, most: MAX_THREADS, integer: true } as const;
  const cpu = await measureCpu(machine(), check.number("threads", threads, most));
  if (!isWanted) return useMachine(cpu);
  const { measureGpu } = await import("./calibrate/gpu.ts");
  return useMachine(await measureGpu(cpu));
}
