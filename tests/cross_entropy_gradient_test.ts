import { assertStrictEquals } from "@std/assert";
import { allocate, crossEntropy, type CrossEntropyOptions, type Matrix } from "../mod.ts";
import { forRows } from "./arbitraries.ts";
import { onEachBackend, onEachKernel } from "./backends.ts";
import { expectLoss, lossOf } from "./cross_entropy_cases.ts";
import { centralDifferences } from "./differences.ts";
import { blank, DTYPES, fill, masked, matrix, normalRows, rounded, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { everySize } from "./sizes.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const VOCAB = 1500;
const TARGETS = [7, 1024, 1499];
const ROWS = masked(normalRows(new Random(6), 3, VOCAB, 4), 10, 5);

onEachKernel("crossEntropy() has the oracle's gradient at every size up to a block", async (on) => {
  const random = new Random(1);
  for (const vocab of everySize()) {
    const rows = normalRows(random, 2, vocab, 5);
    const targets = [vocab - 1, vocab >> 1];
    const { loss, gradient } = await lossOf(matrix(rows), targets, on);
    const expected = expectLoss(rows, { targets });
    assertWithin(loss, expected.loss, `vocab ${vocab}: loss`);
    assertWithin(gradient, expected.gradient, `vocab ${vocab}: gradient`);
  }
});

/** The oracle's loss is differenced: in f64, which the public functions do not return. */
onEachBackend("crossEntropy() has the gradient of its loss", async (on) => {
  const random = new Random(7);
  const rows = masked(normalRows(random, 2, 9, 2), 9, 4);
  const classWeights = Float32Array.from(random.normals(9), Math.abs), targets = [3, 8];
  for (const transformation of [{}, { temperature: 0.6 }, { softcap: 3, temperature: 1.7 }]) {
    const common = { classWeights, zLoss: 0.01, ...transformation };
    const { gradient } = await lossOf(matrix(rows), targets, { ...on, ...common, labelSmoothing: 0.2 });
    const options = { ...common, targets, confidence: 0.8, smoothing: 0.2 / 9 };
    const values = centralDifferences(rows, (rows) => oracle.crossEntropy(rows, options).loss);
    const what = JSON.stringify(transformation);
    assertWithin(gradient, { rule: "element", values, terms: values.map(() => 2) }, what);
  }
});

onEachBackend("crossEntropy() has gradient rows that sum to 0", async (on) => {
  await forRows(async (row, whole) => {
    const target = Math.abs(whole) % row.length;
    if (row[target] === -Infinity) return;
    const { gradient } = await lossOf(matrix([row]), [target], on);
    const sum = Array.prototype.reduce.call(gradient, (a, b) => (a as number) + b, 0) as number;
    assertWithin([sum], { rule: "reduction", values: [0] }, `target ${target}`);
  });
});

onEachBackend("crossEntropy() multiplies each row's gradient by its own upstream gradient", async (on) => {
  const gradientScale = [2, -0.5, 1e-3];
  for (const [reduction, scale] of [["none", 1], ["sum", 1], ["mean", 1 / 3]] as const) {
    for (const labelSmoothing of [0, 0.1]) {
      const options: CrossEntropyOptions = { ...on, reduction, gradientScale, labelSmoothing };
      const { gradient } = await lossOf(matrix(ROWS), TARGETS, options);
      const smoothing = { confidence: 1 - labelSmoothing, smoothing: labelSmoothing / VOCAB };
      const expected = expectLoss(ROWS, { targets: TARGETS, gradientScale, scale, ...smoothing });
      assertWithin(gradient, expected.gradient, `${reduction}, smoothing ${labelSmoothing}`);
    }
  }
});

onEachBackend("crossEntropy() leaves the loss alone when the upstream gradients change", async (on) => {
  const { loss } = await lossOf(matrix(ROWS), TARGETS, on);
  const scaled = await lossOf(matrix(ROWS), TARGETS, { ...on, gradientScale: [5, 0, -1] });
  assertSame(scaled.loss, loss, "loss");
  assertWithin(Array.from(scaled.gradient).slice(VOCAB, 2 * VOCAB), {
    rule: "exact",
    values: new Float32Array(VOCAB),
  }, "gradient of a row whose upstream gradient is 0");
});

onEachBackend("crossEntropy() keeps the target's gradient as p approaches 1, in every dtype", async (on) => {
  for (const dtype of DTYPES) {
    for (const gap of [4, 6, 8, 10]) {
      // p − 1 is −2⁻⁵ … −2⁻¹⁴: rounding p itself to bf16 or f16 would leave nothing of it.
      const rows = rounded([[0, -gap, -gap]], dtype);
      const gradient = blank([1, 3], dtype);
      await crossEntropy(matrix(rows, dtype), [0], { ...on, gradient });
      const expected = expectLoss(rows, { targets: [0] }).gradient;
      assertWithin(valuesOf(gradient), { ...expected, dtype }, `${dtype}, gap ${gap}`);
    }
  }
});

const DESTINATIONS: readonly CrossEntropyOptions[] = [
  {},
  { labelSmoothing: 0.1, classWeights: Float32Array.from({ length: VOCAB }, (_, i) => 0.5 + i % 2) },
  { softcap: 20, temperature: 0.8 },
];

/** The gradient where it is asked for is the one in f32, rounded. */
for (const from of DTYPES) {
  onEachBackend(`crossEntropy() of ${from} logits writes its gradient to a matrix of any dtype`, async (on) => {
    const logits = matrix(ROWS, from, VOCAB + 3);
    for (const options of DESTINATIONS) {
      const { gradient: exact } = await lossOf(logits, TARGETS, { ...on, ...options });
      for (const dtype of DTYPES) {
        const gradient = blank([3, VOCAB], dtype, VOCAB + 7);
        const result = await crossEntropy(logits, TARGETS, { ...on, ...options, reduction: "sum", gradient });
        assertStrictEquals(result.gradient, gradient);
        assertWithin(
          valuesOf(gradient),
          { rule: "element", values: exact, dtype },
          `${dtype}: ${Object.keys(options)}`,
        );
        const gap = (data: Matrix["data"]) => data.subarray(VOCAB, VOCAB + 7);
        assertSame(gap(gradient.data), gap(blank([1, VOCAB + 7], dtype).data), `${dtype}: between the rows`);
      }
    }
  });

  onEachBackend(`crossEntropy() of ${from} logits writes its gradient in their place`, async (on) => {
    for (const options of DESTINATIONS) {
      const settings: CrossEntropyOptions = { ...on, ...options, reduction: "sum" };
      const elsewhere = blank([3, VOCAB], from);
      const { loss } = await crossEntropy(matrix(ROWS, from), TARGETS, { ...settings, gradient: elsewhere });
      using resident = allocate([3, VOCAB], from);
      fill(resident, ROWS);
      for (const logits of [matrix(ROWS, from, VOCAB + 5), resident]) {
        const result = await crossEntropy(logits, TARGETS, { ...settings, gradient: "inPlace" });
        assertStrictEquals(result.gradient, logits);
        assertSame([result.loss as number], [loss as number], "loss");
        assertSame(valuesOf(logits), valuesOf(elsewhere), `${Object.keys(options)}: gradient`);
      }
    }
  });
}
