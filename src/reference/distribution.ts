/**
 * The softmax of a row of logits x: max = maximum, sum = Σ e^(x − max), log-sum-exp = max + ln sum, p = e^(x − max) / sum.
 *
 * −∞ has probability exactly 0. A row of −∞ has sum 0 and log-sum-exp −∞; with +∞ in it, the sum and the log-sum-exp are
 * +∞; with NaN, they are NaN. Probabilities are then what IEEE arithmetic makes of the formulas: NaN throughout for
 * −∞ and NaN, and for +∞ NaN there and 0 elsewhere.
 *
 * The largest class is kept apart from the rest, so that neither −ln p nor 1 − p cancels as p → 1.
 *
 * @module
 */
import { sum, tabulate } from "./classes.ts";

/** A row of logits and its normalisation. */
export interface Distribution {
  /** The transformed logits x. */
  readonly logits: Float64Array;
  /** The largest logit that is not NaN; −∞ if there is none. */
  readonly max: number;
  /** The lowest index of that logit; −1 if there is none. */
  readonly argmax: number;
  /** Σ e^(x − max) over all classes but `argmax`. */
  readonly rest: number;
  /** Σ e^(x − max). */
  readonly sum: number;
  /** ln of `sum`. */
  readonly logSum: number;
  /** ln Σ e^x. */
  readonly logSumExp: number;
}

/** Normalises a row of transformed logits. */
export function normalise(logits: Float64Array): Distribution {
  let max = -Infinity;
  let argmax = -1;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i];
    if (!(x > max || argmax < 0 && x === max)) continue;
    max = x;
    argmax = i;
  }
  if (!Number.isFinite(max)) {
    const total = logits.some(Number.isNaN) ? NaN : max > 0 ? Infinity : 0;
    const logSum = Math.log(total);
    return { logits, max, argmax, rest: total, sum: total, logSum, logSumExp: max + logSum };
  }
  const rest = sum(logits.length, (i) => i === argmax ? 0 : Math.exp(logits[i] - max));
  const logSum = Math.log1p(rest);
  return { logits, max, argmax, rest, sum: 1 + rest, logSum, logSumExp: max + logSum };
}

/** Whether all logits are −∞. */
export function isEmpty({ sum }: Distribution): boolean {
  return sum === 0;
}

/** Whether the row has a distribution: all −∞, +∞ and NaN leave none. */
export function isProper({ logSumExp }: Distribution): boolean {
  return Number.isFinite(logSumExp);
}

/** p of a class. */
export function probability({ logits, max, sum }: Distribution, index: number): number {
  return Math.exp(logits[index] - max) / sum;
}

/** 1 − p of a class. */
export function complement(distribution: Distribution, index: number): number {
  const { argmax, rest, sum } = distribution;
  return index === argmax ? rest / sum : 1 - probability(distribution, index);
}

/** ln p of a class: first less the maximum, so that logits of 1e4 lose nothing. */
export function logProbability({ logits, max, logSum }: Distribution, index: number): number {
  return logits[index] - max - logSum;
}

/** d = ln p − ln q of each class, exactly 0 where p and q are the same row. Where both are 0 it is NaN. */
export function logRatios(p: Distribution, q: Distribution): Float64Array {
  const shift = p.max - q.max + (p.logSum - q.logSum);
  return tabulate(p.logits.length, (i) => p.logits[i] - q.logits[i] - shift);
}
