import { sum, weighted } from "../arithmetic.ts";
import { DistributionChecker, type InformationOptions } from "./distributions.ts";

/**
 * The entropy of a distribution: −Σ p·ln p.
 *
 * Between 0 (certainty) and ln classes (nothing known); 0·ln 0 is 0. Probabilities are divided by their sum first.
 *
 * @param p [classes], a distribution.
 * @param options `base`.
 * @returns Nats, or bits for `base: 2`.
 * @throws {TypeError} If an argument has the wrong type, or p is empty.
 * @throws {RangeError} If p is no distribution, or the base is not 2.
 *
 * @example A fair coin has one bit
 * ```ts
 * import { entropy } from "@surprisal/core/discrete";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(entropy([0.5, 0.5], { base: 2 }), 1);
 * ```
 */
export function entropy(p: ArrayLike<number>, options: InformationOptions = {}): number {
  const check = new DistributionChecker("compute entropy");
  const unit = check.unit(options);
  const P = check.distribution("p", p);
  return sum(P.length, (i) => weighted(P[i], -Math.log(P[i]))) / unit;
}
