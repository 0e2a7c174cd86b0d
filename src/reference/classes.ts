/**
 * Sums and rows over the classes 0 … count − 1.
 *
 * @module
 */

/** Classes that are added one after the other; more are added as two halves. */
const LEAF = 64;

/**
 * Σ term(i), pairwise: the order depends on the count alone, and for terms of one sign the relative error is at most
 * (64 + log₂(count / 64))·2⁻⁵³, below 1e-14 at 2²⁰ classes.
 */
export function sum(count: number, term: (index: number) => number, first = 0): number {
  if (count > LEAF) {
    const half = count >> 1;
    return sum(half, term, first) + sum(count - half, term, first + half);
  }
  let total = 0;
  for (let i = first; i < first + count; i++) total += term(i);
  return total;
}

/** The row of value(i). */
export function tabulate(count: number, value: (index: number) => number): Float64Array {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = value(i);
  return values;
}
