/** Random numbers that are the same on every run. */

/** A stream of random numbers, by mulberry32. */
export class Random {
  #state: number;

  /** Starts the stream of a seed, an integer. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Fills an array with numbers uniform in ±`most`. */
  fill(array: Float32Array, most: number): Float32Array {
    for (let i = 0; i < array.length; i++) array[i] = most * (2 * this.uniform() - 1);
    return array;
  }

  /** Puts the elements of an array into a random order. */
  shuffle(array: Int32Array): Int32Array {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1), element = array[i];
      array[i] = array[j];
      array[j] = element;
    }
    return array;
  }
}
