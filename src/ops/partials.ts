import type { AnyMatrix, CommonOptions, LogitsOptions, Matrix } from "../operation.ts";
import { COLUMNS, type Partial, type PartialKind } from "../partial.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { vector } from "../tensors.ts";
import { Checker, MAX_SIZE } from "../validate.ts";
import { record as crossEntropy, type Targets } from "./cross_entropy.ts";
import { record as klDivergence } from "./kl_divergence.ts";
import { record as logSumExp } from "./log_sum_exp.ts";

/** Options of {@linkcode logSumExpPartial} and {@linkcode klDivergencePartial}. */
export type PartialOptions = CommonOptions & LogitsOptions;

/** Options of {@linkcode crossEntropyPartial}. */
export interface CrossEntropyPartialOptions extends PartialOptions {
  /** The class that the shard's first column is: 0 unless given. */
  readonly firstClass?: number;
  /** Classes of the whole vocabulary; those up to the shard's last unless given. */
  readonly vocab?: number;
  /** The target that marks a row to be left out: −100 unless given. */
  readonly ignoreIndex?: number;
  /** α in [0, 1), spread over the whole vocabulary. */
  readonly labelSmoothing?: number;
}

/** A call that fills a partial. */
function prepare<Kind extends PartialKind>(
  kind: Kind,
  rows: number,
  labelSmoothing: number,
  call: (partial: ReturnType<typeof vector<Float64Array>>) => Prepared<unknown>["call"],
): Prepared<Partial<Kind>> {
  const values = new Float64Array(rows * COLUMNS[kind]);
  return { call: call(vector(values, COLUMNS[kind])), finish: () => ({ kind, rows, values, labelSmoothing }) };
}

function prepareLogSumExp(logits: AnyMatrix, options: PartialOptions = {}): Prepared<Partial<"logSumExp">> {
  const check = new Checker("compute logSumExpPartial");
  const { options: common, ...params } = check.logitsOptions(options, []);
  const input = check.matrix("logits", logits);
  const { rows, columns: vocab } = input;
  return prepare("logSumExp", rows, 0, (partial) => ({
    operation: logSumExp,
    dims: { rows, vocab },
    tensors: { logits: input, logSumExp: vector(new Float32Array(rows)), partial },
    params,
    options: common,
  }));
}

function prepareCrossEntropy(
  logits: AnyMatrix,
  targets: Targets,
  options: CrossEntropyPartialOptions = {},
): Prepared<Partial<"crossEntropy">> {
  const check = new Checker("compute crossEntropyPartial");
  const own = ["firstClass", "vocab", "ignoreIndex", "labelSmoothing"];
  const { options: common, softcap, temperature } = check.logitsOptions(options, own);
  const input = check.matrix("logits", logits);
  const { rows, columns } = input;
  const first = check.number("firstClass", options.firstClass, { fallback: 0, least: 0, integer: true });
  const end = first + columns;
  const vocab = check.number("vocab", options.vocab, { fallback: end, least: end, most: MAX_SIZE, integer: true });
  const ignored = check.number("ignoreIndex", options.ignoreIndex, { fallback: -100, integer: true });
  const alpha = check.number("labelSmoothing", options.labelSmoothing, { fallback: 0, least: 0, below: 1 });
  const classes = check.classes("targets", targets, rows, vocab, ignored);
  // −2: the target is another shard's
  const local = classes.map((target) => target < 0 ? -1 : target >= first && target < end ? target - first : -2);
  return prepare("crossEntropy", rows, alpha, (partial) => ({
    operation: crossEntropy,
    dims: { rows, vocab: columns },
    tensors: {
      logits: input,
      targets: vector(local),
      loss: vector(new Float32Array(rows)),
      logSumExp: vector(new Float32Array(rows)),
      partial,
    },
    params: { softcap, temperature, confidence: 1 - alpha, smoothing: alpha / vocab, zLoss: 0, scale: 1 },
    options: common,
  }));
}

function prepareKlDivergence(
  p: AnyMatrix,
  q: AnyMatrix,
  options: PartialOptions = {},
): Prepared<Partial<"klDivergence">> {
  const check = new Checker("compute klDivergencePartial");
  const { options: common, ...transformation } = check.logitsOptions(options, []);
  const first = check.matrix("p", p);
  const { rows, columns: vocab } = first;
  const second = check.matching("q", q, [rows, vocab], "p");
  return prepare("klDivergence", rows, 0, (partial) => ({
    operation: klDivergence,
    dims: { rows, vocab },
    tensors: { p: first, q: second, divergence: vector(new Float32Array(rows)), partial },
    params: { input: 0, ...transformation, scale: 1 },
    options: common,
  }));
}

/**
 * What a shard of the vocabulary knows of each row's log-sum-exp. A shard of −∞ knows nothing, and says so.
 *
 * @param logits [rows, classes of the shard].
 * @param options Soft cap and temperature, and the common options.
 * @returns A partial for `mergePartials`.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range.
 *
 * @example One shard is the whole
 * ```ts
 * import { finishPartials, logSumExpPartial } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const whole = await logSumExpPartial({ data: new Float32Array([0, 0]), shape: [1, 2] });
 * assertAlmostEquals(finishPartials(whole).logSumExp[0], Math.LN2);
 * ```
 */
export function logSumExpPartial(logits: AnyMatrix, options?: PartialOptions): Promise<Partial<"logSumExp">> {
  return run(() => prepareLogSumExp(logits, options));
}

/** {@linkcode logSumExpPartial} without a promise. */
export function logSumExpPartialSync(logits: Matrix, options?: PartialOptions): Partial<"logSumExp"> {
  return runSync(() => prepareLogSumExp(logits, options));
}

/**
 * What a shard of the vocabulary knows of each row's cross-entropy. Label smoothing is spread over the whole vocabulary,
 * masked classes (−∞) left out, as in {@linkcode crossEntropy}.
 *
 * @param logits [rows, classes of the shard].
 * @param targets [rows] classes of the whole vocabulary, or the ignored index.
 * @param options Where the shard stands; smoothing; soft cap and temperature; and the common options.
 * @returns A partial for `mergePartials`.
 * @throws {TypeError} If an argument has the wrong type or length.
 * @throws {RangeError} If a target, shape, stride or option is out of range.
 *
 * @example The shard that does not have the target
 * ```ts
 * import { crossEntropyPartial } from "@surprisal/core";
 * import { assertEquals } from "@std/assert";
 *
 * const shard = { data: new Float32Array([0, 0]), shape: [1, 2] as const };
 * const { values } = await crossEntropyPartial(shard, [3], { vocab: 4 });
 * assertEquals(values[2], -Infinity);
 * ```
 */
export function crossEntropyPartial(
  logits: AnyMatrix,
  targets: Targets,
  options?: CrossEntropyPartialOptions,
): Promise<Partial<"crossEntropy">> {
  return run(() => prepareCrossEntropy(logits, targets, options));
}

/** {@linkcode crossEntropyPartial} without a promise. */
export function crossEntropyPartialSync(
  logits: Matrix,
  targets: Targets,
  options?: CrossEntropyPartialOptions,
): Partial<"crossEntropy"> {
  return runSync(() => prepareCrossEntropy(logits, targets, options));
}

/**
 * What a shard of the vocabulary knows of D(p ‖ q) of each pair of rows: its masses, and the divergence within it. The
 * divergence of the whole follows by the chain rule, again without a negative term.
 *
 * @param p [rows, classes of the shard], logits or log-probabilities.
 * @param q [rows, classes of the shard], likewise.
 * @param options Soft cap and temperature, and the common options.
 * @returns A partial for `mergePartials`.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a shape, stride or option is out of range.
 *
 * @example Equal rows
 * ```ts
 * import { finishPartials, klDivergencePartial, mergePartials } from "@surprisal/core";
 * import { assertEquals } from "@std/assert";
 *
 * const shard = { data: new Float32Array([1, 2, 3]), shape: [1, 3] as const };
 * const partial = await klDivergencePartial(shard, shard);
 * assertEquals(finishPartials(mergePartials(partial, partial)).divergence[0], 0);
 * ```
 */
export function klDivergencePartial(
  p: AnyMatrix,
  q: AnyMatrix,
  options?: PartialOptions,
): Promise<Partial<"klDivergence">> {
  return run(() => prepareKlDivergence(p, q, options));
}

/** {@linkcode klDivergencePartial} without a promise. */
export function klDivergencePartialSync(p: Matrix, q: Matrix, options?: PartialOptions): Partial<"klDivergence"> {
  return runSync(() => prepareKlDivergence(p, q, options));
}
