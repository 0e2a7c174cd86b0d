import type { AnyData, AnyMatrix, GpuOutputs, Matrix, MatrixData, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { type TransformOptions, transformRows } from "./transform_rows.ts";

/** The record of logSoftmax. */
export const record: Operation = {
  name: "logSoftmax",
  inputs: [{ name: "logits", shape: ["rows", "vocab"], type: "float" }],
  outputs: [{ name: "logProbabilities", shape: ["rows", "vocab"], type: "float" }],
  params: { softcap: 0, temperature: 1 },
  work: () => ({ exps: 1, flops: 5 }),
};

/** Options of {@linkcode logSoftmax}. */
export type LogSoftmaxOptions<Data extends AnyData = MatrixData> = TransformOptions<Data>;

/** What {@linkcode logSoftmax} returns. */
export interface LogSoftmaxResult<Data extends AnyData = MatrixData> {
  /** [rows, vocab]: `out`, or a new f32 matrix. */
  readonly logProbabilities: Matrix<Data>;
  /** How it ran. */
  readonly report: Report;
}

type AnyOptions = LogSoftmaxOptions<AnyData> & Partial<GpuOutputs>;

function prepare(logits: AnyMatrix, options: AnyOptions = {}): Prepared<LogSoftmaxResult<AnyData>> {
  const { call, result } = transformRows(record, logits, options);
  return { call, finish: (report) => ({ logProbabilities: result(), report }) };
}

/**
 * The log-probabilities of each row: x − ln Σ e^x, in nats.
 *
 * −∞ stays −∞; a row of −∞ gives NaN, for there is no distribution; a +∞ gives NaN there and −∞ elsewhere; NaN gives NaN,
 * in its own row only. The maximum is subtracted before the logarithm, so logits of magnitude 1e4 lose nothing.
 *
 * @param logits [rows, vocab].
 * @param options Soft cap and temperature, applied first; `out` or `outputs`; and the common options.
 * @returns `logProbabilities` [rows, vocab].
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range, or `out` overlaps the logits without being them.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example In place, in wasm memory
 * ```ts
 * import { allocate, logSoftmax } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * using logits = allocate([1, 2], "f32");
 * logits.data.set([10_000, 10_000]);
 * await logSoftmax(logits, { out: logits });
 * assertAlmostEquals(logits.data[0], -Math.LN2, 1e-6);
 * ```
 */
export function logSoftmax(
  logits: AnyMatrix,
  options: LogSoftmaxOptions & GpuOutputs,
): Promise<LogSoftmaxResult<GPUBuffer>>;
/** The same into `out`, or a new array. */
export function logSoftmax<Data extends AnyData = MatrixData>(
  logits: AnyMatrix,
  options?: LogSoftmaxOptions<Data>,
): Promise<LogSoftmaxResult<Data>>;
export function logSoftmax(logits: AnyMatrix, options?: AnyOptions): Promise<LogSoftmaxResult<AnyData>> {
  return run(() => prepare(logits, options));
}

/** {@linkcode logSoftmax} without a promise. */
export function logSoftmaxSync<Data extends MatrixData = MatrixData>(
  logits: Matrix,
  options?: LogSoftmaxOptions<Data>,
): LogSoftmaxResult<Data> {
  return runSync(() => prepare(logits, options)) as LogSoftmaxResult<Data>;
}
