/**
 * A measured machine as a device, so that the roofline can be drawn for it.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";
import { RECORDS } from "../ops/records.ts";
import type { Device } from "./devices.ts";
import { checkMachine, type Machine } from "./machine.ts";

/**
 * The CPU of a measured machine as a device: what its kernels reach on all cores, not what its hardware could.
 *
 * Exponentials a second are those of log-sum-exp, other operations those of KL divergence, operations of matrix products
 * those of states and weights, each from cache.
 *
 * @param machine What {@linkcode calibrate} returned.
 * @param memoryBytes Bytes of memory.
 * @returns A device for {@linkcode roofline}.
 * @throws {TypeError} If a number is missing or not one.
 * @throws {RangeError} If a number is out of range, or the machine has not been measured.
 *
 * @example
 * ```ts
 * import { calibrate, deviceOf, methodWork, roofline, useMachine } from "@surprisal/core/cost";
 * import { assert } from "@std/assert";
 *
 * const here = deviceOf(await calibrate({ threads: 1 }), 16e9);
 * assert(roofline(methodWork("inPlace", { batch: 512, vocab: 50_257 }), here).seconds > 1e-4);
 * useMachine(undefined);
 * ```
 */
export function deviceOf(machine: Machine, memoryBytes: number): Device {
  const check = new ValueChecker("compute deviceOf");
  const { speedup, kernels: { wasm }, arithmetic, readBytesPerSecondOfAll } = checkMachine(check, machine);
  const bytes = check.number("memoryBytes", memoryBytes, { above: 0 });
  const exponential = wasm["logSumExp f32"], pair = wasm["klDivergence f32"];
  if (exponential === undefined || pair === undefined) throw check.rangeError("machine has not been measured");
  const flops = RECORDS.klDivergence.work(new Set(), {}).flops * speedup / pair.secondsPerCell;
  const matrixFlops = speedup / arithmetic.wasm.secondsPerMatrixFlop;
  return {
    name: `this machine, ${machine.cores} cores`,
    kind: "cpu",
    memoryBytesPerSecond: readBytesPerSecondOfAll,
    memoryBytes: bytes,
    cacheBytes: CACHE_BYTES * machine.cores,
    matrixFlopsPerSecond: { f32: matrixFlops, f16: matrixFlops, bf16: matrixFlops },
    vectorFlopsPerSecond: flops,
    expsPerSecond: RECORDS.logSumExp.work(new Set(), {}).exps * speedup / exponential.secondsPerCell,
    hostBytesPerSecond: readBytesPerSecondOfAll,
    launchSeconds: machine.callSeconds,
    readBackSeconds: 0,
    sources: ["calibrate()"],
  };
}

/** Bytes of cache a core: a round figure, which is not measured. */
const CACHE_BYTES = 2 ** 20;
