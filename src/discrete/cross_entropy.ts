import { sum, weighted } from "../arithmetic.ts";
import { DistributionChecker, type InformationOptions } from "./distributions.ts";

/**
 * The cross-entropy of two distributions: −Σ p·ln q, what outcomes of p surprise one who believes in q.
 *
 * It is entropy(p) + klDivergence(p, q). Where p is 0 the term is 0; where q = 0 < p it is +∞. Each is divided by its
 * sum first.
 *
 * @param p [classes], the distribution of outcomes.
 * @param q [classes], the belief.
 * @param options `base`.
 * @returns Nats, or bits for `base: 2`.
 * @throws {TypeError} If an argument has the wrong type or length, or p is empty.
 * @throws {RangeError} If p or q is no distribution, or the base is not 2.
 *
 * @example A class that was given probability 0.6
 * ```ts
 * import { crossEntropy } from "@surprisal/core/discrete";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(crossEntropy([0, 1, 0, 0], [0.15, 0.6, 0.2, 0.05]), -Math.log(0.6));
 * ```
 */
export function crossEntropy(p: ArrayLike<number>, q: ArrayLike<number>, options: InformationOptions = {}): number {
  const check = new DistributionChecker("compute crossEntropy");
  const unit = check.unit(options);
  const [P, Q] = check.distributions(p, q);
  return sum(P.length, (i) => weighted(P[i], -Math.log(Q[i]))) / unit;
}
