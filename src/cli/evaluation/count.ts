/** The smallest accumulators: how many, and how far. */
import { readNumber, readWhole, writeNumber } from "./json.ts";
import type { Accumulator } from "./state.ts";

/** A count of rows. */
export class Count implements Accumulator {
  #value = 0;

  /** How many there are. */
  get value(): number {
    return this.#value;
  }

  /** Counts some more. */
  add(count: number): void {
    this.#value += count;
  }

  absorb(json: unknown, where: string): void {
    this.#value += readWhole(json, where);
  }

  toJSON(): unknown {
    return this.#value;
  }
}

/** The least or the greatest of some numbers. */
export class Extreme implements Accumulator {
  readonly #better: (a: number, b: number) => number;
  #value: number;

  /** The greatest of `Math.max`, the least of `Math.min`: NaN where there is one among them. */
  constructor(better: typeof Math.max) {
    this.#better = better;
    this.#value = better();
  }

  /** The number; ∞ or −∞ of none. */
  get value(): number {
    return this.#value;
  }

  /** Looks at one more. */
  add(value: number): void {
    this.#value = this.#better(this.#value, value);
  }

  absorb(json: unknown, where: string): void {
    this.add(readNumber(json, where));
  }

  toJSON(): unknown {
    return writeNumber(this.#value);
  }
}
