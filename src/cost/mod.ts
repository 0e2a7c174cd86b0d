/**
 * What a loss over a large vocabulary costs: memory, traffic, time; on a device of the table or on this machine, measured.
 *
 * Arithmetic that can be read, and held against the clock. Bytes are bytes, seconds seconds; every name says which.
 *
 * @example Whether it fits, and what bounds it
 * ```ts
 * import { device, formatBytes, memory, methodWork, roofline } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const head = { batch: 16, sequence: 1024, vocab: 50_257, dtype: "f16" } as const;
 * assertEquals(formatBytes(memory("textbook", head).peakBytes), "4.94 GB");
 * assertEquals(roofline(methodWork("fused", head), device("a100-40gb")).bound, "memory");
 * ```
 *
 * @module
 */
export type { DType, Traffic } from "../operation.ts";
export type { OperationName } from "../ops/records.ts";
export { BackendUnavailableError } from "../run.ts";
export {
  type AdaptiveCluster,
  type AdaptiveCost,
  type AdaptiveLayout,
  type AdaptiveOptions,
  adaptiveSoftmax,
  bestCutoffs,
  type ClusterOptions,
} from "./adaptive.ts";
export { calibrate, type CalibrateOptions } from "./calibrate.ts";
export type { Candidate } from "./candidates.ts";
export type { Place } from "./demand.ts";
export * from "./devices.ts";
export type { Head } from "./head.ts";
export { type Arithmetic, type GpuRates, type Machine, machine, type Rate, useMachine } from "./machine.ts";
export {
  type Budget,
  type HeldTensor,
  logitsBytes,
  maxBatch,
  memory,
  type Method,
  type MethodMemory,
  METHODS,
} from "./memory.ts";
export { type MethodWork, methodWork } from "./methods.ts";
export { type Plan, plan, type PlanOptions } from "./plan.ts";
export type { PlannedInputs } from "./planned.ts";
export type { Prediction } from "./predict.ts";
export * from "./roofline.ts";
export * from "./sampled.ts";
export * from "./tokenizers.ts";
export { deviceOf } from "./this_device.ts";
export { formatBinaryBytes, formatBytes, formatSeconds, parseBytes } from "./units.ts";
