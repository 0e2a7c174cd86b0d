import { sum } from "../arithmetic.ts";
import { unlessLogarithm, unlessWeight } from "../lists.ts";
import { DistributionChecker } from "./distributions.ts";

/**
 * The distribution that is proportional to weights: w / Σ w.
 *
 * Weights as large or as small as numbers go are no trouble: they are first divided by the largest. Counts of words, or
 * probabilities that do not sum to 1 closely enough, become what the other functions take.
 *
 * @param weights [classes], from 0 on, not all of them 0.
 * @returns Their probabilities [classes].
 * @throws {TypeError} If weights are no array of numbers, or there is none.
 * @throws {RangeError} If one is negative or not finite, or all are 0.
 *
 * @example
 * ```ts
 * import { normalize } from "@surprisal/core/discrete";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...normalize([1, 1, 2])], [0.25, 0.25, 0.5]);
 * ```
 */
export function normalize(weights: ArrayLike<number>): Float64Array {
  const check = new DistributionChecker("compute normalize");
  const list = check.list("weights", weights, unlessWeight);
  check.someOf("weights", list);
  let most = 0;
  for (let i = 0; i < list.length; i++) most = Math.max(most, list[i]);
  if (most === 0) throw check.rangeError("weights are all 0");
  const total = sum(list.length, (i) => list[i] / most);
  return Float64Array.from(list, (weight) => weight / most / total);
}

/**
 * The same among logarithms: the log-probabilities w − ln Σ e^w of log-weights, in f64.
 *
 * Weights of e^−1000 are no trouble, −∞ is probability 0, and a log-probability near 0 keeps its digits.
 *
 * @param logWeights [classes]: ln of weights, not all of them −∞.
 * @returns Their log-probabilities [classes], nats.
 * @throws {TypeError} If they are no array of numbers, or there is none.
 * @throws {RangeError} If one is NaN or +∞, or all are −∞.
 *
 * @example
 * ```ts
 * import { normalizeLog } from "@surprisal/core/discrete";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const [first, second] = normalizeLog([-1000, -1000 + Math.log(3)]);
 * assertAlmostEquals(Math.exp(first), 0.25);
 * assertAlmostEquals(Math.exp(second), 0.75);
 * ```
 */
export function normalizeLog(logWeights: ArrayLike<number>): Float64Array {
  const check = new DistributionChecker("compute normalizeLog");
  const list = check.list("logWeights", logWeights, unlessLogarithm);
  check.someOf("logWeights", list);
  const { logs, logTotal } = normalizeLogs(list);
  if (logTotal === -Infinity) throw check.rangeError("logWeights are all -Infinity");
  return logs;
}

/** Log-weights normalised, and ln of their sum; where all are −∞ they are NaN, and that is −∞. */
export function normalizeLogs(list: ArrayLike<number>): { logs: Float64Array; logTotal: number } {
  let largest = 0;
  for (let i = 1; i < list.length; i++) if (list[i] > list[largest]) largest = i;
  const most = list[largest];
  if (most === -Infinity) return { logs: new Float64Array(list.length).fill(NaN), logTotal: -Infinity };
  // Apart from the largest, so that the logarithm of nearly 1 does not cancel
  const logRest = Math.log1p(sum(list.length, (i) => i === largest ? 0 : Math.exp(list[i] - most)));
  return { logs: Float64Array.from(list, (x) => x - most - logRest), logTotal: most + logRest };
}
