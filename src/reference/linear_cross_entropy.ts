/**
 * crossEntropy of the logits hidden·weightᵀ + bias, which are here computed as a whole, and its gradients by what they are
 * made of: G·weight, Gᵀ·hidden and Σ G over rows, where G is the gradient by the logits.
 *
 * Target −1 is a row that does not count: not read, all outputs 0. Products follow IEEE arithmetic: where G is NaN, so is
 * whatever it adds to, and 0·∞ is NaN.
 *
 * With a filter ε > 0, G is 0 in runs of 256 classes, counted from class 0, in which no probability reaches ε and the
 * target is not.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { type Distribution, logProbability, normalise, probability } from "./distribution.ts";
import { descend, linear, zeros } from "./linear.ts";
import { readRow, readScalar, transform, writeRow } from "./row.ts";

/** Classes that are left out of a gradient together. */
const RUN = 256;

/**
 * hidden [rows, width], weight [vocab, width], bias? [vocab], targets [rows], classWeights? [vocab], gradientScale? [rows]
 * → loss, logSumExp, targetLogProbability, hit [rows], gradientHidden? [rows, width]; added to what is in them:
 * gradientWeight? [vocab, width], gradientBias? [vocab].
 */
export function linearCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  targets: Tensor,
  classWeights: Tensor | undefined,
  gradientScale: Tensor | undefined,
  loss: Tensor,
  logSumExp: Tensor,
  targetLogProbability: Tensor,
  hit: Tensor,
  gradientHidden: Tensor | undefined,
  gradientWeight: Tensor | undefined,
  gradientBias: Tensor | undefined,
  rows: number,
  width: number,
  vocab: number,
  softcap: number,
  temperature: number,
  confidence: number,
  smoothing: number,
  zLoss: number,
  scale: number,
  filter: number,
): void {
  const states = zeros(rows, width), table = zeros(vocab, width), logits = zeros(rows, vocab);
  const isCounted = (row: number) => readScalar(targets, row) >= 0;
  for (let row = 0; row < rows; row++) if (isCounted(row)) writeRow(states, row, readRow(hidden, row));
  for (let i = 0; i < vocab; i++) writeRow(table, i, readRow(weight, i));
  linear(states, table, bias, logits, rows, width, vocab);

  const gradient = gradientHidden || gradientWeight || gradientBias ? zeros(rows, vocab) : undefined;
  crossEntropy(
    ...[logits, targets, undefined, classWeights, gradientScale] as const,
    ...[loss, logSumExp, hit, undefined, gradient] as const,
    ...[rows, vocab, softcap, temperature, confidence, smoothing, zLoss, scale] as const,
  );
  for (let row = 0; row < rows; row++) {
    const distribution = normalise(transform(readRow(logits, row), softcap, temperature));
    const target = readScalar(targets, row);
    writeRow(targetLogProbability, row, [isCounted(row) ? logProbability(distribution, target) : 0]);
    if (gradient && isCounted(row)) leaveOut(readRow(gradient, row), distribution, target, filter, gradient, row);
  }

  if (gradient === undefined) return;
  const wanted = { hidden: gradientHidden, weight: gradientWeight, bias: gradientBias };
  descend(gradient, states, table, wanted, rows, width, vocab);
  for (let row = 0; row < rows; row++) if (!isCounted(row)) writeRow(gradientHidden, row, new Float64Array(width));
}

/** Clears the runs of a row's gradient that are too small to be kept. */
function leaveOut(
  values: Float64Array,
  distribution: Distribution,
  target: number,
  filter: number,
  gradient: Tensor,
  row: number,
): void {
  for (let first = 0; first < values.length; first += RUN) {
    const run = values.subarray(first, first + RUN);
    const isSmall = run.every((_, i) => first + i !== target && probability(distribution, first + i) < filter);
    if (isSmall) run.fill(0);
  }
  writeRow(gradient, row, values);
}
