// All log-probabilities of an adaptive softmax, and its predictions.

import { assert, assertEquals } from "@std/assert";
import { adaptiveLogProbabilities, adaptiveLogSoftmax, adaptivePredictions, type Matrix } from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import { argmax, asWeights, cutoffsOf, expectLogProbabilities, logProbabilities } from "./adaptive_cases.ts";
import { randomSoftmax, repeated, slackOf, type Softmax, targetsOf } from "./adaptive_cases.ts";
import { type Choice, onEachBackend, onEachKernel, onEachSyncBackend } from "./backends.ts";
import { readGolden } from "./golden.ts";
import { DTYPES, matrix, rowsOf, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const SEED = 20261125;

/** Clusters of a few sizes, one class among them, and none. */
const LAYOUTS = [[], [[2, 9]], [[5, 30], [3, 1], [2, 80], [1, 7]]] as const;

/** Log-probabilities and predictions of a softmax, each as rows. */
async function allOf(softmax: Softmax, on: Choice, weights = asWeights(softmax), hidden = matrix(softmax.hidden)) {
  const { logProbabilities, report } = await adaptiveLogProbabilities(hidden, weights, on);
  const { predictions, report: other } = await adaptivePredictions(hidden, weights, on);
  assertEquals([report.backend, other.backend], [on.backend, on.backend]);
  return { all: rowsOf(logProbabilities).map((row) => [...row]), predictions: [...predictions] };
}

onEachBackend("adaptiveLogProbabilities() and adaptivePredictions() agree with PyTorch", async (on) => {
  for (const [i, golden] of readGolden("adaptive_softmax").entries()) {
    const { head, tail, hiddenStates, cutoffs, divValue, logProb, predict } = golden;
    const softmax = { hidden: hiddenStates, head, tails: tail.map(([projection, weight]) => ({ projection, weight })) };
    const args = [matrix(hiddenStates), asWeights(softmax), { ...on, cutoffs, divValue }] as const;
    const { logProbabilities } = await adaptiveLogProbabilities(...args), slack = slackOf(softmax);
    assertWithin(valuesOf(logProbabilities), { rule: "reduction", values: logProb.flat(), slack }, `case ${i}`);
    assertEquals((await adaptivePredictions(...args)).predictions, Int32Array.from(predict), `case ${i}`);
  }
});

onEachBackend("adaptiveLogProbabilities() is its definition, sums to 1, and has what the loss has", async (on) => {
  const random = new Random(SEED);
  for (const tails of LAYOUTS) {
    for (const [rows, hidden, head] of [[1, 1, 1], [19, 23, 6]]) {
      const softmax = randomSoftmax(random, { rows, hidden, head, tails }, "f32", rows > 1);
      const what = `seed ${SEED}, ${tails.length} clusters, ${rows} rows`, { all } = await allOf(softmax, on);
      const expected = expectLogProbabilities(softmax), targets = targetsOf(random, softmax);
      assertWithin(all.flat(), expected, what);
      const sums = all.map((row) => row.reduce((sum, x) => sum + Math.exp(x), 0));
      assertWithin(sums, { rule: "reduction", values: sums.map(() => 1), slack: slackOf(softmax) }, `${what}: sums`);
      const values = targets.map((target, row) => all[row][target]), { hidden: states } = softmax;
      const { targetLogProbability } = await adaptiveLogSoftmax(matrix(states), asWeights(softmax), targets, on);
      assertWithin(targetLogProbability, { rule: "reduction", values, slack: slackOf(softmax) }, `${what}: targets`);
    }
  }
});

onEachBackend("adaptivePredictions() are the argmax of the definition's log-probabilities", async (on) => {
  const random = new Random(SEED);
  for (const tails of LAYOUTS) {
    const { hidden, ...weights } = randomSoftmax(random, { rows: 150, hidden: 9, head: 4, tails });
    const softmax = { ...weights, hidden: hidden.map((row) => Float32Array.from(row, (x) => 4 * x)) };
    const cutoffs = cutoffsOf(softmax);
    const { predictions } = await allOf(softmax, on), expected = logProbabilities(softmax).map(argmax);
    assertEquals(predictions, expected, `seed ${SEED}, ${tails.length} clusters`);
    const parts = new Set(expected.map((best) => cutoffs.findLastIndex((cutoff) => best >= cutoff)));
    assertEquals(parts.size, tails.length + 1, "every cluster and the head have a best class");
  }
});

onEachBackend("adaptivePredictions() weighs classes, not clusters, and takes the lowest of equals", async (on) => {
  const tail = (...weight: number[]) => ({ projection: [[1]], weight: weight.map((x) => [x]) });
  const softmax = (head: number[], ...tails: Softmax["tails"]) => ({
    hidden: [[1]],
    head: head.map((x) => [x]),
    tails,
  });
  const cases: [softmax: Softmax, best: number][] = [
    [softmax([0, -1, 2], tail(...new Array(16).fill(0))), 0], // e² / 16 of each class, less than e⁰
    [softmax([0, -1, 3], tail(...new Array(16).fill(0))), 2], // e³ / 16 of each class, more than e⁰
    [softmax([1, 1, 1, 1], tail(5), tail(7)), 0],
    [softmax([0, 2, 2], tail(5), tail(7)), 1],
    [softmax([0, 1, 2], tail(0, 0, 0, 0), tail(0, 0)), 5], // e¹ / 4 < e⁰ < e² / 2
    [softmax([-3, 2, 2], tail(1, 1, 0), tail(0, 1, 1)), 1],
  ];
  for (const [i, [softmax, best]] of cases.entries()) {
    assertEquals((await allOf(softmax, on)).predictions, [best], `case ${i}`);
  }
});

onEachBackend("adaptiveLogProbabilities() are -Infinity where a bias is, NaN where nothing is left", async (on) => {
  const random = new Random(SEED), sizes = { rows: 3, hidden: 4, head: 2, tails: [[2, 3], [1, 2]] } as const;
  const softmax = { ...randomSoftmax(random, sizes), headBias: [0, -Infinity, -Infinity, 0] };
  const { all, predictions } = await allOf(softmax, on);
  assertWithin(all.flat(), expectLogProbabilities(softmax), "masked");
  assert(all.every((row) => row.slice(1, 5).every((x) => x === -Infinity)));
  assert(predictions.every((best) => best === 0 || best > 4), `${predictions}`);
  const nothing = await allOf({ ...softmax, headBias: new Array(4).fill(-Infinity) }, on);
  assertEquals([nothing.all.flat().every(Number.isNaN), nothing.predictions], [true, [0, 0, 0]]);
});

onEachBackend("adaptiveLogProbabilities() widens f16 and bf16, and takes rows that lie apart", async (on) => {
  for (const dtype of DTYPES) {
    const sizes = { rows: 7, hidden: 13, head: 5, tails: [[4, 20], [2, 30]] } as const;
    const softmax = randomSoftmax(new Random(SEED), sizes, dtype), apart = asWeights(softmax, dtype, 3);
    const { all, predictions } = await allOf(softmax, on, apart, matrix(softmax.hidden, dtype, 15));
    assertWithin(all.flat(), expectLogProbabilities(softmax), dtype);
    assertEquals(predictions, logProbabilities(softmax).map(argmax), dtype);
  }
});

onEachKernel("what an adaptive softmax says of a row does not depend on how many there are", async (on) => {
  const sizes = { rows: 17, hidden: 4096, head: 1, tails: [[1, 2]] } as const;
  const softmax = repeated(randomSoftmax(new Random(SEED), sizes), 1030);
  const { all, predictions } = await allOf(softmax, on);
  for (const [first, end] of [[0, 5], [1020, 1030]]) {
    const some = await allOf({ ...softmax, hidden: softmax.hidden.slice(first, end) }, on);
    assertSame(some.all.flat(), all.slice(first, end).flat(), `rows from ${first}`);
    assertEquals(some.predictions, predictions.slice(first, end));
  }
});

onEachBackend("adaptiveLogProbabilities() and adaptivePredictions() of no rows are empty", async (on) => {
  const weights = asWeights(randomSoftmax(new Random(SEED), { rows: 1, hidden: 3, head: 2, tails: [[1, 3]] }));
  const hidden: Matrix = { data: new Float32Array(0), shape: [0, 3] };
  const { logProbabilities, report } = await adaptiveLogProbabilities(hidden, weights, on);
  assertEquals([logProbabilities.shape, logProbabilities.data.length], [[0, 5], 0]);
  const { predictions, report: other } = await adaptivePredictions(hidden, weights, on);
  assertEquals([predictions.length, report.backend, other.backend], [0, on.backend, on.backend]);
});

onEachSyncBackend("what an adaptive softmax says is the same without a promise", async (on) => {
  const softmax = randomSoftmax(new Random(SEED), { rows: 50, hidden: 20, head: 7, tails: [[5, 40], [2, 30]] });
  const args = [matrix(softmax.hidden), asWeights(softmax), on] as const;
  assertEquals(
    synchronous.adaptiveLogProbabilities(...args).logProbabilities,
    (await adaptiveLogProbabilities(...args)).logProbabilities,
  );
  assertEquals(
    synchronous.adaptivePredictions(...args).predictions,
    (await adaptivePredictions(...args)).predictions,
  );
});
