import type { Random } from "./random.ts";

/**
 * Draws indices in proportion to weights above 0, each in constant time: Walker's alias method with Vose's table ("A
 * linear algorithm for generating random numbers with a given distribution", 1991). A column of the table belongs to
 * an index up to a threshold, and beyond it to one other index.
 */
export class AliasTable {
  readonly #thresholds: Float64Array;
  readonly #others: Int32Array;

  /** The table of weights that come to `total`. */
  constructor(weights: Float64Array, total: number) {
    const count = weights.length, shares = weights.map((weight) => weight / total * count);
    this.#thresholds = new Float64Array(count).fill(1);
    this.#others = new Int32Array(count);
    // Two stacks in one array: those below their fair share from the left, the others from the right
    const stack = new Int32Array(count);
    let small = 0, large = count;
    for (let i = 0; i < count; i++) stack[shares[i] < 1 ? small++ : --large] = i;
    while (small > 0 && large < count) {
      const less = stack[--small], more = stack[large];
      this.#thresholds[less] = shares[less];
      this.#others[less] = more;
      shares[more] -= 1 - shares[less];
      if (shares[more] < 1) stack[small++] = stack[large++];
    }
  }

  /** Draws an index. */
  draw(random: Random): number {
    const column = random.below(this.#thresholds.length);
    return random.uniform() < this.#thresholds[column] ? column : this.#others[column];
  }
}
