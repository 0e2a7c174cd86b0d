/**
 * loss = Σ τ·(lse − x) + zLoss·lse² over each row, lse = ln Σ e^x, and its gradient with respect to the raw logits r.
 *
 * τ = w·(confidence·t + smoothing) for class weights w (1 unless given) and targets t: probabilities, or one-hot at an
 * index. A masked class, x = −∞, gets no smoothing.
 * gradient = scale·gradientScale·(Σ τ·p − τ + 2·zLoss·lse·p)·dx/dr, exactly 0 where x = −∞.
 *
 * 0·∞ is 0; τ > 0 at x = −∞ makes the loss +∞ and leaves the gradient finite. A row of −∞ has neither loss nor gradient:
 * NaN throughout, and so has a row with NaN. With +∞ the loss is +∞, or NaN where τ > 0 at the +∞; a z-loss, whose gradient
 * is ∞·p, then makes the gradient NaN throughout.
 *
 * Target −1 is a row that does not count: not read, all outputs 0 (partial: −∞, 0, NaN, 0, 0). Target −2 lies in another
 * shard of the vocabulary.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { sum, tabulate } from "./classes.ts";
import { complement, type Distribution, normalise, probability } from "./distribution.ts";
import { readRow, readScalar, readScale, slopes, transform, writeRow } from "./row.ts";

const IGNORED = -1;

/**
 * logits [rows, vocab], targets? [rows] or targetProbabilities? [rows, vocab], classWeights? [vocab], gradientScale? [rows]
 * → loss, logSumExp, hit? [rows] (1 where the target's logit is the maximum), partial? [rows, 5] (max, Σ e^(x − max), the
 * target's x or −∞, Σ s·(x − max), Σ s with s the smoothing), gradient? [rows, vocab], which may be the logits' matrix.
 */
export function crossEntropy(
  logits: Tensor,
  targets: Tensor | undefined,
  targetProbabilities: Tensor | undefined,
  classWeights: Tensor | undefined,
  gradientScale: Tensor | undefined,
  loss: Tensor,
  logSumExp: Tensor,
  hit: Tensor | undefined,
  partial: Tensor | undefined,
  gradient: Tensor | undefined,
  rows: number,
  vocab: number,
  softcap: number,
  temperature: number,
  confidence: number,
  smoothing: number,
  zLoss: number,
  scale: number,
): void {
  const weights = classWeights && readRow(classWeights, 0);
  for (let row = 0; row < rows; row++) {
    const target = targets && readScalar(targets, row);
    if (target === IGNORED) {
      for (const output of [loss, logSumExp, hit]) writeRow(output, row, [0]);
      writeRow(partial, row, [-Infinity, 0, NaN, 0, 0]);
      writeRow(gradient, row, new Float64Array(vocab));
      continue;
    }
    const raw = readRow(logits, row);
    const distribution = normalise(transform(raw, softcap, temperature));
    const { logits: x, max } = distribution;
    const soft = targetProbabilities && readRow(targetProbabilities, row);
    const smooth = (i: number) => x[i] > -Infinity ? smoothing : 0;
    const tau = tabulate(vocab, (i) => {
      const t = soft ? soft[i] : i === target ? 1 : 0;
      return (weights ? weights[i] : 1) * (confidence * t + smooth(i));
    });
    writeRow(loss, row, [lossOf(distribution, tau, zLoss)]);
    writeRow(logSumExp, row, [distribution.logSumExp]);

    const isHere = target !== undefined && target >= 0;
    writeRow(hit, row, [isHere && x[target] === max && max > -Infinity ? 1 : 0]);
    if (partial) {
      const shifted = sum(vocab, (i) => smooth(i) === 0 ? 0 : smooth(i) * (x[i] - max));
      writeRow(partial, row, [max, distribution.sum, isHere ? x[target] : -Infinity, shifted, sum(vocab, smooth)]);
    }
    if (gradient) {
      const factor = scale * readScale(gradientScale, row);
      const slope = slopes(raw, softcap, temperature);
      const derivative = gradientOf(distribution, tau, zLoss);
      writeRow(gradient, row, tabulate(vocab, (i) => factor * derivative(i) * slope[i]));
    }
  }
}

function lossOf(distribution: Distribution, tau: Float64Array, zLoss: number): number {
  const { logits, max, logSum, logSumExp } = distribution;
  if (!(distribution.sum > 0)) return NaN;
  // lse − x as (max − x) + ln sum: neither term is negative.
  const loss = sum(tau.length, (i) => tau[i] === 0 ? 0 : tau[i] * (max - logits[i] + logSum));
  return zLoss === 0 ? loss : loss + zLoss * logSumExp ** 2;
}

/** Derivative of the loss with respect to each x. Σ τ·p − τ is (Σ τ − τ)·p − τ·(1 − p), which does not cancel as p → 1. */
function gradientOf(distribution: Distribution, tau: Float64Array, zLoss: number): (index: number) => number {
  if (!(distribution.sum > 0)) return () => NaN;
  const total = sum(tau.length, (i) => tau[i]);
  const pull = zLoss === 0 ? 0 : 2 * zLoss * distribution.logSumExp;
  return (i) => {
    if (distribution.logits[i] === -Infinity && Number.isFinite(pull)) return 0;
    return (total - tau[i] + pull) * probability(distribution, i) - tau[i] * complement(distribution, i);
  };
}
