import { assertEquals } from "@std/assert";
import { type Matrix, tokenStatistics } from "../mod.ts";
import { forRows } from "./arbitraries.ts";
import { type Choice, onEachBackend } from "./backends.ts";
import { readGolden } from "./golden.ts";
import { DTYPES, masked, matrix, normalRows, rounded, type Rows } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { type Outputs, targetOf, testSubject } from "./subject.ts";
import { assertSame, assertWithin, type Expected, slackOf } from "./tolerance.ts";

async function statisticsOf(
  logits: Matrix,
  targets: readonly number[],
  top: number,
  options: Choice & oracle.Transformation,
): Promise<Outputs> {
  const { report: _, ...statistics } = await tokenStatistics(logits, targets, { ...options, top });
  return statistics;
}

/** By the oracle. Under a transformation logits may become equal in f32, or change places: order is not compared then. */
function expectStatistics(
  rows: Rows,
  targets: readonly number[],
  top: number,
  transformation: oracle.Transformation = {},
): Record<string, Expected> {
  const slack = slackOf(rows, transformation);
  const exact = oracle.tokenStatistics(rows, targets, top, transformation);
  const real = ["targetLogProbability", "logSumExp", "entropy", "topLogProbabilities"] as const;
  const whole = slack === undefined ? ["rank", "argmax", "topTokens"] as const : [];
  return Object.fromEntries([
    ...real.map((name) => [name, { rule: "reduction", values: exact[name], slack }]),
    ...whole.map((name) => [name, { rule: "exact", values: exact[name] }]),
  ]);
}

async function assertStatistics(rows: Rows, targets: readonly number[], top: number, on: Choice): Promise<void> {
  const found = await statisticsOf(matrix(rows), targets, top, on);
  for (const [name, expected] of Object.entries(expectStatistics(rows, targets, top))) {
    assertWithin(found[name], expected, `top ${top}: ${name}`);
  }
}

testSubject({
  title: "tokenStatistics()",
  matrices: 1,
  compute([logits], ids, options) {
    const vocab = logits.shape[1];
    return statisticsOf(logits, ids.map((id) => targetOf(id, vocab)), Math.min(vocab, 20), options);
  },
  expect([rows], ids, transformation) {
    const vocab = rows[0].length;
    return expectStatistics(rows, ids.map((id) => targetOf(id, vocab)), Math.min(vocab, 20), transformation);
  },
});

onEachBackend("tokenStatistics() agrees with PyTorch", async (on) => {
  for (const [i, golden] of readGolden("softmax").entries()) {
    const { logits, vocab, logSoftmax, logSumExp, entropy } = golden;
    const targets = logits.map((_, row) => targetOf(row, vocab));
    const found = await statisticsOf(matrix(logits), targets, vocab, on);
    const order = logits.map((x) => x.map((_, j) => j).sort((a, b) => x[b] - x[a] || a - b));
    const real = {
      targetLogProbability: logSoftmax.map((x, row) => x[targets[row]]),
      logSumExp,
      entropy,
      topLogProbabilities: logSoftmax.flatMap((x, row) => order[row].map((j) => x[j])),
    };
    for (const [name, values] of Object.entries(real)) {
      assertWithin(found[name], { rule: "reduction", values }, `case ${i}: ${name}`);
    }
    assertSame(found.topTokens, order.flat(), `case ${i}: topTokens`);
  }
});

onEachBackend("tokenStatistics() lists the most likely tokens as a sort does, ties by index", async (on) => {
  // Whole numbers: most logits have equals.
  await forRows(async (row, whole) => {
    const x = row.map(Math.round);
    const target = Math.abs(whole) % x.length;
    const order = x.map((_, i) => i).sort((a, b) => x[b] - x[a] || a - b);
    const top = 1 + Math.abs(whole) % Math.min(x.length, 50);
    const found = await statisticsOf(matrix([x]), [target], top, on);
    // −∞ − −∞ is NaN, which sort takes for 0, as it must.
    assertSame(found.topTokens, order.slice(0, top), `top ${top}`);
    assertEquals(found.argmax[0], order[0]);
    assertEquals(found.rank[0], 1 + x.filter((value) => value > x[target]).length);
  });
});

onEachBackend("tokenStatistics() lists a few, half, or all of the tokens, in any order of theirs", async (on) => {
  const vocab = 2500;
  const rising = Float32Array.from({ length: vocab }, (_, i) => i / 100);
  const rows = [
    rising,
    rising.toReversed(),
    new Float32Array(vocab),
    ...masked(normalRows(new Random(8), 1, vocab, 3), 2),
  ];
  for (const top of [1, 2, 17, 1025, vocab - 1, vocab]) await assertStatistics(rows, [0, 1024, 7, 2499], top, on);
});

onEachBackend("tokenStatistics() orders NaN as -Infinity and gives its row no probabilities", async (on) => {
  const inf = Infinity;
  const rows = [
    [NaN, 1, 3, 3, -inf],
    [NaN, NaN, NaN, NaN, NaN],
    [-inf, -inf, -inf, -inf, -inf],
    [-inf, 1, -inf, NaN, inf],
  ];
  const found = await statisticsOf(matrix(rows), [1, 0, 0, 1], 4, on);
  assertSame(found.argmax, [2, 0, 0, 4], "argmax");
  assertSame(found.rank, [3, 1, 1, 2], "rank");
  assertSame(found.topTokens, [2, 3, 1, 0, 0, 1, 2, 3, 0, 1, 2, 3, 4, 1, 0, 2], "topTokens");
  assertSame(Array.from(found.topLogProbabilities).slice(0, 12), new Array(12).fill(NaN), "topLogProbabilities");
  assertSame(found.targetLogProbability, [NaN, NaN, NaN, NaN], "targetLogProbability");
});

onEachBackend("tokenStatistics() finds NaN, -Infinity and ties in other blocks", async (on) => {
  const row = new Float32Array(3000).fill(-Infinity);
  row.fill(NaN, 1000, 1100);
  for (const i of [1500, 2048, 2999]) row[i] = 4;
  const found = await statisticsOf(matrix([row]), [2048], 5, on);
  assertSame(found.topTokens, [1500, 2048, 2999, 0, 1], "topTokens");
  assertSame([...found.argmax as Int32Array, ...found.rank as Int32Array], [1500, 1], "argmax and rank");
});

onEachBackend("tokenStatistics() keeps the order of half-precision logits", async (on) => {
  for (const dtype of DTYPES) {
    const rows = rounded(normalRows(new Random(9), 2, 1500, 3), dtype);
    const found = await statisticsOf(matrix(rows, dtype), [3, 1400], 100, on);
    for (const [name, expected] of Object.entries(expectStatistics(rows, [3, 1400], 100))) {
      assertWithin(found[name], expected, `${dtype}: ${name}`);
    }
  }
});

onEachBackend("tokenStatistics() returns only what is asked for", async (on) => {
  const logits = matrix([[1, 2], [3, 1]]);
  const { targetLogProbability, rank, topTokens, topLogProbabilities, argmax } = await tokenStatistics(
    logits,
    undefined,
    on,
  );
  assertEquals([targetLogProbability, rank, topTokens, topLogProbabilities], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assertSame(argmax, [1, 0], "argmax");
  assertEquals((await tokenStatistics(logits, [0, 0], on)).topTokens, undefined);
  assertEquals((await tokenStatistics(logits, undefined, { ...on, top: 1 })).topTokens, Int32Array.of(1, 0));
});
