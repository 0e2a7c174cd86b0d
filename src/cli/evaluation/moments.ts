/** Means, variances and covariances from exact sums. */
import { ExactSum } from "./exact_sum.ts";

/** A number that a sample estimates. */
export interface Estimate {
  /** The estimate. */
  readonly mean: number;
  /** The standard deviation that it has itself: NaN for fewer than two rows. */
  readonly standardError: number;
}

/** The sums that a mean and its error need; a record of accumulators. */
export interface Moments {
  /** Σ x. */
  readonly sum: ExactSum;
  /** Σ x². */
  readonly squares: ExactSum;
}

/** Sums of nothing. */
export function newMoments(): Moments {
  return { sum: new ExactSum(), squares: new ExactSum() };
}

/** Adds f32 numbers, whose squares an f64 holds exactly. */
export function addMoments({ sum, squares }: Moments, values: Float32Array): void {
  sum.add(values);
  squares.add(Float64Array.from(values, (value) => value * value));
}

/** The mean of `count` rows, and its standard error √(variance / count). */
export function estimate(count: number, { sum, squares }: Moments): Estimate {
  const variance = covariance(count, sum, sum, squares);
  return { mean: sum.total / count, standardError: Math.sqrt(variance / count) };
}

/**
 * The sample covariance (n·Σxy − Σx·Σy) / (n·(n − 1)), whose numerator is exact up to one rounding: no digits cancel, and a
 * variance is never negative. NaN for fewer than two rows, or where a value is not finite.
 */
export function covariance(count: number, x: ExactSum, y: ExactSum, products: ExactSum): number {
  if (count < 2 || !x.isFinite || !y.isFinite || !products.isFinite) return NaN;
  const terms = [
    ...products.parts.flatMap((part) => exactProduct(count, part)),
    ...x.parts.flatMap((one) => y.parts.flatMap((other) => exactProduct(-one, other))),
  ];
  return (Math.sumPrecise(terms) + 0) / (count * (count - 1));
}

/** Two numbers whose exact sum is a product: Dekker's algorithm (1971), where nothing under- or overflows. */
function exactProduct(a: number, b: number): [product: number, error: number] {
  const product = a * b, [aHigh, aLow] = split(a), [bHigh, bLow] = split(b);
  return [product, ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow];
}

/** The upper 26 bits of a number and the rest: Veltkamp's. */
function split(value: number): [high: number, low: number] {
  const scaled = 134_217_729 * value; // 2²⁷ + 1
  const high = scaled - (scaled - value);
  return [high, value - high];
}
