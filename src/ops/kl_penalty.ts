import { show } from "../check.ts";
import type { CheckedCall, CommonOptions, LogitsOptions, Matrix, Report, Tensor } from "../operation.ts";
import { bregman } from "../reference/kl_divergence.ts";
import { asMatrix, rowsOf, vector } from "../tensors.ts";
import { Checker } from "../validate.ts";
import { onHost, PARTIAL, runsOf, targetCall } from "./counted.ts";
import type { Targets } from "./cross_entropy.ts";
import { gradientOf } from "./gradient.ts";
import { record as klDivergence } from "./kl_divergence.ts";
import { runSeries, runSeriesSync, type Series } from "./linear/series.ts";

const ESTIMATORS: readonly KlEstimator[] = ["exact", "k1", "k2", "k3"];

/** How {@linkcode klPenalty} measures a row: the divergence itself, or an estimate from the sampled token. */
export type KlEstimator = "exact" | "k1" | "k2" | "k3";

/** Options of {@linkcode klPenalty}. */
export interface KlPenaltyOptions extends CommonOptions, LogitsOptions {
  /** "exact" unless given. */
  readonly estimator?: KlEstimator;
  /** [rows]: `false` or 0 leaves a row out, which is then not read. All count unless given. */
  readonly mask?: ArrayLike<boolean | number>;
  /** With "exact": `true` for a new f32 gradient, "inPlace" to overwrite the policy, or the matrix that receives it. */
  readonly gradient?: boolean | "inPlace" | Matrix;
  /** [rows]: what each row's gradient is multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
}

/** What {@linkcode klPenalty} returns. */
export interface KlPenaltyResult {
  /** [rows], nats; 0 in rows left out. */
  readonly penalty: Float32Array;
  /** Over the rows that count; NaN if none does. */
  readonly mean: number;
  /** [rows, vocab]: with respect to the policy's raw logits. */
  readonly gradient?: Matrix;
  /** How it ran, the sums of all calls that it took. */
  readonly report: Report;
}

function prepare(
  policy: Matrix,
  reference: Matrix,
  tokens?: Targets,
  options: KlPenaltyOptions = {},
): Series<KlPenaltyResult> {
  const check = new Checker("compute klPenalty");
  const own = ["estimator", "mask", "gradient", "gradientScale"];
  const { options: common, ...transformation } = check.logitsOptions(options, own);
  const p = onHost(check, "policy", check.matrix("policy", policy)), { rows, columns: vocab } = p;
  const q = onHost(check, "reference", check.matching("reference", reference, [rows, vocab], "policy"));
  const estimator = check.choice<KlEstimator>("estimator", options.estimator, ESTIMATORS, "exact");
  const counts = maskOf(check, options.mask, rows);
  const sampled = tokens === undefined && estimator === "exact"
    ? undefined
    : check.classes("tokens", withoutMasked(tokens, counts), rows, vocab);
  const scale = check.gradientScale(options.gradientScale, rows);
  const wanted = options.gradient ?? false;
  if (wanted !== false && estimator !== "exact") {
    throw check.typeError(`gradient is for "exact": that of the estimate ${estimator} is not that of the divergence`);
  }
  const gradient = gradientOf(check, { name: "policy", matrix: policy, tensor: p }, options, {
    policy: p,
    reference: q,
  });
  const slopes = gradient && onHost(check, "gradient", gradient.tensor);
  const penalty = new Float32Array(rows), counted = Array.from(penalty.keys()).filter((row) => counts[row] === 1);
  const call = { p, q, counts, transformation, common };
  return {
    calls: sampled === undefined || estimator === "exact"
      ? exactCalls({ ...call, penalty, scale, gradient: slopes })
      : estimateCalls({ ...call, penalty, tokens: sampled, estimate: ESTIMATES[estimator] }),
    finish: (report) => ({
      penalty,
      mean: counted.reduce((sum, row) => sum + penalty[row], 0) / counted.length,
      ...(gradient && { gradient: (gradient.matrix ?? asMatrix(gradient.tensor)) as Matrix }),
      report,
    }),
  };
}

function maskOf(check: Checker, mask: unknown, rows: number): Uint8Array {
  const counts = new Uint8Array(rows).fill(1);
  if (mask === undefined) return counts;
  if (typeof mask !== "object" || mask === null || !("length" in mask)) {
    throw check.typeError(`mask is ${show(mask)}, not an array`);
  }
  const list = mask as ArrayLike<unknown>;
  if (list.length !== rows) {
    throw check.typeError(`mask has ${list.length} elements, not one for each of ${rows} rows`);
  }
  for (let row = 0; row < rows; row++) {
    counts[row] = Number(check.choice<unknown>(`mask[${row}]`, list[row] ?? null, [true, false, 1, 0], true));
  }
  return counts;
}

/** Tokens of rows that count; what stands for the others, often a padding token, may be anything. */
function withoutMasked(tokens: unknown, counts: Uint8Array): unknown {
  if (typeof tokens !== "object" || tokens === null || !("length" in tokens)) return tokens;
  const list = tokens as ArrayLike<unknown>;
  return list.length === counts.length ? Array.from(counts, (count, row) => count === 1 ? list[row] : 0) : tokens;
}

/** What all calls need. */
interface Pair {
  readonly p: Tensor;
  readonly q: Tensor;
  readonly counts: Uint8Array;
  readonly penalty: Float32Array;
  readonly transformation: { readonly softcap: number; readonly temperature: number };
  readonly common: CommonOptions;
}

interface Exact extends Pair {
  readonly scale?: Float32Array;
  readonly gradient?: Tensor;
}

function* exactCalls(
  { p, q, counts, penalty, transformation, common, scale, gradient }: Exact,
): Generator<CheckedCall> {
  const vocab = p.columns;
  for (let row = 0; gradient && row < p.rows; row++) {
    if (counts[row] === 0) gradient.data.fill(0, row * gradient.rowStride, row * gradient.rowStride + vocab);
  }
  for (const { first, rows } of runsOf(p.rows, (row) => counts[row] === 1)) {
    const part = <T extends Tensor>(tensor: T | undefined) => tensor && rowsOf(tensor, first, rows);
    yield {
      operation: klDivergence,
      dims: { rows, vocab },
      tensors: {
        p: part(p),
        q: part(q),
        gradientScale: gradient && scale && vector(scale.subarray(first, first + rows)),
        divergence: vector(penalty.subarray(first, first + rows)),
        gradientP: part(gradient),
      },
      params: { ...klDivergence.params, ...transformation },
      options: common,
    };
  }
}

interface Estimate extends Pair {
  readonly tokens: Int32Array;
  readonly estimate: (ratio: number) => number;
}

const ESTIMATES: Readonly<Record<Exclude<KlEstimator, "exact">, (ratio: number) => number>> = {
  k1: (r) => r,
  k2: (r) => r * r / 2,
  k3: (r) => r === -Infinity ? Infinity : bregman(r), // e^∞ − ∞ is no number
};

function* estimateCalls(of: Estimate): Generator<CheckedCall> {
  const { p, q, counts, penalty, transformation, common, tokens, estimate } = of;
  const targets = tokens.map((token, row) => counts[row] === 1 ? token : -1);
  const ofPolicy = targetCall(p, targets, transformation, common);
  yield ofPolicy.call;
  const ofReference = targetCall(q, targets, transformation, common);
  yield ofReference.call;
  for (let row = 0; row < p.rows; row++) {
    if (counts[row] === 1) penalty[row] = estimate(logRatio(ofPolicy.partial, ofReference.partial, row));
  }
}

/** ln π(a) − ln π_ref(a), differences of like with like: equal rows give 0. */
function logRatio(policy: Float64Array, reference: Float64Array, row: number): number {
  const at = row * PARTIAL;
  const [maxP, sumP, targetP] = policy.subarray(at), [maxQ, sumQ, targetQ] = reference.subarray(at);
  if (!(sumP > 0 && sumQ > 0 && maxP < Infinity && maxQ < Infinity)) return NaN;
  return (targetP - targetQ) - (maxP - maxQ) - (Math.log(sumP) - Math.log(sumQ));
}

/**
 * The penalty that keeps a policy near a reference model, row by row: D(π ‖ π_ref), or an estimate of it from the token
 * a that the policy sampled.
 *
 * With r = ln π(a) − ln π_ref(a), "k1" is r, "k2" is r² / 2 and "k3" is e^(−r) − 1 + r (Schulman, "Approximating KL
 * Divergence", 2020). k1 and k3 are unbiased, k3 is never negative; k2 is biased, little where the two are near. Equal
 * rows give exactly 0. "exact" is `klDivergence`, which needs no token.
 *
 * Where π(a) = 0, k1 is −∞ and k2, k3 are +∞; where only π_ref(a) = 0 all are +∞; where both are, NaN. A row of −∞, or
 * with NaN or +∞, gives NaN. If no row counts the mean is NaN.
 *
 * The gradient is that of Σ gradientScale·penalty, for "exact" only: differentiating an estimate at a sampled token
 * does not estimate the gradient of the divergence.
 *
 * @param policy [rows, vocab] logits of π, in an array.
 * @param reference [rows, vocab] logits of π_ref, in an array.
 * @param tokens [rows] sampled tokens below vocab, in masked rows anything; `undefined` will do for "exact".
 * @param options Estimator, mask, gradient; soft cap and temperature of both; and the common options.
 * @returns `penalty` [rows] and its `mean`, in nats, and the gradient if it was asked for.
 * @throws {TypeError} If an argument has the wrong type or length, a matrix is a `GPUBuffer`, or an estimate is to have
 * a gradient.
 * @throws {RangeError} If a token, shape, stride or option is out of range, or the gradient overlaps an input.
 * @throws {BackendUnavailableError} If the backend asked for by name cannot run.
 *
 * @example An estimate that is right on average
 * ```ts
 * import { klPenalty } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const matrix = (...row: number[]) => ({ data: Float32Array.from(row, Math.log), shape: [1, 2] as const });
 * const [policy, reference] = [matrix(0.5, 0.5), matrix(0.25, 0.75)];
 * const [first, second] = await Promise.all(
 *   [0, 1].map((token) => klPenalty(policy, reference, [token], { estimator: "k3" })),
 * );
 * const { mean } = await klPenalty(policy, reference);
 * assertAlmostEquals(0.5 * first.mean + 0.5 * second.mean, mean, 1e-6);
 * ```
 */
export function klPenalty(
  policy: Matrix,
  reference: Matrix,
  tokens?: Targets,
  options?: KlPenaltyOptions,
): Promise<KlPenaltyResult> {
  return runSeries(() => prepare(policy, reference, tokens, options));
}

/** {@linkcode klPenalty} without a promise. */
export function klPenaltySync(
  policy: Matrix,
  reference: Matrix,
  tokens?: Targets,
  options?: KlPenaltyOptions,
): KlPenaltyResult {
  return runSeriesSync(() => prepare(policy, reference, tokens, options));
}
