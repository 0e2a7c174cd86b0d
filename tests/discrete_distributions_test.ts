// Discrete distributions: what is one, what becomes one, and what a joint one says of its parts.

import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";
import {
  conditional,
  crossEntropy,
  entropy,
  expectation,
  isPmf,
  normalize,
  normalizeLog,
  smoothLabels,
  variance,
} from "../src/discrete/mod.ts";
import * as surprisal from "../src/sync.ts";
import { permutation } from "./arbitraries.ts";
import { hashed } from "./hashed.ts";
import { matrix } from "./matrices.ts";
import { assertRefuses, type Refusal } from "./refusals.ts";

const inf = Infinity;

/** Weights of which one at least is not 0. */
const WEIGHTS = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e300, noNaN: true })), {
  minLength: 1,
  maxLength: 50,
}).filter((weights) => weights.some((weight) => weight > 0));

function total(list: ArrayLike<number>): number {
  return Math.abs(Array.from(list).reduce((a, b) => a + b, 0));
}

Deno.test("isPmf() tells distributions from what is none", () => {
  const are = [[1], [0.5, 0.5], [0, 1, 0], [0.1, 0.2, 0.7], [0.5, 0.5 + 9e-7], Float32Array.of(0.1, 0.9)];
  const areNot = [[], [0], [0.5], [0.5, 0.5 + 2e-6], [1.5, -0.5], [NaN, 1], [inf], [inf, -inf], [-1e-9, 1]];
  assertEquals(are.map((p) => isPmf(p)), are.map(() => true));
  assertEquals(areNot.map((p) => isPmf(p)), areNot.map(() => false));
  assertEquals([isPmf([0.5, 0.6], { tolerance: 0.2 }), isPmf([0.25, 0.75 + 1e-15], { tolerance: 0 })], [true, false]);
  assertEquals(isPmf([0.25, 0.75], { tolerance: 0 }), true);
});

Deno.test("isPmf() accepts softmaxes in f32 over large vocabularies", () => {
  for (const scale of [1, 20]) {
    const logits = hashed(256_000, 7, scale);
    const { probabilities } = surprisal.softmax(matrix([logits]), { backend: "wasm", threads: 1 });
    assertEquals(isPmf(probabilities.data), true);
    const { entropy: [expected] } = surprisal.entropy(matrix([logits]), { backend: "reference" });
    assertAlmostEquals(entropy(probabilities.data), expected, 2e-6 * expected);
  }
});

Deno.test("normalize() makes a distribution of any weights, in proportion to them", () => {
  fc.assert(fc.property(WEIGHTS, fc.integer(), (weights, seed) => {
    const p = normalize(weights);
    assert(isPmf(p, { tolerance: 1e-14 }));
    const heaviest = weights.indexOf(Math.max(...weights));
    weights.forEach((weight, i) => {
      const expected = weight / weights[heaviest] * p[heaviest];
      assertLessOrEqual(Math.abs(p[i] - expected), 4 * 2 ** -52 * expected + 5e-324);
    });
    const order = permutation(weights.length, seed);
    normalize(order.map((i) => weights[i])).forEach((q, i) => assertAlmostEquals(q, p[order[i]], 1e-15));
  }));
});

Deno.test("normalize() takes weights as small and as large as numbers go", () => {
  assertEquals([...normalize([5e-324, 5e-324])], [0.5, 0.5]);
  assertEquals([...normalize([1.5e308, 0, 1.5e308])], [0.5, 0, 0.5]);
  assertEquals([...normalize([7])], [1]);
});

Deno.test("normalizeLog() is normalize() among logarithms", () => {
  const logs = fc.array(fc.oneof(fc.constant(-inf), fc.double({ min: -600, max: 600, noNaN: true })), {
    minLength: 1,
    maxLength: 50,
  }).filter((logs) => logs.some(Number.isFinite));
  fc.assert(fc.property(logs, fc.integer({ min: -1000, max: 1000 }), (logs, shift) => {
    const found = normalizeLog(logs), p = normalize(logs.map(Math.exp));
    const shifted = normalizeLog(logs.map((log) => log + shift));
    logs.forEach((_, i) => {
      assertAlmostEquals(Math.exp(found[i]), p[i], 1e-12);
      assertAlmostEquals(Math.exp(shifted[i]), Math.exp(found[i]), 1e-12);
    });
  }));
  assertEquals([...normalizeLog([-inf, -1e300])], [-inf, 0]);
});

Deno.test("normalizeLog() keeps the digits of a log-probability near 0", () => {
  const [first, second] = normalizeLog([0, -50]);
  assertAlmostEquals(first, -Math.exp(-50), 1e-15 * Math.exp(-50));
  assertEquals(second, -50);
});

Deno.test("expectation() and variance() of a die and of certainties", () => {
  const die = new Float32Array(6).fill(1 / 6);
  assertAlmostEquals(expectation(die, (face) => face + 1), 3.5, 1e-15);
  assertAlmostEquals(variance(die, (face) => face + 1), 35 / 12, 1e-14);
  assertEquals([expectation([0, 1], [NaN, 5]), variance([0, 1], [inf, 5])], [5, 0]);
  assertEquals(variance(die, () => 0.1), 0);
  const asked: number[] = [];
  expectation([0, 0.5, 0, 0.5], (i) => asked.push(i));
  assertEquals(asked, [1, 3]);
});

Deno.test("expectation() of infinities and NaN is as in any sum", () => {
  const half = [0.5, 0.5];
  assertEquals([expectation(half, [inf, 1]), expectation(half, [inf, -inf]), expectation(half, [NaN, 1])], [
    inf,
    NaN,
    NaN,
  ]);
  assertEquals([variance(half, [inf, 1]), variance(half, [NaN, 1])], [NaN, NaN]);
});

Deno.test("expectation() is linear, and variance() is neither negative nor moved by what is added", () => {
  const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
  fc.assert(fc.property(WEIGHTS, fc.array(value, { minLength: 50, maxLength: 50 }), value, (weights, list, shift) => {
    const p = normalize(weights), x = list.slice(0, p.length);
    const mean = expectation(p, x), spread = variance(p, x);
    assertAlmostEquals(expectation(p, x.map((x) => 2 * x + shift)), 2 * mean + shift, 1e-11);
    assert(spread >= 0);
    assertAlmostEquals(variance(p, x.map((x) => x + shift)), spread, 1e-8);
    assertAlmostEquals(spread, expectation(p, x.map((x) => x * x)) - mean * mean, 1e-8);
  }));
});

Deno.test("conditional() divides rows by their sums, or columns by theirs", () => {
  const joint = [[0.125, 0.125, 0.25], [0.375, 0.125, 0]];
  assertEquals(conditional(joint).map((row) => [...row]), [[0.25, 0.25, 0.5], [0.75, 0.25, 0]]);
  assertEquals(conditional(joint, { given: "columns" }).map((row) => [...row]), [[0.25, 0.5, 1], [0.75, 0.5, 0]]);
  assertEquals(conditional([Float32Array.of(1)]).map((row) => [...row]), [[1]]);
});

Deno.test("conditional() is NaN where what is given cannot be", () => {
  const joint = [[0.5, 0, 0.5], [0, 0, 0]];
  assertEquals(conditional(joint).map((row) => [...row]), [[0.5, 0, 0.5], [NaN, NaN, NaN]]);
  assertEquals(conditional(joint, { given: "columns" }).map((row) => [...row]), [[1, NaN, 1], [0, NaN, 0]]);
});

Deno.test("conditional() and the marginals make up the joint distribution, by rows and by columns", () => {
  fc.assert(fc.property(WEIGHTS.filter((weights) => weights.length > 1), (weights) => {
    const flat = normalize(weights.length % 2 === 0 ? weights : weights.slice(1).map((weight) => weight + 1));
    const columns = flat.length / 2, joint = [flat.slice(0, columns), flat.slice(columns)];
    const byRow = conditional(joint), byColumn = conditional(joint, { given: "columns" });
    joint.forEach((row, i) =>
      row.forEach((p, j) => {
        const ofRow = total(row), ofColumn = joint[0][j] + joint[1][j];
        if (ofRow > 1e-300) assertAlmostEquals(byRow[i][j] * ofRow, p, 1e-14);
        if (ofColumn > 1e-300) assertAlmostEquals(byColumn[i][j] * ofColumn, p, 1e-14);
      })
    );
  }));
});

Deno.test("smoothLabels() is the distribution that labelSmoothing means", () => {
  assertEquals([...smoothLabels(2, 5, 0)], [0, 0, 1, 0, 0]);
  assertEquals([...smoothLabels(0, 1, 0.5)], [1]);
  const logits = [0.5, -1, 2, 0.25, -3], alpha = 0.125;
  for (const target of logits.keys()) {
    const p = smoothLabels(target, 5, alpha);
    assert(isPmf(p, { tolerance: 1e-15 }));
    const found = crossEntropy(p, normalizeLog(logits).map(Math.exp));
    const { loss } = surprisal.crossEntropy(matrix([logits]), [target], {
      labelSmoothing: alpha,
      backend: "reference",
    });
    assertAlmostEquals(found, loss, 1e-6);
  }
});

/** What no list of weights may be, for the argument of this name. */
function noWeights(name: string, rest: readonly unknown[] = []): Refusal[] {
  return [
    [[undefined, ...rest], TypeError, `${name} is undefined, not an array`],
    [[0.5, ...rest], TypeError, `${name} is 0.5, not an array`],
    [["ab", ...rest], TypeError, `${name} is "ab", not an array`],
    [[{ length: 0.5 }, ...rest], TypeError, `${name} is a Object, not an array`],
    [[[], ...rest], TypeError, `${name} has 0 elements`],
    [[[0.5, "0.5"], ...rest], TypeError, `${name}[1] is "0.5", not a number`],
    [[[, 1], ...rest], TypeError, `${name}[0] is undefined, not a number`],
    [[[1.5, -0.5], ...rest], RangeError, `${name}[1] is -0.5, less than 0`],
    [[[NaN, 1], ...rest], RangeError, `${name}[0] is NaN, not finite`],
    [[[1, inf], ...rest], RangeError, `${name}[1] is Infinity, not finite`],
  ];
}

Deno.test("what makes distributions names what it refuses", () => {
  assertRefuses("normalize", normalize, [...noWeights("weights"), [[[0, 0]], RangeError, "weights are all 0"]]);
  assertRefuses("normalizeLog", normalizeLog, [
    [[3], TypeError, "logWeights is 3, not an array"],
    [[[]], TypeError, "logWeights has 0 elements"],
    [[[null]], TypeError, "logWeights[0] is null, not a number"],
    [[[0, NaN]], RangeError, "logWeights[1] is NaN, not finite"],
    [[[inf, 0]], RangeError, "logWeights[0] is Infinity, not finite"],
    [[[-inf, -inf]], RangeError, "logWeights are all -Infinity"],
  ]);
  assertRefuses("smoothLabels", smoothLabels, [
    [[], TypeError, "vocab is undefined, not a number"],
    [[0, 0, 0.1], RangeError, "vocab is 0, less than 1"],
    [[0, 2.5, 0.1], RangeError, "vocab is 2.5, not an integer"],
    [[0, 2 ** 31, 0.1], RangeError, "vocab is 2147483648, more than 2147483647"],
    [[4, 4, 0.1], RangeError, "target is 4, not below 4"],
    [[-1, 4, 0.1], RangeError, "target is -1, less than 0"],
    [["0", 4, 0.1], TypeError, 'target is "0", not a number'],
    [[0, 4], TypeError, "alpha is undefined, not a number"],
    [[0, 4, 1], RangeError, "alpha is 1, not below 1"],
    [[0, 4, NaN], RangeError, "alpha is NaN, not finite"],
  ]);
});

Deno.test("isPmf() names what it refuses", () => {
  assertRefuses("isPmf", isPmf, [
    [[], TypeError, "p is undefined, not an array"],
    [[null], TypeError, "p is null, not an array"],
    [[["1"]], TypeError, 'p[0] is "1", not a number'],
    [[[1], { tolerance: -1 }], RangeError, "tolerance is -1, less than 0"],
    [[[1], { tolerance: inf }], RangeError, "tolerance is Infinity, not finite"],
    [[[1], { tolerance: "0" }], TypeError, 'tolerance is "0", not a number'],
    [[[1], { epsilon: 1 }], TypeError, 'there is no option "epsilon"'],
    [[[1], 1e-3], TypeError, "options are 0.001, not an object"],
  ]);
});

Deno.test("expectation(), variance() and conditional() name what they refuse", () => {
  for (const call of [expectation, variance]) {
    assertRefuses(call.name, call, [
      ...noWeights("p", [[1, 2]]),
      [[[0.5, 0.25], [1, 2]], RangeError, "p sums to 0.75, not to 1"],
      [[[0.5, 0.5]], TypeError, "values is undefined, not an array"],
      [[[0.5, 0.5], [1, 2, 3]], TypeError, "values has 3 elements, p 2"],
      [[[0.5, 0.5], [1, "2"]], TypeError, 'values[1] is "2", not a number'],
      [[[0.5, 0.5], (i: number) => i === 0 ? 1 : undefined], TypeError, "values[1] is undefined, not a number"],
    ]);
  }
  assertRefuses("conditional", conditional, [
    [[], TypeError, "joint is undefined, not an array"],
    [[[]], TypeError, "joint has 0 elements"],
    [[[[]]], TypeError, "joint[0] has 0 elements"],
    [[[0.5, 0.5]], TypeError, "joint[0] is 0.5, not an array"],
    [[[[0.5, 0.25], [0.25]]], TypeError, "joint[1] has 1 element, joint[0] 2"],
    [[[[0.5], ["0.5"]]], TypeError, 'joint[1][0] is "0.5", not a number'],
    [[[[1.5], [-0.5]]], RangeError, "joint[1][0] is -0.5, less than 0"],
    [[[[0.5, 0.25]]], RangeError, "joint sums to 0.75, not to 1"],
    [[[[1]], { given: "row" }], RangeError, 'given is "row", not one of "rows", "columns"'],
    [[[[1]], { axis: 0 }], TypeError, 'there is no option "axis"'],
  ]);
});
