import { assertEquals } from "@std/assert";
import { crossEntropy, type CrossEntropyOptions } from "../mod.ts";
import { type Choice, onEachBackend } from "./backends.ts";
import { expectLoss, lossOf } from "./cross_entropy_cases.ts";
import { blank, DTYPES, matrix, normalRows, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const VOCAB = 1100;
const ROWS = normalRows(new Random(5), 4, VOCAB, 3);

/** The second and the last row are ignored, and NaN: they must not be read. */
const LOGITS = ROWS.map((row, i) => i % 2 === 0 ? row : new Float32Array(VOCAB).fill(NaN));

const OPTIONS: readonly CrossEntropyOptions[] = [
  {},
  { labelSmoothing: 0.1 },
  { zLoss: 0.1 },
  { classWeights: Float32Array.from({ length: VOCAB }, (_, i) => 1 + i % 3) },
];

function oracleOptions({ labelSmoothing = 0, zLoss, classWeights }: CrossEntropyOptions, targets: number[]) {
  return { targets, confidence: 1 - labelSmoothing, smoothing: labelSmoothing / VOCAB, zLoss, classWeights };
}

async function testIgnored(options: CrossEntropyOptions, ignoreIndex: number, on: Choice): Promise<void> {
  const what = `ignoreIndex ${ignoreIndex}, ${Object.keys(options)}`;
  const found = await lossOf(matrix(LOGITS), [7, ignoreIndex, 1099, ignoreIndex], { ...on, ...options, ignoreIndex });
  const { loss, logSumExp, gradient } = expectLoss(ROWS, oracleOptions(options, [7, -1, 1099, -1]));
  assertWithin(found.loss, loss, `${what}: loss`);
  assertWithin(found.logSumExp, logSumExp, `${what}: logSumExp`);
  assertWithin(found.gradient, gradient, `${what}: gradient`);
  const ignored = Array.prototype.filter.call(found.gradient, (_, i) => Math.floor(i / VOCAB) % 2 === 1);
  assertSame(ignored, new Array(2 * VOCAB).fill(0), `${what}: gradient of ignored rows`);
}

onEachBackend("crossEntropy() neither reads nor counts ignored rows", async (on) => {
  for (const options of OPTIONS) {
    for (const ignoreIndex of [-100, -1, 5, 12345]) await testIgnored(options, ignoreIndex, on);
  }
});

onEachBackend("crossEntropy() divides the mean by what is not ignored", async (on) => {
  const targets = [7, -100, 1099, -100];
  for (const options of OPTIONS) {
    const expected = expectLoss(ROWS, oracleOptions(options, [7, -1, 1099, -1]));
    const total = expected.loss.values[0] + expected.loss.values[2];
    const count = options.classWeights ? options.classWeights[7] + options.classWeights[1099] : 2;
    const sum = await lossOf(matrix(LOGITS), targets, { ...on, ...options, reduction: "sum" });
    assertWithin(sum.loss, { rule: "reduction", values: [total], slack: [8] }, `${Object.keys(options)}: sum`);
    const mean = await lossOf(matrix(LOGITS), targets, { ...on, ...options, reduction: "mean" });
    assertWithin(mean.loss, { rule: "reduction", values: [total / count] }, `${Object.keys(options)}: mean`);
    const scaled = expectLoss(ROWS, { ...oracleOptions(options, [7, -1, 1099, -1]), scale: 1 / count });
    assertWithin(mean.gradient, scaled.gradient, `${Object.keys(options)}: gradient of the mean`);
  }
});

onEachBackend("crossEntropy() returns NaN for the mean when all rows are ignored", async (on) => {
  const logits = matrix(ROWS), targets = [-100, -100, -100, -100];
  const { loss, accuracy, gradient } = await crossEntropy(logits, targets, { ...on, gradient: true });
  assertEquals([loss, accuracy], [NaN, NaN]);
  assertSame(valuesOf(gradient), new Float64Array(4 * VOCAB), "gradient");
  assertEquals((await crossEntropy(logits, targets, { ...on, reduction: "sum" })).loss, 0);
  assertSame((await lossOf(logits, targets, on)).loss, new Float32Array(4), "loss");
});

onEachBackend("crossEntropy() clears the gradient of ignored rows, and only their columns", async (on) => {
  for (const dtype of DTYPES) {
    const gradient = blank([4, VOCAB], dtype, VOCAB + 3);
    await crossEntropy(matrix(LOGITS), [7, -100, 1099, -100], { ...on, gradient });
    const { data } = gradient, start = VOCAB + 3;
    assertSame(data.subarray(start, start + VOCAB), new Float32Array(VOCAB), `${dtype}: ignored row`);
    const gap = blank([1, 3], dtype).data;
    assertSame(data.subarray(VOCAB, start), gap, `${dtype}: before it`);
    assertSame(data.subarray(start + VOCAB, 2 * start), gap, `${dtype}: after it`);
  }
});
