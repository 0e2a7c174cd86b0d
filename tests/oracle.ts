/**
 * The reference as an oracle: rows of numbers in, everything an operation can say out, f64 throughout. Matrices come
 * out flat.
 *
 * @module
 */
import type { Tensor } from "../src/operation.ts";
import { crossEntropy as computeCrossEntropy } from "../src/reference/cross_entropy.ts";
import { entropy as computeEntropy } from "../src/reference/entropy.ts";
import { jsDivergence as computeJsDivergence } from "../src/reference/js_divergence.ts";
import { klDivergence as computeKlDivergence } from "../src/reference/kl_divergence.ts";
import { logSoftmax as computeLogSoftmax } from "../src/reference/log_softmax.ts";
import { logSumExp as computeLogSumExp } from "../src/reference/log_sum_exp.ts";
import { softmax as computeSoftmax } from "../src/reference/softmax.ts";
import { tokenStatistics as computeTokenStatistics } from "../src/reference/token_statistics.ts";

type Rows = readonly ArrayLike<number>[];

/** What happens to raw logits. */
export interface Transformation {
  readonly softcap?: number;
  readonly temperature?: number;
}

/** Options of {@linkcode crossEntropy}: targets or target probabilities, and the record's parameters. */
export interface CrossEntropyOptions extends Transformation {
  readonly targets?: ArrayLike<number>;
  readonly targetProbabilities?: Rows;
  readonly classWeights?: ArrayLike<number>;
  readonly gradientScale?: ArrayLike<number>;
  readonly confidence?: number;
  readonly smoothing?: number;
  readonly zLoss?: number;
  readonly scale?: number;
}

/** Options of the divergences: the record's parameters. */
export interface DivergenceOptions extends Transformation {
  readonly input?: 0 | 1;
  readonly beta?: number;
  readonly scale?: number;
  readonly gradientScale?: ArrayLike<number>;
}

/** A tensor of f64. */
export function f64(rows: Rows): Tensor & { data: Float64Array } {
  const columns = rows[0]?.length ?? 0;
  const tensor = zeros(rows.length, columns);
  rows.forEach((row, i) => tensor.data.set(row, i * columns));
  return tensor;
}

function zeros(rows: number, columns = 1): Tensor & { data: Float64Array } {
  return { data: new Float64Array(rows * columns), dtype: "f64", rows, columns, rowStride: columns };
}

function column(values: ArrayLike<number>): Tensor {
  return f64(Array.from(values, (value) => [value]));
}

/** Log-sum-exp of each row, and its partials (max, sum). */
export function logSumExp(rows: Rows, { softcap = 0, temperature = 1 }: Transformation = {}) {
  const logits = f64(rows), result = zeros(logits.rows), partial = zeros(logits.rows, 2);
  computeLogSumExp(logits, result, partial, logits.rows, logits.columns, softcap, temperature);
  return { logSumExp: result.data, partial: partial.data };
}

/** Probabilities and their logarithms. */
export function softmax(rows: Rows, { softcap = 0, temperature = 1 }: Transformation = {}) {
  const logits = f64(rows), p = zeros(logits.rows, logits.columns), logP = zeros(logits.rows, logits.columns);
  computeSoftmax(logits, p, logits.rows, logits.columns, softcap, temperature);
  computeLogSoftmax(logits, logP, logits.rows, logits.columns, softcap, temperature);
  return { probabilities: p.data, logProbabilities: logP.data };
}

/** Entropy of each row, in nats. */
export function entropy(rows: Rows, { softcap = 0, temperature = 1 }: Transformation = {}) {
  const logits = f64(rows), result = zeros(logits.rows), lse = zeros(logits.rows);
  computeEntropy(logits, result, lse, logits.rows, logits.columns, softcap, temperature, 1);
  return { entropy: result.data, logSumExp: lse.data };
}

/** Losses, and the gradient of their sum. */
export function crossEntropy(rows: Rows, options: CrossEntropyOptions) {
  const { softcap = 0, temperature = 1, confidence = 1, smoothing = 0, zLoss = 0, scale = 1 } = options;
  const { targets, targetProbabilities, classWeights, gradientScale } = options;
  const logits = f64(rows);
  const loss = zeros(logits.rows), lse = zeros(logits.rows), hit = zeros(logits.rows), partial = zeros(logits.rows, 5);
  const gradient = zeros(logits.rows, logits.columns);
  computeCrossEntropy(
    ...[logits, targets && column(targets), targetProbabilities && f64(targetProbabilities)] as const,
    ...[classWeights && f64([classWeights]), gradientScale && column(gradientScale)] as const,
    ...[loss, lse, hit, partial, gradient, logits.rows, logits.columns] as const,
    ...[softcap, temperature, confidence, smoothing, zLoss, scale] as const,
  );
  return { loss: loss.data, logSumExp: lse.data, hit: hit.data, partial: partial.data, gradient: gradient.data };
}

/** What is said of each row's prediction. */
export function tokenStatistics(rows: Rows, targets: ArrayLike<number>, top: number, options: Transformation = {}) {
  const { softcap = 0, temperature = 1 } = options;
  const logits = f64(rows);
  const [logP, rank, lse, h, argmax] = Array.from({ length: 5 }, () => zeros(logits.rows));
  const tokens = zeros(logits.rows, top), logPs = zeros(logits.rows, top);
  computeTokenStatistics(
    ...[logits, column(targets), logP, rank, lse, h, argmax, tokens, logPs] as const,
    ...[logits.rows, logits.columns, top, softcap, temperature] as const,
  );
  return {
    targetLogProbability: logP.data,
    rank: rank.data,
    logSumExp: lse.data,
    entropy: h.data,
    argmax: argmax.data,
    topTokens: tokens.data,
    topLogProbabilities: logPs.data,
  };
}

/** KL(p ‖ q) of each row, and the gradients of their sum. */
export function klDivergence(p: Rows, q: Rows, options: DivergenceOptions = {}) {
  const { softcap = 0, temperature = 1, input = 0, scale = 1, gradientScale } = options;
  const left = f64(p), right = f64(q), { rows, columns } = left;
  const divergence = zeros(rows), partial = zeros(rows, 6);
  const gradientP = zeros(rows, columns), gradientQ = zeros(rows, columns);
  computeKlDivergence(
    ...[left, right, gradientScale && column(gradientScale), divergence, partial, gradientP, gradientQ] as const,
    ...[rows, columns, input, softcap, temperature, scale] as const,
  );
  return { divergence: divergence.data, partial: partial.data, gradientP: gradientP.data, gradientQ: gradientQ.data };
}

/** The generalised Jensen–Shannon divergence of each row, and the gradients of their sum. */
export function jsDivergence(p: Rows, q: Rows, options: DivergenceOptions = {}) {
  const { softcap = 0, temperature = 1, input = 0, beta = 0.5, scale = 1, gradientScale } = options;
  const left = f64(p), right = f64(q), { rows, columns } = left;
  const divergence = zeros(rows), gradientP = zeros(rows, columns), gradientQ = zeros(rows, columns);
  computeJsDivergence(
    ...[left, right, gradientScale && column(gradientScale), divergence, gradientP, gradientQ] as const,
    ...[rows, columns, input, softcap, temperature, beta, scale] as const,
  );
  return { divergence: divergence.data, gradientP: gradientP.data, gradientQ: gradientQ.data };
}
