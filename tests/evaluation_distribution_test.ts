import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import { cellOf, middleOf } from "../src/cli/evaluation/coarse.ts";
import { Distribution } from "../src/cli/evaluation/distribution.ts";
import { MalformedError } from "../src/cli/evaluation/json.ts";
import { histogram } from "../src/cli/evaluation/histogram.ts";

const FLOAT = fc.float();

/** More than this is counted in cells here. */
const LIMIT = 20;

function distributionOf(values: readonly number[], limit?: number): Distribution {
  const distribution = new Distribution(limit);
  distribution.add(Float32Array.from(values));
  return distribution;
}

function written(distribution: Distribution): unknown {
  return JSON.parse(JSON.stringify(distribution));
}

/** The percentile as NumPy defines it: linear between the two nearest ranks. */
function quantileOf(values: readonly number[], share: number): number {
  const sorted = Float32Array.from(values).sort(), rank = share * (sorted.length - 1), below = Math.floor(rank);
  const low = sorted[below], high = sorted[Math.min(below + 1, sorted.length - 1)];
  return low === high || rank === below ? low : low * (1 - rank + below) + high * (rank - below);
}

Deno.test("Distribution.quantile() is exact up to the limit", () => {
  const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
    assertEquals(distributionOf(values).quantile(share) + 0, quantileOf(values, share) + 0);
  }));
  const hundred = distributionOf(Array.from({ length: 101 }, (_, i) => 100 - i));
  assertEquals([0, 0.01, 0.5, 0.999, 1].map((share) => Math.fround(hundred.quantile(share))), [
    0,
    1,
    50,
    Math.fround(99.9),
    100,
  ]);
});

Deno.test("Distribution has the same bits for any order and division, on both sides of the limit", () => {
  const divided = fc.tuple(fc.array(FLOAT, { maxLength: 2 * LIMIT }), fc.infiniteStream(fc.nat()));
  fc.assert(fc.property(divided, ([values, stream]) => {
    const whole = distributionOf(values, LIMIT), shards = [0, 1, 2].map(() => new Distribution(LIMIT));
    for (const value of values) shards[stream.next().value % 3].add(Float32Array.of(value));
    const merged = new Distribution(LIMIT);
    for (const shard of shards.sort(() => stream.next().value % 3 - 1)) merged.absorb(written(shard), "values");
    assertEquals(written(merged), written(whole));
    const numbers = values.filter((value) => !Number.isNaN(value)).length;
    assertEquals([whole.count, whole.isExact], [numbers, numbers <= LIMIT]);
  }));
});

Deno.test("Distribution.quantile() is within 2⁻¹¹ beyond the limit, and exact at both ends", () => {
  const values = Array.from({ length: 5000 }, (_, i) => Math.exp(Math.sin(i) * 20) * (i % 3 === 0 ? -1 : 1));
  const coarse = distributionOf(values, 100), exact = distributionOf(values);
  assert(!coarse.isExact && exact.isExact);
  for (const share of [0.01, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999]) {
    const value = exact.quantile(share);
    assertLessOrEqual(Math.abs(coarse.quantile(share) - value), 2 ** -11 * Math.abs(value), `${share}`);
  }
  for (const share of [0, 1]) assertEquals(coarse.quantile(share), exact.quantile(share));
});

Deno.test("Distribution leaves NaN out, sorts infinite numbers in, and has none of nothing", () => {
  for (const limit of [0, 100]) {
    const some = distributionOf([NaN, 3, -Infinity, NaN, Infinity, -0], limit);
    assertEquals(some.count, 4);
    assertEquals([0, 1 / 3, 1].map((share) => some.quantile(share)), [-Infinity, 0, Infinity]);
    assertEquals(distributionOf([Infinity, Infinity, 1], limit).quantile(0.75), Infinity);
    assertEquals(distributionOf([NaN], limit).quantile(0.5), NaN);
  }
  assertEquals(distributionOf([-Infinity, Infinity]).quantile(0.5), NaN);
});

Deno.test("cells are in order, and their middles within 2⁻¹¹", () => {
  fc.assert(fc.property(fc.float({ noNaN: true }), fc.float({ noNaN: true }), (a, b) => {
    if (a < b) assertLessOrEqual(cellOf(a), cellOf(b));
    const middle = middleOf(cellOf(a));
    if (Number.isFinite(a)) assertLessOrEqual(Math.abs(middle - a), Math.max(2 ** -11 * Math.abs(a), 2 ** -136));
    else assertEquals(middle, a);
    assertEquals(cellOf(middle) + 0, cellOf(a) + 0);
  }));
});

Deno.test("Distribution refuses what none has written", () => {
  const wrong: readonly (readonly [json: unknown, named: string])[] = [
    [undefined, "d is missing"],
    [3, "d is 3"],
    [{}, "d.cells is missing"],
    [{ values: 3 }, "d.values is 3"],
    [{ values: "%" }, "d.values"],
    [{ values: "AAA=" }, "d.values"],
    [{ cells: [1], counts: [] }, "d.counts.length is 0, not 1"],
    [{ cells: [1.5], counts: [1], min: 1, max: 1 }, "d.cells[0] is 1.5"],
    [{ cells: [1], counts: [-1], min: 1, max: 1 }, "d.counts[0] is -1"],
    [{ cells: [1], counts: [1], max: 1 }, "d.min is missing"],
  ];
  for (const [json, named] of wrong) {
    assertThrows(() => new Distribution().absorb(json, "d"), MalformedError, named);
  }
});

Deno.test("histogram() counts every finite number once, in bars of a round width", () => {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
  fc.assert(fc.property(fc.array(finite, { minLength: 1, maxLength: 99 }), (values) => {
    const bars = histogram(() => values.map((value) => [value, 2]));
    assertEquals(bars.reduce((sum, { rows }) => sum + rows, 0), 2 * values.length);
    assertLessOrEqual(bars.length, 60);
    assert(bars[0].rows > 0 && bars.at(-1)!.rows > 0);
  }));
  const two = histogram(() => [[0.5, 3], [Infinity, 9], [-49.5, 1], [NaN, 1]]);
  assertEquals([two.length, two[0], two.at(-1)], [51, { from: -50, to: -49, rows: 1 }, { from: 0, to: 1, rows: 3 }]);
  assertEquals(histogram(() => [[Infinity, 1]]), []);
});
