import { sum } from "../arithmetic.ts";
import { DistributionChecker, type InformationOptions } from "./distributions.ts";
import { divergenceTerm } from "./kl_divergence.ts";

/**
 * The Jensen–Shannon divergence of two distributions: ½·D(p ‖ m) + ½·D(q ‖ m), m = (p + q) / 2.
 *
 * Symmetric, exactly 0 for equal arrays, never negative, and ln 2, one bit, where nothing can occur under both.
 * Computed as {@linkcode klDivergence} is.
 *
 * @param p [classes], a distribution.
 * @param q [classes], a distribution.
 * @param options `base`.
 * @returns Nats, or bits for `base: 2`.
 * @throws {TypeError} If an argument has the wrong type or length, or p is empty.
 * @throws {RangeError} If p or q is no distribution, or the base is not 2.
 *
 * @example Nothing in common
 * ```ts
 * import { jsDivergence } from "@surprisal/core/discrete";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(jsDivergence([1, 0], [0, 1], { base: 2 }), 1);
 * ```
 */
export function jsDivergence(p: ArrayLike<number>, q: ArrayLike<number>, options: InformationOptions = {}): number {
  const check = new DistributionChecker("compute jsDivergence");
  const unit = check.unit(options);
  const [P, Q] = check.distributions(p, q);
  // Of 2p, 2q and 2m: m itself may underflow to 0
  const term = (i: number) => divergenceTerm(2 * P[i], P[i] + Q[i]) + divergenceTerm(2 * Q[i], P[i] + Q[i]);
  return sum(P.length, term) / 4 / unit;
}
