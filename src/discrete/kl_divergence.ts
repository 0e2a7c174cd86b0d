import { excess, sum } from "../arithmetic.ts";
import { DistributionChecker, type InformationOptions } from "./distributions.ts";

/**
 * The Kullback–Leibler divergence of two distributions: D(p ‖ q) = Σ p·ln(p / q).
 *
 * Computed as Σ p·ln(p / q) − p + q, whose terms are all ≥ 0: never negative, exactly 0 for equal arrays, and with its
 * digits where p and q are near. Where p is 0 the textbook's term is 0; where q = 0 < p it is +∞. Each is divided by
 * its sum first, so that two softmaxes in f32 differ by what they are, not by how their sums were rounded.
 *
 * @param p [classes], a distribution.
 * @param q [classes], a distribution.
 * @param options `base`.
 * @returns Nats, or bits for `base: 2`.
 * @throws {TypeError} If an argument has the wrong type or length, or p is empty.
 * @throws {RangeError} If p or q is no distribution, or the base is not 2.
 *
 * @example What it costs to take a biased coin for a fair one
 * ```ts
 * import { entropy, klDivergence } from "@surprisal/core/discrete";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const coin = [0.9, 0.1];
 * assertAlmostEquals(klDivergence(coin, [0.5, 0.5], { base: 2 }), 1 - entropy(coin, { base: 2 }));
 * ```
 */
export function klDivergence(p: ArrayLike<number>, q: ArrayLike<number>, options: InformationOptions = {}): number {
  const check = new DistributionChecker("compute klDivergence");
  const unit = check.unit(options);
  const [P, Q] = check.distributions(p, q);
  return sum(P.length, (i) => divergenceTerm(P[i], Q[i])) / unit;
}

/** p·ln(p / q) − p + q ≥ 0, accurate relative to itself: p·(d + e^(−d) − 1), d = ln(p / q), +∞ where q is 0. */
export function divergenceTerm(p: number, q: number): number {
  if (p === 0) return q;
  const d = logRatio(p, q);
  return Math.abs(d) > 1 ? p * (d - 1) + q : p * excess(-d);
}

/** ln(p / q). Within a factor of 2 of each other p − q is exact. */
function logRatio(p: number, q: number): number {
  const ratio = p / q;
  if (ratio >= 0.5 && ratio <= 2) return Math.log1p((p - q) / q);
  return ratio > 0 && ratio < Infinity ? Math.log(ratio) : Math.log(p) - Math.log(q);
}
