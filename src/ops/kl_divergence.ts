import type { AnyData, AnyMatrix, GpuOutputs, Matrix, Operation } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { type DivergenceOptions, type DivergenceResult, GRADIENTS, INPUTS, prepareDivergence } from "./divergence.ts";
import type { Reduction } from "./reduction.ts";

/** The record of klDivergence. */
export const record: Operation = {
  name: "klDivergence",
  inputs: INPUTS,
  outputs: [
    { name: "divergence", shape: ["rows"], type: "f32" },
    { name: "partial", shape: ["rows", 6], type: "f64", optional: true },
    ...GRADIENTS,
  ],
  params: { input: 0, softcap: 0, temperature: 1, scale: 1 },
  work: (present) =>
    present.has("gradientP") || present.has("gradientQ") ? { exps: 4, flops: 40 } : { exps: 2, flops: 24 },
};

/** Options of {@linkcode klDivergence}. */
export interface KlDivergenceOptions<R extends Reduction = Reduction> extends DivergenceOptions<R> {
  /** "forward" (the default) for D(p ‖ q), "reverse" for D(q ‖ p). */
  readonly direction?: "forward" | "reverse";
}

function prepare<R extends Reduction>(
  p: AnyMatrix,
  q: AnyMatrix,
  options: KlDivergenceOptions<R> & Partial<GpuOutputs> = {},
): Prepared<DivergenceResult<R, AnyData>> {
  return prepareDivergence(record, p, q, options, ["direction"], (check) => ({
    params: {},
    reverse: check.choice("direction", options.direction, ["forward", "reverse"], "forward") === "reverse",
  }));
}

/**
 * The Kullback–Leibler divergence of each pair of rows: D(p ‖ q) = Σ P·ln(P / Q), P and Q the rows' softmaxes.
 *
 * Computed as Σ P·(d + e^(−d) − 1) with d = ln P − ln Q, whose terms are all ≥ 0: never negative, exactly 0 for equal rows,
 * and relative accuracy ≤ 1e-5 down to divergences of 1e-8, where a difference of sums returns noise. Where P = 0 the
 * textbook's term is 0; where Q = 0 < P it is +∞. A row of −∞, or with NaN or +∞, gives NaN.
 *
 * "mean" is the mean over rows, the true divergence; PyTorch's "mean" also divides by vocab (its "batchmean" is ours).
 * Probabilities that do not sum to 1 are normalised, but then small divergences lose some of that accuracy. Gradients are
 * with respect to logits, whatever `input` says: for probabilities, those whose softmax they are.
 *
 * @param p [rows, vocab].
 * @param q [rows, vocab].
 * @param options `input`, `direction`, reduction, gradient; soft cap and temperature; and the common options.
 * @returns The divergence in nats, and the gradients asked for.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example What a slightly wrong model costs
 * ```ts
 * import { klDivergence } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const p = { data: new Float32Array([0.5, 0.5]), shape: [1, 2] as const };
 * const q = { data: new Float32Array([0.25, 0.75]), shape: [1, 2] as const };
 * const { divergence } = await klDivergence(p, q, { input: "probabilities" });
 * assertAlmostEquals(divergence, 0.5 * Math.log(4 / 3), 1e-6);
 * ```
 */
export function klDivergence<R extends Reduction = "mean">(
  p: AnyMatrix,
  q: AnyMatrix,
  options: KlDivergenceOptions<R> & GpuOutputs,
): Promise<DivergenceResult<R, GPUBuffer>>;
/** The same with gradients in new arrays. */
export function klDivergence<R extends Reduction = "mean">(
  p: AnyMatrix,
  q: AnyMatrix,
  options?: KlDivergenceOptions<R>,
): Promise<DivergenceResult<R>>;
export function klDivergence<R extends Reduction = "mean">(
  p: AnyMatrix,
  q: AnyMatrix,
  options?: KlDivergenceOptions<R> & Partial<GpuOutputs>,
): Promise<DivergenceResult<R, AnyData>> {
  return run(() => prepare(p, q, options));
}

/** {@linkcode klDivergence} without a promise. */
export function klDivergenceSync<R extends Reduction = "mean">(
  p: Matrix,
  q: Matrix,
  options?: KlDivergenceOptions<R>,
): DivergenceResult<R> {
  return runSync(() => prepare(p, q, options)) as DivergenceResult<R>;
}
