import type { AnyData, AnyMatrix, GpuOutputs, Matrix, Operation } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { type DivergenceOptions, type DivergenceResult, GRADIENTS, INPUTS, prepareDivergence } from "./divergence.ts";
import type { Reduction } from "./reduction.ts";

/** The record of jsDivergence. */
export const record: Operation = {
  name: "jsDivergence",
  inputs: INPUTS,
  outputs: [{ name: "divergence", shape: ["rows"], type: "f32" }, ...GRADIENTS],
  params: { input: 0, softcap: 0, temperature: 1, beta: 0.5, scale: 1 },
  work: (present) =>
    present.has("gradientP") || present.has("gradientQ") ? { exps: 8, flops: 200 } : { exps: 5, flops: 110 },
};

/** Options of {@linkcode jsDivergence}. */
export interface JsDivergenceOptions<R extends Reduction = Reduction> extends DivergenceOptions<R> {
  /** β, the weight of p in the mixture, above 0 and below 1: 0.5 unless given. */
  readonly beta?: number;
}

function prepare<R extends Reduction>(
  p: AnyMatrix,
  q: AnyMatrix,
  options: JsDivergenceOptions<R> & Partial<GpuOutputs> = {},
): Prepared<DivergenceResult<R, AnyData>> {
  return prepareDivergence(record, p, q, options, ["beta"], (check) => ({
    params: { beta: check.number("beta", options.beta, { fallback: 0.5, above: 0, below: 1 }) },
  }));
}

/**
 * The generalised Jensen–Shannon divergence of each pair of rows: β·D(p ‖ m) + (1 − β)·D(q ‖ m), m = β·p + (1 − β)·q.
 *
 * With β = ½ it is the symmetric divergence, at most ln 2. Every term of the sum is ≥ 0: never negative, exactly 0 for equal
 * rows, relative accuracy ≤ 1e-5 down to 1e-8. It is finite where p or q is 0. A row of −∞, or with NaN or +∞, gives NaN.
 * "mean" is the mean over rows. Gradients are with respect to logits, whatever `input` says.
 *
 * @param p [rows, vocab].
 * @param q [rows, vocab].
 * @param options `beta`, `input`, reduction, gradient; soft cap and temperature; and the common options.
 * @returns The divergence in nats, and the gradients asked for.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example Two distributions with nothing in common
 * ```ts
 * import { jsDivergence } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const p = { data: new Float32Array([0, -Infinity]), shape: [1, 2] as const };
 * const q = { data: new Float32Array([-Infinity, 0]), shape: [1, 2] as const };
 * assertAlmostEquals((await jsDivergence(p, q)).divergence, Math.LN2, 1e-6);
 * ```
 */
export function jsDivergence<R extends Reduction = "mean">(
  p: AnyMatrix,
  q: AnyMatrix,
  options: JsDivergenceOptions<R> & GpuOutputs,
): Promise<DivergenceResult<R, GPUBuffer>>;
/** The same with gradients in new arrays. */
export function jsDivergence<R extends Reduction = "mean">(
  p: AnyMatrix,
  q: AnyMatrix,
  options?: JsDivergenceOptions<R>,
): Promise<DivergenceResult<R>>;
export function jsDivergence<R extends Reduction = "mean">(
  p: AnyMatrix,
  q: AnyMatrix,
  options?: JsDivergenceOptions<R> & Partial<GpuOutputs>,
): Promise<DivergenceResult<R, AnyData>> {
  return run(() => prepare(p, q, options));
}

/** {@linkcode jsDivergence} without a promise. */
export function jsDivergenceSync<R extends Reduction = "mean">(
  p: Matrix,
  q: Matrix,
  options?: JsDivergenceOptions<R>,
): DivergenceResult<R> {
  return runSync(() => prepare(p, q, options)) as DivergenceResult<R>;
}
