/**
 * Arbitrary inputs for properties; fast-check prints the seed and the smallest counterexample on failure.
 *
 * @module
 */
import fc from "fast-check";
import { Random } from "./random.ts";

/** Multiples of 2⁻¹⁰ between ±64: sums with whole numbers below 8192 are exact in f32. */
const LOGIT = fc.integer({ min: -(2 ** 16), max: 2 ** 16 }).map((k) => k / 1024);

/** Logits, and some −∞. */
const MASKABLE = fc.oneof({ weight: 7, arbitrary: LOGIT }, { weight: 1, arbitrary: fc.constant(-Infinity) });

/** Short rows, and rows of several blocks: a pattern over and over, each time a little lower. */
const ROW = fc.tuple(fc.array(MASKABLE, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 60 }))
  .map(([pattern, times]) => Array.from({ length: times }, (_, i) => pattern.map((x) => x - i / 16)).flat())
  .filter((row) => row.some(Number.isFinite));

/** Checks a property of a row and of a whole number below 8192 in magnitude. */
export async function forRows(
  property: (row: number[], whole: number) => Promise<void>,
): Promise<void> {
  const whole = fc.integer({ min: -8191, max: 8191 });
  await fc.assert(fc.asyncProperty(ROW, whole, property), { numRuns: 60 });
}

/** Checks a property of two rows of the same length. */
export async function forPairs(property: (p: number[], q: number[]) => Promise<void>): Promise<void> {
  const pair = fc.tuple(ROW, fc.integer(), fc.integer({ min: 1, max: 64 })).map(([row, seed, scale]) => {
    const random = new Random(seed);
    return [row, row.map((x) => x === -Infinity && random.uniform() < 0.5 ? x : Math.fround(scale * random.normal()))];
  });
  await fc.assert(fc.asyncProperty(pair, ([p, q]) => property(p, q)), { numRuns: 60 });
}

/** The indices 0 … count − 1 in an order that `seed` decides. */
export function permutation(count: number, seed: number): number[] {
  const random = new Random(seed);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
