import type { AnyMatrix, CommonOptions, LogitsOptions, Matrix, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { vector } from "../tensors.ts";
import { Checker } from "../validate.ts";

/** The record of logSumExp. */
export const record: Operation = {
  name: "logSumExp",
  inputs: [{ name: "logits", shape: ["rows", "vocab"], type: "float" }],
  outputs: [
    { name: "logSumExp", shape: ["rows"], type: "f32" },
    { name: "partial", shape: ["rows", 2], type: "f64", optional: true },
  ],
  params: { softcap: 0, temperature: 1 },
  work: () => ({ exps: 1, flops: 3 }),
};

/** Options of {@linkcode logSumExp}. */
export type LogSumExpOptions = CommonOptions & LogitsOptions;

/** What {@linkcode logSumExp} returns. */
export interface LogSumExpResult {
  /** [rows], nats. */
  readonly logSumExp: Float32Array;
  /** How it ran. */
  readonly report: Report;
}

function prepare(logits: AnyMatrix, options: LogSumExpOptions = {}): Prepared<LogSumExpResult> {
  const check = new Checker("compute logSumExp");
  const { options: common, softcap, temperature } = check.logitsOptions(options, []);
  const input = check.matrix("logits", logits);
  const { rows, columns: vocab } = input;
  const logSumExp = vector(new Float32Array(rows));
  return {
    call: {
      operation: record,
      dims: { rows, vocab },
      tensors: { logits: input, logSumExp },
      params: { softcap, temperature },
      options: common,
    },
    finish: (report) => ({ logSumExp: logSumExp.data, report }),
  };
}

/**
 * The logarithm of the sum of exponentials of each row: ln Σ e^x.
 *
 * It is the normaliser of a softmax: x − logSumExp is the log-probability of a class. −∞ adds nothing; a row of −∞ gives
 * −∞, +∞ gives +∞, NaN gives NaN, each in its own row only. One pass over memory; |error| ≤ ε₃₂·(4 + |value|).
 *
 * @param logits [rows, vocab].
 * @param options Soft cap and temperature, applied first, and the common options.
 * @returns `logSumExp` [rows] in nats; empty if there are no rows.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example The normaliser of a row whose first class is masked
 * ```ts
 * import { logSumExp } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const logits = { data: new Float32Array([-Infinity, 0, 0, 0]), shape: [1, 4] as const };
 * const result = await logSumExp(logits);
 * assertAlmostEquals(result.logSumExp[0], Math.log(3), 1e-6);
 * ```
 */
export function logSumExp(logits: AnyMatrix, options?: LogSumExpOptions): Promise<LogSumExpResult> {
  return run(() => prepare(logits, options));
}

/** {@linkcode logSumExp} without a promise. */
export function logSumExpSync(logits: Matrix, options?: LogSumExpOptions): LogSumExpResult {
  return runSync(() => prepare(logits, options));
}
