import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ExactSum } from "../src/cli/evaluation/exact_sum.ts";
import { MalformedError } from "../src/cli/evaluation/json.ts";
import { addMoments, covariance, estimate, newMoments } from "../src/cli/evaluation/moments.ts";

/** Any f64 that can be added, and what cannot be rounded away: the least, the greatest, both zeros. */
const FINITE = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 399), max: 2 ** 399 }),
  fc.constantFrom(5e-324, -5e-324, 2 ** 399, -(2 ** 399), 0, -0, 1, 1e-20),
);

const VALUES = fc.array(
  fc.oneof({ weight: 30, arbitrary: FINITE }, {
    weight: 1,
    arbitrary: fc.constantFrom(Infinity, -Infinity, NaN),
  }),
  { maxLength: 80 },
);

function sumOf(values: Iterable<number>): ExactSum {
  const sum = new ExactSum();
  sum.add(values);
  return sum;
}

/** What a sum writes, through JSON. */
function written(sum: ExactSum): unknown {
  return JSON.parse(JSON.stringify(sum));
}

Deno.test("ExactSum has the same bits for any order and any division of its values", () => {
  const divided = fc.tuple(VALUES, fc.integer({ min: 1, max: 8 }), fc.infiniteStream(fc.nat()));
  fc.assert(fc.property(divided, ([values, shards, stream]) => {
    const whole = sumOf(values), sums = Array.from({ length: shards }, () => new ExactSum());
    const shuffled = values.map((value) => ({ value, key: stream.next().value })).sort((a, b) => a.key - b.key);
    for (const { value, key } of shuffled) sums[key % shards].add([value]);
    const merged = new ExactSum();
    for (const sum of sums.sort(() => stream.next().value % 3 - 1)) merged.absorb(written(sum), "sum");
    assertEquals(written(merged), written(whole));
    assert(Object.is(merged.total, whole.total));
    assert(Object.is(whole.total, Math.sumPrecise(values) + 0), `${whole.total}`);
  }));
});

Deno.test("ExactSum loses nothing: taking all values away again leaves 0", () => {
  fc.assert(fc.property(fc.array(FINITE), (values) => {
    const sum = sumOf(values);
    sum.add(values.toReversed().map((value) => -value));
    assertEquals([sum.total, sum.parts], [0, []]);
  }));
  const sum = sumOf([1e100, 1, -1e100, 5e-324]);
  assertEquals(sum.parts, [1, 5e-324]);
});

Deno.test("ExactSum adds infinite numbers as arithmetic does, and refuses what it cannot hold", () => {
  const cases: [values: number[], total: number][] = [
    [[], 0],
    [[-0], 0],
    [[1, Infinity], Infinity],
    [[-Infinity, 1, -Infinity], -Infinity],
    [[Infinity, -Infinity], NaN],
    [[NaN, Infinity], NaN],
  ];
  for (const [values, total] of cases) {
    const sum = sumOf(values), copy = new ExactSum();
    copy.absorb(written(sum), "sum");
    assert(Object.is(sum.total, total) && Object.is(copy.total, total), `${values}`);
    assertEquals(sum.isFinite, Number.isFinite(total));
  }
  assertThrows(() => sumOf([2 ** 400]), RangeError, "2^400");
  for (
    const [json, named] of [[7, "sum is 7"], [[1, "x"], 'sum[1] is "x"'], [[1, null], "sum[1]"], [[1e200], "sum[0]"]]
  ) {
    assertThrows(() => new ExactSum().absorb(json, "sum"), MalformedError, String(named));
  }
});

Deno.test("ExactSum keeps many values in little room", () => {
  const sum = new ExactSum();
  for (let i = 0; i < 20_000; i++) sum.add([i / 3]);
  assertAlmostEquals(sum.total, 20_000 * 19_999 / 6, 1e-3);
  assert(sum.parts.length <= 4, `${sum.parts}`);
});

Deno.test("estimate() and covariance() are those of exact arithmetic, to the last bit", () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: -(2 ** 23), max: 2 ** 23 }), fc.integer({ min: -99, max: 99 })), {
    minLength: 2,
    maxLength: 40,
  });
  fc.assert(fc.property(pairs, (pairs) => {
    const x = Float32Array.from(pairs, ([a]) => a / 8), y = Float32Array.from(pairs, ([, b]) => 2 ** 21 + b / 8);
    const first = newMoments(), second = newMoments(), products = new ExactSum(), n = pairs.length;
    addMoments(first, x);
    addMoments(second, y);
    products.add(Float64Array.from(x, (value, i) => value * y[i]));
    // In eighths everything is whole
    const total = (values: bigint[]) => values.reduce((sum, value) => sum + value, 0n);
    const [xs, ys] = [x, y].map((values) => Array.from(values, (value) => BigInt(8 * value)));
    const numerator = (a: bigint[], b: bigint[]) =>
      Number(BigInt(n) * total(a.map((value, i) => value * b[i])) - total(a) * total(b)) / 64;
    assertEquals(covariance(n, first.sum, second.sum, products), numerator(xs, ys) / (n * (n - 1)) + 0);
    const { mean, standardError } = estimate(n, second);
    assertEquals(mean, Number(total(ys)) / 8 / n);
    assertEquals(standardError, Math.sqrt(numerator(ys, ys) / (n * (n - 1)) / n));
  }));
});

Deno.test("estimate() is NaN where there is nothing to estimate from", () => {
  const of = (...values: number[]) => {
    const moments = newMoments();
    addMoments(moments, Float32Array.from(values));
    return estimate(values.length, moments);
  };
  assertEquals(of(), { mean: NaN, standardError: NaN });
  assertEquals(of(3), { mean: 3, standardError: NaN });
  assertEquals(of(3, 3), { mean: 3, standardError: 0 });
  assertEquals(of(3, Infinity), { mean: Infinity, standardError: NaN });
  assertEquals(of(3, NaN), { mean: NaN, standardError: NaN });
});
