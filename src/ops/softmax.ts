import type { AnyData, AnyMatrix, GpuOutputs, Matrix, MatrixData, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { type TransformOptions, transformRows } from "./transform_rows.ts";

/** The record of softmax. */
export const record: Operation = {
  name: "softmax",
  inputs: [{ name: "logits", shape: ["rows", "vocab"], type: "float" }],
  outputs: [{ name: "probabilities", shape: ["rows", "vocab"], type: "float" }],
  params: { softcap: 0, temperature: 1 },
  work: () => ({ exps: 2, flops: 4 }),
};

/** Options of {@linkcode softmax}. */
export type SoftmaxOptions<Data extends AnyData = MatrixData> = TransformOptions<Data>;

/** What {@linkcode softmax} returns. */
export interface SoftmaxResult<Data extends AnyData = MatrixData> {
  /** [rows, vocab]: `out`, or a new f32 matrix. */
  readonly probabilities: Matrix<Data>;
  /** How it ran. */
  readonly report: Report;
}

type AnyOptions = SoftmaxOptions<AnyData> & Partial<GpuOutputs>;

function prepare(logits: AnyMatrix, options: AnyOptions = {}): Prepared<SoftmaxResult<AnyData>> {
  const { call, result } = transformRows(record, logits, options);
  return { call, finish: (report) => ({ probabilities: result(), report }) };
}

/**
 * The probabilities of each row: e^x / Σ e^x.
 *
 * −∞ gives exactly 0; a row of −∞ gives NaN, for there is no distribution; a +∞ gives NaN there and 0 elsewhere; NaN gives
 * NaN, in its own row only. Probabilities below 2⁻¹²⁶ may be 0. Half-precision logits are computed in f32.
 *
 * @param logits [rows, vocab].
 * @param options Soft cap and temperature, applied first; `out` or `outputs`; and the common options.
 * @returns `probabilities` [rows, vocab]; each row sums to 1 up to rounding.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range, or `out` overlaps the logits without being them.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example Sampling weights at a temperature
 * ```ts
 * import { softmax } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const logits = { data: new Float32Array([2, 0, -Infinity]), shape: [1, 3] as const };
 * const { probabilities } = await softmax(logits, { temperature: 2 });
 * assertAlmostEquals(probabilities.data[0], Math.E / (Math.E + 1), 1e-6);
 * ```
 */
export function softmax(logits: AnyMatrix, options: SoftmaxOptions & GpuOutputs): Promise<SoftmaxResult<GPUBuffer>>;
/** The same into `out`, or a new array. */
export function softmax<Data extends AnyData = MatrixData>(
  logits: AnyMatrix,
  options?: SoftmaxOptions<Data>,
): Promise<SoftmaxResult<Data>>;
export function softmax(logits: AnyMatrix, options?: AnyOptions): Promise<SoftmaxResult<AnyData>> {
  return run(() => prepare(logits, options));
}

/** {@linkcode softmax} without a promise. */
export function softmaxSync<Data extends MatrixData = MatrixData>(
  logits: Matrix,
  options?: SoftmaxOptions<Data>,
): SoftmaxResult<Data> {
  return runSync(() => prepare(logits, options)) as SoftmaxResult<Data>;
}
