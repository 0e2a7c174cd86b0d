import { assertAlmostEquals, assertEquals } from "@std/assert";
import { crossEntropy, type Reduction } from "../mod.ts";
import { type Choice, onEachBackend } from "./backends.ts";
import { expectLoss, lossOf } from "./cross_entropy_cases.ts";
import { type CrossEntropyCase, readGolden, type Rows as GoldenRows } from "./golden.ts";
import { masked, matrix, normalRows, type Rows } from "./matrices.ts";
import type * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { targetOf, testSubject } from "./subject.ts";
import { assertSame, assertWithin, EPSILON } from "./tolerance.ts";

const REDUCTIONS: readonly Reduction[] = ["none", "sum", "mean"];

testSubject({
  title: "crossEntropy()",
  matrices: 1,
  compute: ([logits], ids, options) => lossOf(logits, ids.map((id) => targetOf(id, logits.shape[1])), options),
  expect([rows], ids, transformation) {
    const targets = ids.map((id) => targetOf(id, rows[0].length));
    return expectLoss(rows, { targets, ...transformation });
  },
  masked: { gradient: 0 },
});

const weightsOf = (vocab: number) => Float32Array.from({ length: vocab }, (_, i) => (i % 5) / 4);

testSubject({
  title: "crossEntropy() with smoothing, class weights, z-loss and upstream gradients",
  matrices: 1,
  compute([logits], ids, options) {
    const vocab = logits.shape[1];
    const targets = ids.map((id) => targetOf(id, vocab));
    const gradientScale = ids.map((id) => id % 3 - 1.5);
    const own = { labelSmoothing: 0.25, classWeights: weightsOf(vocab), zLoss: 0.01, gradientScale };
    return lossOf(logits, targets, { ...options, ...own });
  },
  expect([rows], ids, transformation) {
    const vocab = rows[0].length;
    const targets = ids.map((id) => targetOf(id, vocab));
    const gradientScale = ids.map((id) => id % 3 - 1.5);
    const own = { confidence: 0.75, smoothing: 0.25 / vocab, classWeights: weightsOf(vocab), zLoss: 0.01 };
    return expectLoss(rows, { targets, gradientScale, ...own, ...transformation });
  },
  masked: { gradient: 0 },
});

/** A distribution over every third class. */
function softTargets(ids: readonly number[], vocab: number): Float32Array[] {
  return ids.map((id) => {
    const parts = Array.from({ length: vocab }, (_, i) => i % 3 === id % 3 || vocab < 3 ? 1 + (i * 7 + id) % 5 : 0);
    const total = parts.reduce((a, b) => a + b);
    return Float32Array.from(parts, (part) => part / total);
  });
}

testSubject({
  title: "crossEntropy() with soft targets",
  matrices: 1,
  compute: ([logits], ids, options) => lossOf(logits, matrix(softTargets(ids, logits.shape[1])), options),
  expect([rows], ids, transformation) {
    return expectLoss(rows, { targetProbabilities: softTargets(ids, rows[0].length), ...transformation });
  },
  masked: { gradient: 0 },
});

/** The oracle's options of a golden case, for the tolerance of its gradient. */
function oracleOptions({ vocab, targets, soft, options }: CrossEntropyCase): oracle.CrossEntropyOptions {
  const { labelSmoothing = 0, ignoreIndex = -100, classWeights } = options;
  const indices = soft ? [] : (targets as number[]).map((target) => target === ignoreIndex ? -1 : target);
  const given = soft ? { targetProbabilities: targets as GoldenRows } : { targets: indices };
  return { ...given, classWeights, confidence: 1 - labelSmoothing, smoothing: labelSmoothing / vocab };
}

async function testGolden(golden: CrossEntropyCase, reduction: Reduction, on: Choice, what: string): Promise<void> {
  const { rows, logits, targets, soft, options } = golden;
  const given = soft ? matrix(targets as GoldenRows) : targets as number[];
  const found = await lossOf(matrix(logits), given, { ...on, ...options, reduction });
  const { loss, gradient } = golden.expected[reduction];
  assertWithin(found.loss, { rule: "reduction", values: [loss].flat(), slack: [4 * rows] }, `${what}: loss`);
  const { terms } = expectLoss(logits, oracleOptions(golden)).gradient;
  assertWithin(found.gradient, { rule: "element", values: gradient.flat(), terms }, `${what}: gradient`);
}

onEachBackend("crossEntropy() agrees with PyTorch", async (on) => {
  for (const [i, golden] of readGolden("cross_entropy").entries()) {
    for (const reduction of REDUCTIONS) await testGolden(golden, reduction, on, `case ${i}, ${reduction}`);
  }
});

onEachBackend("crossEntropy() takes targets as any array", async (on) => {
  const logits = matrix([[1, 2, 3], [3, 2, 1], [0, 0, 1]]);
  const expected = await lossOf(logits, [0, 1, 2], on);
  for (const targets of [Int32Array.of(0, 1, 2), Uint32Array.of(0, 1, 2), Uint8Array.of(0, 1, 2)]) {
    const found = await lossOf(logits, targets, on);
    assertSame(found.loss, expected.loss, "loss");
    assertSame(found.gradient, expected.gradient, "gradient");
  }
});

onEachBackend("crossEntropy() returns Infinity when the target's logit is -Infinity", async (on) => {
  const { loss, gradient } = await lossOf(matrix([[-Infinity, 2, 2]]), [0], on);
  assertSame(loss, [Infinity], "loss");
  assertWithin(gradient, { rule: "element", values: [0, 0.5, 0.5] }, "gradient");
});

onEachBackend("crossEntropy() has no floor and no ceiling", async (on) => {
  const { loss } = await lossOf(matrix([[0, 300], [0, -30], [0, -60]]), [0, 0, 0], on);
  assertWithin(loss, { rule: "reduction", values: [300, Math.exp(-30), Math.exp(-60)] }, "loss");
});

onEachBackend("crossEntropy() counts soft targets of 0 at logits of -Infinity as 0", async (on) => {
  const rows = [[-Infinity, 1, 2], [-Infinity, 1, 2]];
  const { loss, gradient } = await lossOf(matrix(rows), matrix([[0, 1, 0], [0.5, 0.5, 0]]), on);
  const p = 1 / (1 + Math.E);
  assertWithin(loss, { rule: "reduction", values: [Math.log(1 + Math.E), Infinity] }, "loss");
  const values = [0, p - 1, 1 - p, 0, p - 0.5, 1 - p];
  assertWithin(gradient, { rule: "element", values, terms: values.map(() => 1) }, "gradient");
});

onEachBackend("crossEntropy() with one-hot soft targets is that with their classes", async (on) => {
  const targets = [7, 8, 48];
  const rows = masked(normalRows(new Random(3), 3, 50, 3), 9, 4);
  const oneHot = targets.map((y) => Float32Array.from({ length: 50 }, (_, i) => i === y ? 1 : 0));
  for (const labelSmoothing of [0, 0.1]) {
    const options = { targets, confidence: 1 - labelSmoothing, smoothing: labelSmoothing / 50 };
    const { loss, gradient } = expectLoss(rows, options);
    for (const given of [targets, matrix(oneHot)]) {
      const found = await lossOf(matrix(rows), given, { ...on, labelSmoothing });
      const what = `${given === targets ? "classes" : "one-hot"}, smoothing ${labelSmoothing}`;
      assertWithin(found.loss, loss, `${what}: loss`);
      assertWithin(found.gradient, gradient, `${what}: gradient`);
    }
  }
});

onEachBackend("crossEntropy() reads soft targets of any dtype, and one row for all", async (on) => {
  const rows = normalRows(new Random(4), 3, 40, 3);
  const target = Float32Array.from({ length: 40 }, (_, i) => i % 8 / 128); // exact in every dtype
  const expected = await lossOf(matrix(rows), matrix([target, target, target]), on);
  for (const dtype of ["f32", "f16", "bf16"] as const) {
    const shared = { ...matrix([target], dtype), shape: [3, 40] as const, rowStride: 0 };
    for (const targets of [matrix([target, target, target], dtype, 47), shared]) {
      const found = await lossOf(matrix(rows), targets, on);
      assertSame(found.loss, expected.loss, `${dtype}: loss`);
      assertSame(found.gradient, expected.gradient, `${dtype}: gradient`);
    }
  }
});

onEachBackend("crossEntropy() gives masked classes no smoothing", async (on) => {
  const { loss, gradient } = await lossOf(matrix([[-Infinity, 2, 2]]), [1], { ...on, labelSmoothing: 0.1 });
  assertWithin(loss, { rule: "reduction", values: [(0.9 + 0.2 / 3) * Math.LN2] }, "loss");
  assertWithin([gradient[0] + gradient[1] + gradient[2]], { rule: "reduction", values: [0] }, "sum of the gradient");
});

onEachBackend("crossEntropy() adds zLoss times the square of the log-sum-exp", async (on) => {
  const { loss, gradient } = await lossOf(matrix([[0, 0]]), [0], { ...on, zLoss: 0.5 });
  assertWithin(loss, { rule: "reduction", values: [Math.LN2 + 0.5 * Math.LN2 ** 2] }, "loss");
  const values = [-0.5 + Math.LN2 / 2, 0.5 + Math.LN2 / 2];
  assertWithin(gradient, { rule: "element", values, terms: [1, 1] }, "gradient");
});

onEachBackend("crossEntropy() counts a target whose class weight is 0 as nothing", async (on) => {
  const { loss, gradient } = await lossOf(matrix([[-Infinity, 2, 2]]), [0], { ...on, classWeights: [0, 1, 1] });
  assertSame(Array.from(loss), [0], "loss");
  assertWithin(gradient, { rule: "exact", values: [0, 0, 0] }, "gradient");
});

onEachBackend("crossEntropy() returns the share of targets that are most likely", async (on) => {
  const logits = matrix([[1, 2, 3], [3, 2, 1], [5, 5, 1], [0, 1, 0], [NaN, 1, 0]] satisfies Rows);
  assertEquals((await crossEntropy(logits, [2, 1, 1, 1, 2], on)).accuracy, 3 / 5);
  assertEquals((await crossEntropy(logits, [2, -100, 1, -100, -100], on)).accuracy, 1);
  assertEquals((await crossEntropy(logits, logits, on)).accuracy, undefined);
});

onEachBackend("crossEntropy() gives 0 for both losses and gradients if there are no rows", async (on) => {
  const empty = { data: new Float32Array(0), shape: [0, 3] as const };
  assertEquals((await crossEntropy(empty, [], { ...on, reduction: "sum" })).loss, 0);
  assertEquals((await crossEntropy(empty, [], on)).loss, NaN);
  const { loss, gradient } = await lossOf(empty, [], on);
  assertEquals([loss.length, gradient.length], [0, 0]);
});

onEachBackend("crossEntropy() of one class is 0", async (on) => {
  const { loss, gradient } = await lossOf(matrix([[5], [-1e30]]), [0, 0], on);
  assertAlmostEquals(loss[0] + loss[1] + gradient[0] + gradient[1], 0, EPSILON);
});
