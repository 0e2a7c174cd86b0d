/** Sums without error. */
import { readList, readNumber, writeNumber, wrong } from "./json.ts";
import type { Accumulator } from "./state.ts";

/** Below this magnitude neither sums nor products of sums overflow. */
const LIMIT = 2 ** 400;

/** What sums of as many values as can be counted stay below. */
const SUM_LIMIT = 2 ** 453;

/** Values that may wait to be summed. */
const MOST_PENDING = 4096;

/**
 * A sum whose value, and whose very representation, depend on what was added and not on its order.
 *
 * The representation is the sum rounded to an f64, then what that lacks rounded to an f64, and so on to the last bit. What
 * is not finite is apart: ∞ and −∞ add up as they do, to each other's NaN.
 */
export class ExactSum implements Accumulator {
  #parts: readonly number[] = [];
  #pending: number[] = [];
  #special = 0;

  /**
   * Adds values.
   *
   * @throws {RangeError} If a finite one is not below 2⁴⁰⁰ in magnitude.
   */
  add(values: Iterable<number>): void {
    for (const value of values) {
      if (Number.isFinite(value) && Math.abs(value) >= LIMIT) {
        throw new RangeError(`Cannot add ${value} exactly: it is not below 2^400 in magnitude`);
      }
      this.#enter(value);
    }
    if (this.#pending.length > MOST_PENDING) this.#settle();
  }

  /** The sum, rounded once; 0 of nothing. */
  get total(): number {
    return this.#special === 0 ? this.parts[0] ?? 0 : this.#special;
  }

  /** Numbers whose exact sum is that of the finite values, each the rounded sum of itself and all after it. */
  get parts(): readonly number[] {
    this.#settle();
    return this.#parts;
  }

  /** Whether all values were finite. */
  get isFinite(): boolean {
    return this.#special === 0;
  }

  absorb(json: unknown, where: string): void {
    const parts = readList(json, where).map((part, i) => readNumber(part, `${where}[${i}]`));
    const large = parts.findIndex((part) => Number.isFinite(part) && Math.abs(part) >= SUM_LIMIT);
    if (large >= 0) throw wrong(parts[large], `${where}[${large}]`, "a sum of numbers below 2^400");
    for (const part of parts) this.#enter(part);
  }

  toJSON(): unknown {
    return this.#special === 0 ? this.parts : [...this.parts, writeNumber(this.#special)];
  }

  #enter(value: number): void {
    if (Number.isFinite(value)) this.#pending.push(value);
    else this.#special += value;
  }

  #settle(): void {
    if (this.#pending.length === 0) return;
    const rest = [...this.#parts, ...this.#pending], parts: number[] = [];
    for (let part = Math.sumPrecise(rest); part !== 0; part = Math.sumPrecise(rest)) {
      parts.push(part);
      rest.push(-part);
    }
    this.#parts = parts;
    this.#pending = [];
  }
}
