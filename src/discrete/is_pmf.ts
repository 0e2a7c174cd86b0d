import { sum } from "../arithmetic.ts";
import { ListChecker, unlessWeight } from "../lists.ts";
import { isOne, TOLERANCE } from "./distributions.ts";

/** Options of {@linkcode isPmf}. */
export interface PmfOptions {
  /** How far from 1 the sum may be, from 0 on; 1e-6 unless given, which is what the other functions accept. */
  readonly tolerance?: number;
}

/**
 * Whether numbers are a probability mass function: none negative, and Σ p = 1 within a tolerance.
 *
 * `false` for none at all, and where one is NaN or infinite.
 *
 * @param p [classes].
 * @param options The tolerance.
 * @returns `true` where they are.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If the tolerance is negative or not finite.
 *
 * @example
 * ```ts
 * import { isPmf } from "@surprisal/core/discrete";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([isPmf([0.5, 0.5]), isPmf([0.5, 0.6]), isPmf([1.5, -0.5])], [true, false, false]);
 * ```
 */
export function isPmf(p: ArrayLike<number>, options: PmfOptions = {}): boolean {
  const check = new ListChecker("compute isPmf");
  const { tolerance } = check.bag<PmfOptions>(options, ["tolerance"]);
  const most = check.number("tolerance", tolerance, { fallback: TOLERANCE, least: 0 });
  const list = check.list("p", p);
  for (let i = 0; i < list.length; i++) if (unlessWeight(list[i]) !== undefined) return false;
  return isOne(sum(list.length, (i) => list[i]), most);
}
