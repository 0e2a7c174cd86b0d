/** The four words of a generator's state. */
export type State = readonly [number, number, number, number];

/**
 * A reproducible stream of random numbers: xoshiro128** 1.1 of Blackman and Vigna ("Scrambled Linear Pseudorandom
 * Number Generators", arXiv:1805.01407), in the public domain. Words are integer arithmetic, the same on every
 * machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** Goes on from a state, which must not be all zeros. */
  constructor([a, b, c, d]: State) {
    [this.#a, this.#b, this.#c, this.#d] = [a | 0, b | 0, c | 0, d | 0];
  }

  /** The stream of a seed, a whole number below 2³²: its state is four words of splitmix32. */
  static ofSeed(seed: number): Random {
    const word = (index: number) => mix(seed + Math.imul(index, 0x9e3779b9));
    return new Random([word(1), word(2), word(3), word(4)]);
  }

  /** The next word, from 0 to 2³² − 1. */
  word(): number {
    const product = Math.imul(this.#b, 5), result = Math.imul(rotated(product, 7), 9), shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotated(this.#d, 11);
    return result >>> 0;
  }

  /** A whole number below `bound`, which is at most 2³²: words beyond the last whole multiple of it are passed over. */
  below(bound: number): number {
    const end = 2 ** 32 - 2 ** 32 % bound;
    let word = this.word();
    while (word >= end) word = this.word();
    return word % bound;
  }

  /** Uniform in [0, 1), a multiple of 2⁻⁵³. */
  uniform(): number {
    const high = this.word() >>> 5, low = this.word() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -Math.log1p(-this.uniform());
  }
}

/** The finaliser of splitmix32, constants of Chris Wellons' "hash prospector" (public domain). */
function mix(word: number): number {
  let z = Math.imul(word ^ word >>> 16, 0x21f0aaad);
  z = Math.imul(z ^ z >>> 15, 0x735a2d97);
  return z ^ z >>> 15;
}

function rotated(word: number, bits: number): number {
  return word << bits | word >>> 32 - bits;
}
