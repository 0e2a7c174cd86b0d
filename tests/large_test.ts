// Vocabularies of 32,000 to 1,048,576 classes against PyTorch in float64.

import { assertEquals } from "@std/assert";
import { crossEntropy, entropy, klDivergence, logSumExp, type Matrix } from "../mod.ts";
import { type Choice, onEachBackend, onEachKernel } from "./backends.ts";
import { type LargeCase, readGolden } from "./golden.ts";
import { hashed } from "./hashed.ts";
import { assertWithin } from "./tolerance.ts";

/** The largest for which the reference, too, takes less than 3 seconds. */
const REFERENCE_ELEMENTS = 3e5;

async function testCase(golden: LargeCase, on: Choice): Promise<void> {
  const { rows, vocab, scale, salt, nearScale } = golden;
  const shape = [rows, vocab] as const;
  const data = hashed(rows * vocab, salt, scale);
  assertEquals([...data.subarray(0, 4)], golden.first);
  const logits: Matrix = { data, shape };

  assertWithin((await logSumExp(logits, on)).logSumExp, { rule: "reduction", values: golden.logSumExp }, "logSumExp");
  assertWithin((await entropy(logits, on)).entropy, { rule: "reduction", values: golden.entropy }, "entropy");

  const targets = Array.from({ length: rows }, (_, row) => (row * 7919 + 13) % vocab);
  const { loss } = await crossEntropy(logits, targets, { ...on, reduction: "none" });
  assertWithin(loss, { rule: "reduction", values: golden.crossEntropy }, "crossEntropy");
  const smoothed = await crossEntropy(logits, targets, { ...on, reduction: "none", labelSmoothing: 0.1 });
  assertWithin(smoothed.loss, { rule: "reduction", values: golden.smoothed }, "smoothed");
  const { gradient } = await crossEntropy(logits, targets, { ...on, gradient: true });
  assertGradientSums(gradient?.data as Float32Array, golden);

  const q: Matrix = { data: hashed(rows * vocab, salt + 1, scale), shape };
  const kl = await klDivergence(logits, q, { ...on, reduction: "none" });
  assertWithin(kl.divergence, { rule: "divergence", values: golden.kl }, "kl");
  const noise = hashed(rows * vocab, salt + 2, nearScale);
  const near: Matrix = { data: data.map((x, i) => x + noise[i]), shape };
  const klNear = await klDivergence(logits, near, { ...on, reduction: "none" });
  assertWithin(klNear.divergence, { rule: "divergence", values: golden.klNear }, "klNear");
}

/** Sums over a million elements whose own errors are a few ε₃₂ of themselves. */
function assertGradientSums(gradient: Float32Array, { gradientAbsSum, gradientSquareSum }: LargeCase): void {
  let absolute = 0, square = 0;
  for (const g of gradient) {
    absolute += Math.abs(g);
    square += g * g;
  }
  assertWithin([absolute], { rule: "reduction", values: [gradientAbsSum] }, "gradientAbsSum");
  // Dominated by the targets' entries, near 1 / rows each: twice the relative error of those.
  assertWithin([square / gradientSquareSum], { rule: "reduction", values: [1] }, "gradientSquareSum");
}

for (const golden of readGolden("large")) {
  const onEach = golden.rows * golden.vocab < REFERENCE_ELEMENTS ? onEachBackend : onEachKernel;
  onEach(`operations over ${golden.vocab} classes agree with PyTorch`, (on) => testCase(golden, on));
}
