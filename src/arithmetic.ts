/**
 * Arithmetic in f64 that keeps its digits.
 *
 * @module
 */

/**
 * Σ term(i) for i from 0 to count − 1, with what each addition loses carried along (Neumaier, 1974): off by little more
 * than one rounding of itself where terms have one sign, whatever their number. Infinities and NaN as in any sum.
 */
export function sum(count: number, term: (index: number) => number): number {
  let total = 0, lost = 0;
  for (let i = 0; i < count; i++) {
    const x = term(i), next = total + x;
    lost += Math.abs(total) >= Math.abs(x) ? total - next + x : x - next + total;
    total = next;
  }
  // What infinities have lost is NaN
  return Number.isFinite(total) ? total + lost : total;
}

/** weight·x; a weight of 0 leaves out whatever x is, infinities and NaN too. */
export function weighted(weight: number, x: number): number {
  return weight === 0 ? 0 : weight * x;
}

/** e^d − 1 − d, which is never negative, accurate relative to itself: near 0 by its series Σ dᵏ / k! from k = 2. */
export function excess(d: number): number {
  if (d === Infinity) return d;
  if (!(Math.abs(d) <= 0.5)) return Math.expm1(d) - d;
  let total = 0, term = d * d / 2;
  for (let k = 3; total + term !== total; k++) {
    total += term;
    term *= d / k;
  }
  return total;
}
