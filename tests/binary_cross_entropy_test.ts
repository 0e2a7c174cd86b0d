// The binary cross-entropy of logits and of probabilities, and its gradients.

import fc from "fast-check";
import { assertAlmostEquals, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { binaryCrossEntropy, type BinaryCrossEntropyOptions } from "../mod.ts";
import { crossEntropy } from "../src/sync.ts";
import { centralDifferences } from "./differences.ts";
import { readGolden } from "./golden.ts";
import { matrix } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertRefuses } from "./refusals.ts";

const inf = Infinity;

/** Loss and gradient of each prediction. */
function each(predictions: number[], targets: number[], options: BinaryCrossEntropyOptions = {}) {
  const found = binaryCrossEntropy(predictions, targets, { ...options, reduction: "none", gradient: true });
  return { loss: [...found.loss], gradient: [...found.gradient ?? []] };
}

Deno.test("binaryCrossEntropy() agrees with PyTorch", () => {
  for (const { logits, targets, loss, gradient } of readGolden("binary_cross_entropy")) {
    const found = each(logits, targets);
    for (let i = 0; i < loss.length; i++) {
      // PyTorch adds 1 before a logarithm and takes 1 from the sigmoid, and so loses digits of small ones
      assertAlmostEquals(found.loss[i], loss[i], 2e-16 + 1e-15 * loss[i], `loss[${i}]`);
      assertAlmostEquals(found.gradient[i], gradient[i], 2e-16, `gradient[${i}]`);
    }
  }
});

Deno.test("binaryCrossEntropy() at the ends: certain and right is exactly 0, certain and wrong infinite", () => {
  const found = each([inf, inf, -inf, -inf, inf, -inf, NaN, NaN], [1, 0, 1, 0, 0.5, 0.5, 1, 0]);
  assertEquals(found.loss, [0, inf, inf, 0, inf, inf, NaN, NaN]);
  assertEquals(found.gradient, [-0, 1, -1, 0, 0.5, -0.5, NaN, NaN].map((x) => x + 0));
  const large = each([1000, 1000, -1000, -1000, 1e300], [1, 0, 1, 0, 0.25]);
  assertEquals(large.loss, [0, 1000, 1000, 0, 0.75e300]);
  assertEquals(large.gradient.map((x) => x + 0), [0, 1, -1, 0, 0.75]);
});

Deno.test("binaryCrossEntropy() of probabilities clips nothing", () => {
  const options = { input: "probabilities" } as const;
  const found = each([1, 1, 0, 0, 1e-300, NaN], [1, 0, 1, 0, 1, 1], options);
  assertEquals(found.loss, [0, inf, inf, 0, -Math.log(1e-300), NaN]);
  assertEquals(found.gradient, [-1, inf, -inf, 1, -1 / 1e-300, NaN]);
  // 1 − p is exact: a small probability of the other kind keeps its digits
  assertAlmostEquals(each([1e-20], [0], options).loss[0], 1e-20, 1e-35);
});

Deno.test("binaryCrossEntropy() of probabilities is that of their logits", () => {
  const random = new Random(64);
  for (let i = 0; i < 100; i++) {
    const z = 2 * random.normal(), y = random.uniform(), p = 1 / (1 + Math.exp(-z));
    const ofLogit = each([z], [y]), ofProbability = each([p], [y], { input: "probabilities" });
    assertAlmostEquals(ofProbability.loss[0], ofLogit.loss[0], 1e-9 * (1 + ofLogit.loss[0]), `z = ${z}`);
    assertAlmostEquals(ofProbability.gradient[0] * p * (1 - p), ofLogit.gradient[0], 1e-9, `z = ${z}`);
  }
});

Deno.test("binaryCrossEntropy() and its gradient keep their digits as p → 1", () => {
  for (const z of [20, 40, 100, 700]) {
    // ln(1 + e^−z) and σ(−z) are e^−z, less about its square
    const tiny = Math.exp(-z);
    for (const { loss, gradient } of [each([z], [1]), each([-z], [0])]) {
      assertAlmostEquals(loss[0], tiny - tiny ** 2 / 2, 1e-14 * tiny, `z = ${z}`);
      assertAlmostEquals(Math.abs(gradient[0]), tiny - tiny ** 2, 1e-14 * tiny, `z = ${z}`);
    }
  }
});

Deno.test("binaryCrossEntropy() has the gradient of its loss", () => {
  const random = new Random(65), y = [0, 1, 0.25, 0.5, 0.9, 1], weights = [1, 0.5, 2, 1, 3, 0.1];
  const upstream = [1, -2, 0.5];
  for (const input of ["logits", "probabilities"] as const) {
    const x = input === "logits" ? random.normals(6, 3) : y.map(() => 0.1 + 0.8 * random.uniform());
    for (const positiveWeight of [1, 3.5, [2, 0.25]]) {
      const options = { input, weights, positiveWeight, rows: 3 } as const;
      const found = binaryCrossEntropy(x, y, { ...options, gradient: true, gradientScale: upstream });
      const rows = [x.slice(0, 2), x.slice(2, 4), x.slice(4)];
      const expected = centralDifferences(rows, (rows) => {
        const flat = rows.flatMap((row) => [...row]);
        return binaryCrossEntropy(flat, y, { ...options, reduction: "none" }).loss.map((loss, i) =>
          loss * upstream[i] / 3
        );
      });
      expected.forEach((slope, i) =>
        assertAlmostEquals(found.gradient?.[i] ?? NaN, slope, 1e-8 * (1 + Math.abs(slope)), `${input}[${i}]`)
      );
    }
  }
});

Deno.test("binaryCrossEntropy() is never negative, and has a symmetry", () => {
  const logit = fc.double({ min: -800, max: 800, noNaN: true }), share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(fc.property(logit, share, (z, y) => {
    const { loss, gradient } = each([z], [y]);
    assertGreaterOrEqual(loss[0], 0);
    // Entropy of the target, the least that there is
    const least = each([y], [y], { input: "probabilities" }).loss[0];
    assertGreaterOrEqual(loss[0], least * (1 - 1e-14));
    if (y !== 1 - (1 - y)) return;
    const mirrored = each([-z], [1 - y]);
    assertAlmostEquals(mirrored.loss[0], loss[0], 1e-15 * loss[0]);
    assertAlmostEquals(mirrored.gradient[0], -gradient[0], 1e-15);
  }));
});

Deno.test("binaryCrossEntropy() is crossEntropy() of the two classes' logits 0 and z", () => {
  const logits = [0.5, -3, 2.25, 8], targets = [1, 0, 0, 1];
  const { loss } = crossEntropy(matrix(logits.map((z) => [0, z])), targets);
  assertAlmostEquals(binaryCrossEntropy(logits, targets).loss, loss, 1e-6);
});

Deno.test("binaryCrossEntropy() reduces over rows, which sum their predictions", () => {
  const logits = [0.5, -3, 2.25, 8, -1, 0], targets = [1, 0, 0, 1, 0.5, 0.25];
  const single = each(logits, targets), total = single.loss.reduce((a, b) => a + b);
  assertAlmostEquals(binaryCrossEntropy(logits, targets).loss, total / 6, 1e-14);
  assertAlmostEquals(binaryCrossEntropy(logits, targets, { reduction: "sum" }).loss, total, 1e-14);
  const rows = binaryCrossEntropy(logits, targets, { rows: 2, reduction: "none", gradient: true });
  assertAlmostEquals(rows.loss[0], single.loss[0] + single.loss[1] + single.loss[2], 1e-14);
  assertAlmostEquals(rows.loss[1], single.loss[3] + single.loss[4] + single.loss[5], 1e-14);
  assertEquals([...rows.gradient ?? []], single.gradient);
  const mean = binaryCrossEntropy(logits, targets, { rows: 2, gradient: true });
  assertAlmostEquals(mean.loss, total / 2, 1e-14);
  assertEquals([...mean.gradient ?? []], single.gradient.map((slope) => slope / 2));
  assertEquals(Object.keys(binaryCrossEntropy(logits, targets)), ["loss"]);
});

Deno.test("binaryCrossEntropy() weighs predictions, and the target's part", () => {
  const logits = [0.5, -3, 2], targets = [1, 0, 0.25];
  const plain = each(logits, targets);
  const heavy = each(logits, targets, { weights: [2, 3, 0.5] });
  assertEquals(heavy.loss, [2 * plain.loss[0], 3 * plain.loss[1], 0.5 * plain.loss[2]]);
  const positive = each(logits, targets, { positiveWeight: 4 });
  assertAlmostEquals(positive.loss[0], 4 * plain.loss[0], 1e-15);
  assertEquals(positive.loss[1], plain.loss[1]);
  const part = 0.25 * each([2], [1]).loss[0];
  assertAlmostEquals(positive.loss[2], plain.loss[2] + 3 * part, 1e-15);
  assertEquals(each(logits, targets, { positiveWeight: [4] }), positive);
  // By column of each row
  const columns = { rows: 2, positiveWeight: [4, 1] } as const;
  const rows = each([0.5, 0.5, 0.5, 0.5], [1, 1, 1, 1], columns).loss;
  for (const loss of rows) assertAlmostEquals(loss, 5 * plain.loss[0], 1e-14);
});

Deno.test("binaryCrossEntropy() leaves out what has weight 0, even NaN and infinite losses", () => {
  const found = each([NaN, inf, -inf, 1], [0, 0, 1, 1], { weights: [0, 0, 0, 1] });
  assertEquals(found.loss, [0, 0, 0, each([1], [1]).loss[0]]);
  assertEquals(found.gradient.slice(0, 3), [0, 0, 0]);
  assertEquals(each([-inf], [1], { positiveWeight: 0 }).loss, [0]);
});

Deno.test("binaryCrossEntropy() of nothing is empty", () => {
  assertEquals(each([], []), { loss: [], gradient: [] });
  assertEquals(binaryCrossEntropy([], [], { reduction: "sum" }).loss, 0);
  assertEquals(binaryCrossEntropy([], []).loss, NaN);
  assertEquals(binaryCrossEntropy([], [], { rows: 0, positiveWeight: [1, 2] }).loss, NaN);
});

Deno.test("binaryCrossEntropy() takes any arrays of numbers", () => {
  const expected = binaryCrossEntropy([0.5, -2], [1, 0]);
  assertEquals(binaryCrossEntropy(Float32Array.of(0.5, -2), Int8Array.of(1, 0)), expected);
  assertEquals(binaryCrossEntropy(Float16Array.of(0.5, -2), { length: 2, 0: 1, 1: 0 }), expected);
});

Deno.test("binaryCrossEntropy() names what it refuses", () => {
  const z = [0.5, 2], y = [0, 1];
  assertRefuses("binaryCrossEntropy", binaryCrossEntropy, [
    [[], TypeError, "predictions is undefined, not an array"],
    [[z], TypeError, "targets is undefined, not an array"],
    [[[1, true], y], TypeError, "predictions[1] is true, not a number"],
    [[z, [0, "1"]], TypeError, 'targets[1] is "1", not a number'],
    [[z, [0]], TypeError, "targets has 1 element, predictions 2"],
    [[z, [0, 1.5]], RangeError, "targets[1] is 1.5, more than 1"],
    [[z, [-0.5, 1]], RangeError, "targets[0] is -0.5, less than 0"],
    [[z, [NaN, 1]], RangeError, "targets[0] is NaN, not finite"],
    [[z, y, { input: "probabilities" }], RangeError, "predictions[1] is 2, more than 1"],
    [[[-0.1, 1], y, { input: "probabilities" }], RangeError, "predictions[0] is -0.1, less than 0"],
    [[z, y, { input: "logit" }], RangeError, 'input is "logit", not one of'],
    [[z, y, { rows: 0 }], TypeError, "predictions has 2 elements, rows is 0"],
    [[z, y, { rows: 4 }], TypeError, "predictions has 2 elements, rows is 4"],
    [[[], [], { rows: 2 }], TypeError, "predictions has 0 elements, rows is 2"],
    [[z, y, { reduction: 1 }], TypeError, "reduction is 1, not one of"],
    [[z, y, { weights: [1] }], TypeError, "weights has 1 element, predictions 2"],
    [[z, y, { weights: [1, -1] }], RangeError, "weights[1] is -1, less than 0"],
    [[z, y, { weights: [1, inf] }], RangeError, "weights[1] is Infinity, not finite"],
    [[z, y, { positiveWeight: -1 }], RangeError, "positiveWeight is -1, less than 0"],
    [[z, y, { positiveWeight: NaN }], RangeError, "positiveWeight is NaN, not finite"],
    [[z, y, { positiveWeight: "2" }], TypeError, 'positiveWeight is "2", neither a number nor an array'],
    [[z, y, { positiveWeight: [1, 2] }], TypeError, "positiveWeight has 2 elements, not 1"],
    [[z, y, { gradientScale: [1] }], TypeError, "gradientScale has 1 element, rows is 2"],
    [[z, y, { gradient: "inPlace" }], TypeError, 'gradient is "inPlace", not a boolean'],
    [[z, y, { pos_weight: 2 }], TypeError, 'there is no option "pos_weight"'],
    [[z, y, 7], TypeError, "options are 7, not an object"],
  ]);
});
