/**
 * D = KL(P ‖ Q) = Σ P·d, d = ln P − ln Q, of P = softmax(p) and Q = softmax(q), and its gradients.
 *
 * Since Σ P = Σ Q, D is also Σ P·(d + e^(−d) − 1), plus Q where P = 0: no term is negative, so D is not, KL(p, p) is
 * exactly 0, and a divergence as small as rounding noise keeps its digits.
 * gradientP = scale·P·(d − D)·dx/dr, gradientQ = scale·(Q − P)·dx/dr, with respect to raw logits r (of probabilities: their
 * logarithms); exactly 0 where that logit is −∞.
 *
 * P = 0 contributes 0 to Σ P·d; Q = 0 < P gives +∞, where 0 < P means that the logit is not −∞. If either row is −∞
 * throughout, or has +∞ or NaN, the divergence is NaN and so are the gradients throughout; else they are what IEEE
 * arithmetic makes of the formulas, 0 where P = 0.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { sum, tabulate } from "./classes.ts";
import { type Distribution, isEmpty, isProper, logRatios, normalise, probability } from "./distribution.ts";
import { readLogits, readScale, slopes, transform, writeRow } from "./row.ts";

/**
 * p, q [rows, vocab], with no chance of classes that their matrix lacks, gradientScale? [rows] → divergence [rows], partial?
 * [rows, 6] (max and Σ e^(x − max) of p, of q, divergence, ln of p's Σ e^x over q's), gradientP?, gradientQ? [rows, vocab], which may be the matrices p and q. `input` is 1 where p and q are probabilities.
 */
export function klDivergence(
  p: Tensor,
  q: Tensor,
  gradientScale: Tensor | undefined,
  divergence: Tensor,
  partial: Tensor | undefined,
  gradientP: Tensor | undefined,
  gradientQ: Tensor | undefined,
  rows: number,
  vocab: number,
  input: number,
  softcap: number,
  temperature: number,
  scale: number,
): void {
  for (let row = 0; row < rows; row++) {
    const rawP = readLogits(p, row, input, vocab);
    const rawQ = readLogits(q, row, input, vocab);
    const P = normalise(transform(rawP, softcap, temperature));
    const Q = normalise(transform(rawQ, softcap, temperature));
    const ratios = logRatios(P, Q);
    const D = divergenceOf(P, Q, ratios);
    writeRow(divergence, row, [D]);
    // Where a shard has no part in P, its conditional divergence has no weight; where P has a part and Q has none, it is +∞.
    const conditional = isEmpty(P) ? 0 : isEmpty(Q) ? Infinity : D;
    writeRow(partial, row, [P.max, P.sum, Q.max, Q.sum, conditional, P.max - Q.max + (P.logSum - Q.logSum)]);
    const factor = scale * readScale(gradientScale, row);
    if (gradientP) {
      const slope = slopes(rawP, softcap, temperature);
      writeRow(gradientP, row, tabulate(vocab, (i) => factor * derivativeP(P, ratios, D, i) * slope[i]));
    }
    if (gradientQ) {
      const slope = slopes(rawQ, softcap, temperature);
      writeRow(gradientQ, row, tabulate(vocab, (i) => factor * derivativeQ(P, Q, ratios, D, i) * slope[i]));
    }
  }
}

function divergenceOf(P: Distribution, Q: Distribution, ratios: Float64Array): number {
  if (!isProper(P) || !isProper(Q)) return NaN;
  return sum(ratios.length, (i) => {
    const d = ratios[i];
    if (P.logits[i] === -Infinity) return probability(Q, i);
    if (Q.logits[i] === -Infinity) return Infinity;
    // Far from 0, P·e^(−d) is Q itself: P may have underflowed where Q has not.
    if (Math.abs(d) > 1) return probability(P, i) * (d - 1) + probability(Q, i);
    return probability(P, i) * bregman(d);
  });
}

/** d + e^(−d) − 1, accurate relative to itself: near 0 by its series Σ (−d)ᵏ / k! from k = 2. */
export function bregman(d: number): number {
  if (!(Math.abs(d) <= 0.5)) return d + Math.expm1(-d);
  let total = 0;
  let term = d * d / 2;
  for (let k = 3; total + term !== total; k++) {
    total += term;
    term *= -d / k;
  }
  return total;
}

/** P·(d − D). */
function derivativeP(P: Distribution, ratios: Float64Array, D: number, index: number): number {
  if (Number.isNaN(D)) return NaN;
  const share = probability(P, index);
  return P.logits[index] === -Infinity || share === 0 ? 0 : share * (ratios[index] - D);
}

/** Q − P, as P·(e^(−d) − 1) where they are close. */
function derivativeQ(P: Distribution, Q: Distribution, ratios: Float64Array, D: number, index: number): number {
  if (Number.isNaN(D)) return NaN;
  if (Q.logits[index] === -Infinity) return 0;
  const d = ratios[index];
  if (Math.abs(d) <= 1) return probability(P, index) * Math.expm1(-d);
  return probability(Q, index) - probability(P, index);
}
