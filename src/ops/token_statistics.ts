import type { AnyMatrix, CommonOptions, LogitsOptions, Matrix, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { vector } from "../tensors.ts";
import { Checker } from "../validate.ts";
import type { Targets } from "./cross_entropy.ts";

/** The record of tokenStatistics. */
export const record: Operation = {
  name: "tokenStatistics",
  inputs: [
    { name: "logits", shape: ["rows", "vocab"], type: "float" },
    { name: "targets", shape: ["rows"], type: "i32", optional: true },
  ],
  outputs: [
    { name: "targetLogProbability", shape: ["rows"], type: "f32", optional: true },
    { name: "rank", shape: ["rows"], type: "i32", optional: true },
    { name: "logSumExp", shape: ["rows"], type: "f32" },
    { name: "entropy", shape: ["rows"], type: "f32" },
    { name: "argmax", shape: ["rows"], type: "i32" },
    { name: "topTokens", shape: ["rows", "top"], type: "i32", optional: true },
    { name: "topLogProbabilities", shape: ["rows", "top"], type: "f32", optional: true },
  ],
  params: { softcap: 0, temperature: 1 },
  work: () => ({ exps: 1, flops: 7 }),
};

/** Options of {@linkcode tokenStatistics}. */
export interface TokenStatisticsOptions extends CommonOptions, LogitsOptions {
  /** How many of the most likely tokens to list; none unless given. */
  readonly top?: number;
}

/** What {@linkcode tokenStatistics} returns. */
export interface TokenStatisticsResult {
  /** [rows], nats. */
  readonly logSumExp: Float32Array;
  /** [rows], nats. */
  readonly entropy: Float32Array;
  /** [rows]: the most likely token, the lowest among equals. */
  readonly argmax: Int32Array;
  /** [rows], nats; with targets. */
  readonly targetLogProbability?: Float32Array;
  /** [rows]: 1 for a target that no token beats; with targets. */
  readonly rank?: Int32Array;
  /** [rows, top], most likely first, the lower among equals first; with `top`. */
  readonly topTokens?: Int32Array;
  /** [rows, top], nats; with `top`. */
  readonly topLogProbabilities?: Float32Array;
  /** How it ran. */
  readonly report: Report;
}

/** What {@linkcode tokenStatistics} returns when there are targets. */
export type TargetStatisticsResult =
  & TokenStatisticsResult
  & Required<Pick<TokenStatisticsResult, "targetLogProbability" | "rank">>;

function prepare(
  logits: AnyMatrix,
  targets?: Targets,
  options: TokenStatisticsOptions = {},
): Prepared<TokenStatisticsResult> {
  const check = new Checker("compute tokenStatistics");
  const { options: common, softcap, temperature } = check.logitsOptions(options, ["top"]);
  const input = check.matrix("logits", logits);
  const { rows, columns: vocab } = input;
  const top = check.number("top", options.top, { fallback: 0, least: 0, most: vocab, integer: true });
  const classes = targets === undefined ? undefined : check.classes("targets", targets, rows, vocab);
  const logSumExp = new Float32Array(rows), entropy = new Float32Array(rows), argmax = new Int32Array(rows);
  const target = classes && { targetLogProbability: new Float32Array(rows), rank: new Int32Array(rows) };
  const list = top > 0
    ? { topTokens: new Int32Array(rows * top), topLogProbabilities: new Float32Array(rows * top) }
    : undefined;
  return {
    call: {
      operation: record,
      dims: { rows, vocab, top },
      tensors: {
        logits: input,
        targets: classes && vector(classes),
        targetLogProbability: target && vector(target.targetLogProbability),
        rank: target && vector(target.rank),
        logSumExp: vector(logSumExp),
        entropy: vector(entropy),
        argmax: vector(argmax),
        topTokens: list && vector(list.topTokens, top),
        topLogProbabilities: list && vector(list.topLogProbabilities, top),
      },
      params: { softcap, temperature },
      options: common,
    },
    finish: (report) => ({ logSumExp, entropy, argmax, ...target, ...list, report }),
  };
}

/**
 * What a server says of each row: the target's log-probability and rank, the entropy, and the most likely tokens.
 *
 * Log-probabilities are x − ln Σ e^x; −∞ is a token that cannot come. The rank counts the tokens with larger logits, so
 * equals share a rank. A row with NaN has NaN log-probabilities; its order treats NaN as −∞. In a row of −∞ argmax is 0.
 *
 * @param logits [rows, vocab].
 * @param targets [rows] tokens below vocab; `undefined` for none.
 * @param options `top`; soft cap and temperature; and the common options.
 * @returns One entry a row of each statistic; `topTokens` and `topLogProbabilities` have `top` entries a row.
 * @throws {TypeError} If an argument has the wrong type or length.
 * @throws {RangeError} If a target, shape, stride or option is out of range.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example The two most likely tokens
 * ```ts
 * import { tokenStatistics } from "@surprisal/core";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = { data: new Float32Array([0, 3, 1, 2]), shape: [1, 4] as const };
 * const { topTokens, rank } = await tokenStatistics(logits, [2], { top: 2 });
 * assertEquals([...topTokens ?? []], [1, 3]);
 * assertEquals(rank[0], 3);
 * ```
 */
export function tokenStatistics(
  logits: AnyMatrix,
  targets: Targets,
  options?: TokenStatisticsOptions,
): Promise<TargetStatisticsResult>;
/** The same without targets. */
export function tokenStatistics(
  logits: AnyMatrix,
  targets?: undefined,
  options?: TokenStatisticsOptions,
): Promise<TokenStatisticsResult>;
export function tokenStatistics(
  logits: AnyMatrix,
  targets?: Targets,
  options?: TokenStatisticsOptions,
): Promise<TokenStatisticsResult> {
  return run(() => prepare(logits, targets, options));
}

/** {@linkcode tokenStatistics} without a promise. */
export function tokenStatisticsSync(
  logits: Matrix,
  targets: Targets,
  options?: TokenStatisticsOptions,
): TargetStatisticsResult;
/** The same without targets. */
export function tokenStatisticsSync(
  logits: Matrix,
  targets?: undefined,
  options?: TokenStatisticsOptions,
): TokenStatisticsResult;
export function tokenStatisticsSync(
  logits: Matrix,
  targets?: Targets,
  options?: TokenStatisticsOptions,
): TokenStatisticsResult {
  return runSync(() => prepare(logits, targets, options));
}
