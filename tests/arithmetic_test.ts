// The arithmetic in f64 that closed forms and discrete distributions are made of, against integers of any length.

import { assertAlmostEquals, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { excess, sum, weighted } from "../src/arithmetic.ts";
import { Random } from "./random.ts";

/** Binary places of the integers that stand for fractions. */
const PLACES = 1400n, ONE = 1n << PLACES;

/** A finite number of magnitude from 2^−1000 on, exactly, in units of 2^−PLACES. */
function fixed(x: number): bigint {
  const exponent = x === 0 ? 0 : Math.floor(Math.log2(Math.abs(x))) - 53;
  return BigInt(x / 2 ** exponent) * ONE / (1n << BigInt(Math.max(0, -exponent))) *
    (1n << BigInt(Math.max(0, exponent)));
}

/** |x − exact| / |exact|. */
function relativeError(x: number, exact: bigint): number {
  const off = fixed(x) - exact, size = exact < 0n ? -exact : exact;
  return Number((off < 0n ? -off : off) * (1n << 100n) / size) / 2 ** 100;
}

/** e^d − 1 − d by its series. */
function exactExcess(d: number): bigint {
  const x = fixed(d);
  let total = 0n, term = x;
  for (let k = 2n; term !== 0n && term !== -1n; k++) total += term = term * x / (k * ONE);
  return total;
}

Deno.test("excess() is e^d − 1 − d to the last digits, however small d is", () => {
  const random = new Random(61);
  const magnitudes = [1e-100, 1e-20, 1e-9, 1e-5, 1e-3, 0.1, 0.49, 0.5, 0.51, 1, 3, 30];
  for (const magnitude of magnitudes.flatMap((x) => [x, x * (1 + random.uniform())])) {
    for (const d of [magnitude, -magnitude]) {
      assertLessOrEqual(relativeError(excess(d), exactExcess(d)), 8 * 2 ** -53, `d = ${d}`);
    }
  }
});

Deno.test("excess() is 0 at 0, and what its limits are at the ends", () => {
  assertEquals([0, Infinity, -Infinity, 800, NaN].map(excess), [0, Infinity, Infinity, Infinity, NaN]);
  for (const d of [-1e-170, 1e-170, 5e-324, -5e-324]) assertGreaterOrEqual(excess(d), 0);
});

Deno.test("sum() keeps what running sums lose", () => {
  const terms = [1, 1e100, 1, -1e100];
  assertEquals(sum(4, (i) => terms[i]), 2);
  const count = 2 ** 20, random = new Random(62);
  const values = Array.from({ length: count }, () => random.uniform());
  const exact = values.reduce((total, x) => total + fixed(x), 0n);
  assertLessOrEqual(relativeError(sum(count, (i) => values[i]), exact), 2 ** -53);
  assertAlmostEquals(sum(count, () => 0.1), count * 0.1, 1e-11);
});

Deno.test("sum() of infinities and NaN is as in any sum, and of nothing 0", () => {
  const of = (...terms: number[]) => sum(terms.length, (i) => terms[i]);
  assertEquals([of(), of(1, Infinity, 1), of(-Infinity, 1), of(Infinity, -Infinity), of(1, NaN)], [
    0,
    Infinity,
    -Infinity,
    NaN,
    NaN,
  ]);
});

Deno.test("weighted() by 0 leaves out anything", () => {
  assertEquals([weighted(0, Infinity), weighted(0, NaN), weighted(-0, 5), weighted(2, 3)], [0, 0, 0, 6]);
  assertEquals(weighted(2, NaN), NaN);
});
