/**
 * Arrays to checked distributions, or an error that names the argument, the position and the value.
 *
 * @module
 */
import { sum } from "../arithmetic.ts";
import { ListChecker, unlessWeight } from "../lists.ts";

/** How far from 1 probabilities may sum: rounding them to f32 moves it by 2⁻²⁴ at most, computing in f32 by more. */
export const TOLERANCE = 1e-6;

/** Options of what is measured in nats. */
export interface InformationOptions {
  /** 2 for bits; nats unless given. */
  readonly base?: 2;
}

/** Checks distributions; every message begins with what cannot be done. */
export class DistributionChecker extends ListChecker {
  /** Probabilities, at least one, that sum to 1 within the tolerance: divided by their sum. */
  distribution(name: string, value: unknown): Float64Array {
    const list = this.list(name, value, unlessWeight);
    this.someOf(name, list);
    const total = sum(list.length, (i) => list[i]);
    this.one(name, total);
    return Float64Array.from(list, (p) => p / total);
  }

  /** Two distributions over the same classes. */
  distributions(p: unknown, q: unknown): readonly [p: Float64Array, q: Float64Array] {
    const first = this.distribution("p", p);
    this.matching("q", q, first.length, "p", unlessWeight);
    return [first, this.distribution("q", q)];
  }

  /** Complains of an empty list. */
  someOf(name: string, list: ArrayLike<unknown>): void {
    if (list.length === 0) throw this.typeError(`${name} has 0 elements`);
  }

  /** Complains of a sum of probabilities that is not 1. */
  one(name: string, total: number): void {
    if (!isOne(total, TOLERANCE)) throw this.rangeError(`${name} sums to ${total}, not to 1`);
  }

  /** Nats of the unit that is asked for. */
  unit(options: InformationOptions): number {
    const { base } = this.bag<InformationOptions>(options, ["base"]);
    return this.choice<2 | undefined>("base", base, [2], undefined) === 2 ? Math.LN2 : 1;
  }
}

/** Whether a sum of probabilities is 1. */
export function isOne(total: number, tolerance: number): boolean {
  return Math.abs(total - 1) <= tolerance;
}
