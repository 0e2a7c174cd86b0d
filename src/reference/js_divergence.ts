/**
 * The generalised Jensen–Shannon divergence β·A + (1 − β)·B of P = softmax(p) and Q = softmax(q), and its gradients:
 * A = KL(P ‖ m), B = KL(Q ‖ m), m = β·P + (1 − β)·Q.
 *
 * With u = P / m − 1, v = Q / m − 1 and g(u) = (1 + u)·ln(1 + u) − u ≥ 0, A = Σ m·g(u), B = Σ m·g(v), because
 * Σ P = Σ Q = Σ m: no term is negative, JSD(p, p) is exactly 0, and small divergences keep their digits.
 * gradientP = scale·β·P·(ln(P / m) − A)·dx/dr, gradientQ = scale·(1 − β)·Q·(ln(Q / m) − B)·dx/dr, with respect to raw logits
 * r (of probabilities: their logarithms); exactly 0 where that logit is −∞.
 *
 * P = 0 or Q = 0 is nothing special: g(−1) = 1. If either row is −∞ throughout, or has +∞ or NaN, the divergence is NaN and
 * so are the gradients throughout; else they are what IEEE arithmetic makes of the formulas, 0 where P or Q is.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { sum, tabulate } from "./classes.ts";
import { type Distribution, isProper, logRatios, normalise, probability } from "./distribution.ts";
import { readLogits, readScale, slopes, transform, writeRow } from "./row.ts";

/**
 * p, q [rows, vocab], with no chance of classes that their matrix lacks, gradientScale? [rows] → divergence [rows],
 * gradientP?, gradientQ? [rows, vocab], which may be the matrices p and q. `input` is 1 where p and q are probabilities.
 */
export function jsDivergence(
  p: Tensor,
  q: Tensor,
  gradientScale: Tensor | undefined,
  divergence: Tensor,
  gradientP: Tensor | undefined,
  gradientQ: Tensor | undefined,
  rows: number,
  vocab: number,
  input: number,
  softcap: number,
  temperature: number,
  beta: number,
  scale: number,
): void {
  for (let row = 0; row < rows; row++) {
    const rawP = readLogits(p, row, input, vocab);
    const rawQ = readLogits(q, row, input, vocab);
    const P = normalise(transform(rawP, softcap, temperature));
    const Q = normalise(transform(rawQ, softcap, temperature));
    const ofP = side(P, Q, beta);
    const ofQ = side(Q, P, 1 - beta);
    writeRow(divergence, row, [beta * ofP.divergence + (1 - beta) * ofQ.divergence]);
    const factor = scale * readScale(gradientScale, row);
    if (gradientP) writeRow(gradientP, row, gradientOf(ofP, P, beta * factor, slopes(rawP, softcap, temperature)));
    if (gradientQ) {
      writeRow(gradientQ, row, gradientOf(ofQ, Q, (1 - beta) * factor, slopes(rawQ, softcap, temperature)));
    }
  }
}

/** What P, of weight w, has to do with the mixture m = w·P + (1 − w)·Q. */
interface Side {
  /** KL(P ‖ m); 0 if w is 0, where it may be infinite but does not count. */
  readonly divergence: number;
  /** ln(P / m) of each class that has part in P; again 0 if w is 0. */
  readonly ratios: Float64Array;
}

/** Everything comes from d = ln P − ln Q: m and P − Q are the larger of P and Q times a function of e^(−|d|) ≤ 1. */
function side(P: Distribution, Q: Distribution, weight: number): Side {
  const d = logRatios(P, Q);
  const mixture = (i: number) => {
    const smaller = Math.exp(-Math.abs(d[i]));
    return d[i] >= 0 ? weight + (1 - weight) * smaller : weight * smaller + (1 - weight);
  };
  /** P / m − 1 = (1 − w)·(P − Q) / m. */
  const surplus = (i: number) => (1 - weight) * Math.sign(d[i]) * -Math.expm1(-Math.abs(d[i])) / mixture(i);
  const term = (i: number) => {
    if (!(mixture(i) > 0)) return 0;
    return probability(d[i] >= 0 ? P : Q, i) * mixture(i) * g(surplus(i));
  };
  /** ln(1 + u); far below m, where 1 + u has lost its digits, ln P − ln Q − ln(m / Q). */
  const ratio = (i: number) => d[i] < -1 ? d[i] - Math.log(mixture(i)) : Math.log1p(surplus(i));
  if (!isProper(P) || !isProper(Q)) return { divergence: NaN, ratios: d };
  if (weight === 0) return { divergence: 0, ratios: new Float64Array(d.length) };
  return { divergence: sum(d.length, term), ratios: tabulate(d.length, ratio) };
}

function gradientOf(of: Side, P: Distribution, factor: number, slope: Float64Array): Float64Array {
  return tabulate(slope.length, (i) => {
    if (Number.isNaN(of.divergence)) return NaN;
    const share = probability(P, i);
    if (P.logits[i] === -Infinity || share === 0) return 0;
    return factor * share * (of.ratios[i] - of.divergence) * slope[i];
  });
}

/** (1 + u)·ln(1 + u) − u, accurate relative to itself: near 0 by its series Σ (−u)ᵏ / (k·(k − 1)) from k = 2. */
export function g(u: number): number {
  if (u === -1) return 1;
  if (!(Math.abs(u) <= 0.125)) return (1 + u) * Math.log1p(u) - u;
  let total = 0;
  let power = u * u;
  for (let k = 2; total + power / (k * (k - 1)) !== total; k++) {
    total += power / (k * (k - 1));
    power *= -u;
  }
  return total;
}
