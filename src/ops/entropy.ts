import type { AnyMatrix, CommonOptions, LogitsOptions, Matrix, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { vector } from "../tensors.ts";
import { Checker } from "../validate.ts";

/** The record of entropy. */
export const record: Operation = {
  name: "entropy",
  inputs: [{ name: "logits", shape: ["rows", "vocab"], type: "float" }],
  outputs: [
    { name: "entropy", shape: ["rows"], type: "f32" },
    { name: "logSumExp", shape: ["rows"], type: "f32" },
  ],
  params: { softcap: 0, temperature: 1, scale: 1 },
  work: () => ({ exps: 1, flops: 5 }),
};

/** Options of {@linkcode entropy}. */
export interface EntropyOptions extends CommonOptions, LogitsOptions {
  /** 2 for bits; nats unless given. */
  readonly base?: 2;
}

/** What {@linkcode entropy} returns. */
export interface EntropyResult {
  /** [rows], nats, or bits for `base: 2`. */
  readonly entropy: Float32Array;
  /** [rows], nats. */
  readonly logSumExp: Float32Array;
  /** How it ran. */
  readonly report: Report;
}

function prepare(logits: AnyMatrix, options: EntropyOptions = {}): Prepared<EntropyResult> {
  const check = new Checker("compute entropy");
  const { options: common, softcap, temperature } = check.logitsOptions(options, ["base"]);
  const base = check.choice<2 | undefined>("base", options.base, [2], undefined);
  const input = check.matrix("logits", logits);
  const { rows, columns: vocab } = input;
  const entropy = vector(new Float32Array(rows)), logSumExp = vector(new Float32Array(rows));
  return {
    call: {
      operation: record,
      dims: { rows, vocab },
      tensors: { logits: input, entropy, logSumExp },
      params: { softcap, temperature, scale: base === 2 ? 1 / Math.LN2 : 1 },
      options: common,
    },
    finish: (report) => ({ entropy: entropy.data, logSumExp: logSumExp.data, report }),
  };
}

/**
 * The entropy of each row's softmax: −Σ p·ln p.
 *
 * Between 0 (certainty) and ln vocab (nothing known). −∞ adds nothing (0·ln 0 is 0); a row of −∞, or with NaN or +∞, gives
 * NaN. Computed in one pass as ln s − t / s, where nothing cancels.
 *
 * @param logits [rows, vocab].
 * @param options Soft cap and temperature, applied first; `base`; and the common options.
 * @returns `entropy` [rows] in nats or bits, and `logSumExp` [rows] from the same pass.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example A fair coin has one bit
 * ```ts
 * import { entropy } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const coin = { data: new Float32Array([0, 0]), shape: [1, 2] as const };
 * assertAlmostEquals((await entropy(coin, { base: 2 })).entropy[0], 1, 1e-6);
 * ```
 */
export function entropy(logits: AnyMatrix, options?: EntropyOptions): Promise<EntropyResult> {
  return run(() => prepare(logits, options));
}

/** {@linkcode entropy} without a promise. */
export function entropySync(logits: Matrix, options?: EntropyOptions): EntropyResult {
  return runSync(() => prepare(logits, options));
}
