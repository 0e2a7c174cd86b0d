import { sum, weighted } from "../arithmetic.ts";
import { DistributionChecker } from "./distributions.ts";

/** The value of each outcome: [classes], or a function of the class's index, which is asked of those that can occur. */
export type Values = ArrayLike<number> | ((index: number) => number);

/**
 * The expectation of what depends on the outcome: Σ p·x.
 *
 * Where p is 0 the term is 0, whatever x is; elsewhere ±∞ and NaN count as in any sum. Probabilities are divided by
 * their sum first, so that the expectation of a constant is that constant.
 *
 * @param p [classes], a distribution.
 * @param values x of each class, or a function that gives it.
 * @returns In the unit of the values.
 * @throws {TypeError} If an argument, or what the function returns, has the wrong type or length.
 * @throws {RangeError} If p is no distribution.
 *
 * @example A die
 * ```ts
 * import { expectation } from "@surprisal/core/discrete";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const die = new Array(6).fill(1 / 6);
 * assertAlmostEquals(expectation(die, (face) => face + 1), 3.5);
 * assertAlmostEquals(expectation(die, [0, 0, 0, 0, 0, 1]), 1 / 6);
 * ```
 */
export function expectation(p: ArrayLike<number>, values: Values): number {
  const { probabilities, list } = checkValues(new DistributionChecker("compute expectation"), p, values);
  return meanOf(probabilities, list);
}

/**
 * The variance of what depends on the outcome: Σ p·(x − E)², E its expectation.
 *
 * Never negative: no difference of squares is taken. A value of ±∞ or NaN that can occur gives NaN.
 *
 * @param p [classes], a distribution.
 * @param values x of each class, or a function that gives it.
 * @returns In the unit of the values, squared.
 * @throws {TypeError} If an argument, or what the function returns, has the wrong type or length.
 * @throws {RangeError} If p is no distribution.
 *
 * @example A die
 * ```ts
 * import { variance } from "@surprisal/core/discrete";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(variance(new Array(6).fill(1 / 6), [1, 2, 3, 4, 5, 6]), 35 / 12);
 * ```
 */
export function variance(p: ArrayLike<number>, values: Values): number {
  const { probabilities, list } = checkValues(new DistributionChecker("compute variance"), p, values);
  const mean = meanOf(probabilities, list);
  return meanOf(probabilities, Float64Array.from(list, (x) => (x - mean) ** 2));
}

function meanOf(probabilities: Float64Array, list: ArrayLike<number>): number {
  return sum(probabilities.length, (i) => weighted(probabilities[i], list[i]));
}

function checkValues(
  check: DistributionChecker,
  p: unknown,
  values: Values,
): { probabilities: Float64Array; list: ArrayLike<number> } {
  const probabilities = check.distribution("p", p);
  if (typeof values !== "function") {
    return { probabilities, list: check.matching("values", values, probabilities.length, "p") };
  }
  return { probabilities, list: check.list("values", Array.from(probabilities, (q, i) => q === 0 ? 0 : values(i))) };
}
