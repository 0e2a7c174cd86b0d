import type { CommonOptions, LogitsOptions, Matrix, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { transformRows } from "./transform_rows.ts";

/** The record of logSoftmax. */
export const record: Operation = {
  name: "logSoftmax",
  inputs: [{ name: "logits", shape: ["rows", "vocab"], type: "float" }],
  outputs: [{ name: "logProbabilities", shape: ["rows", "vocab"], type: "float" }],
  params: ["softcap", "temperature"],
  work: () => ({ exps: 1, flops: 5 }),
};

/** Options of {@linkcode logSoftmax}. */
export interface LogSoftmaxOptions extends CommonOptions, LogitsOptions {
  /** Where the result goes, [rows, vocab] of any dtype; the logits themselves to overwrite them. */
  readonly out?: Matrix;
}

/** What {@linkcode logSoftmax} returns. */
export interface LogSoftmaxResult {
  /** [rows, vocab]: `out`, or a new f32 matrix. */
  readonly logProbabilities: Matrix;
  /** How it ran. */
  readonly report: Report;
}

function prepare(logits: Matrix, options: LogSoftmaxOptions = {}): Prepared<LogSoftmaxResult> {
  const { call, result } = transformRows(record, logits, options);
  return { call, finish: (report) => ({ logProbabilities: result, report }) };
}

/**
 * The log-probabilities of each row: x − ln Σ e^x, in nats.
 *
 * −∞ stays −∞; a row of −∞ gives NaN, for there is no distribution; a +∞ gives NaN there and −∞ elsewhere; NaN gives NaN,
 * in its own row only. The maximum is subtracted before the logarithm, so logits of magnitude 1e4 lose nothing.
 *
 * @param logits [rows, vocab].
 * @param options Soft cap and temperature, applied first; `out`; and the common options.
 * @returns `logProbabilities` [rows, vocab].
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range, or `out` overlaps the logits without being them.
 * @throws {BackendUnavailableError} If the backend asked for by name cannot run.
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
export function logSoftmax(logits: Matrix, options?: LogSoftmaxOptions): Promise<LogSoftmaxResult> {
  return run(() => prepare(logits, options));
}

/** {@linkcode logSoftmax} without a promise. */
export function logSoftmaxSync(logits: Matrix, options?: LogSoftmaxOptions): LogSoftmaxResult {
  return runSync(() => prepare(logits, options));
}
