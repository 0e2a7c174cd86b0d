// The reference against values that PyTorch computed in float64.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { sum } from "../src/reference/classes.ts";
import { assertClose } from "./close.ts";
import { type CrossEntropyCase, type LargeCase, readGolden, type Rows } from "./golden.ts";
import { hashed } from "./hashed.ts";
import * as oracle from "./oracle.ts";

/** The golden values are themselves f64, from formulas that round. */
const TOLERANCE = 1e-12;

/** Small divergences came from a difference of sums of order 1: so much of 1 is noise, more the larger the vocabulary. */
const DIVERGENCE_TOLERANCE = 1e-15;
const LARGE_DIVERGENCE_TOLERANCE = 2e-14;

/** `klNear` of row 0 by vocabulary, from decimal arithmetic of 40 digits: the golden values share 9 of them. */
const EXACT_NEAR: Readonly<Record<number, number>> = { 32000: 2.9958147608427707e-5, 1048576: 2.8480853632022084e-5 };

Deno.test("logSumExp(), softmax(), logSoftmax() and entropy() of the reference agree with PyTorch", () => {
  for (const [i, golden] of readGolden("softmax").entries()) {
    const { probabilities, logProbabilities } = oracle.softmax(golden.logits);
    const { entropy, logSumExp } = oracle.entropy(golden.logits);
    assertClose(probabilities, golden.softmax, TOLERANCE, `case ${i}: softmax`);
    assertClose(logProbabilities, golden.logSoftmax, TOLERANCE, `case ${i}: logSoftmax`);
    assertClose(logSumExp, golden.logSumExp, TOLERANCE, `case ${i}: logSumExp`);
    assertClose(entropy, golden.entropy, TOLERANCE, `case ${i}: entropy`);
    assertEquals(oracle.logSumExp(golden.logits).logSumExp, logSumExp);
  }
});

Deno.test("tokenStatistics() of the reference agrees with PyTorch", () => {
  for (const [i, golden] of readGolden("softmax").entries()) {
    const targets = golden.logits.map((_, row) => row % golden.vocab);
    const best = golden.logits.map((x) => x.map((_, j) => j).sort((a, b) => x[b] - x[a] || a - b));
    const found = oracle.tokenStatistics(golden.logits, targets, golden.vocab);
    assertClose(found.targetLogProbability, golden.logSoftmax.map((x, row) => x[targets[row]]), TOLERANCE, `case ${i}`);
    assertClose(found.logSumExp, golden.logSumExp, TOLERANCE, `case ${i}: logSumExp`);
    assertClose(found.entropy, golden.entropy, TOLERANCE, `case ${i}: entropy`);
    assertClose(found.topTokens, best, 0, `case ${i}: topTokens`);
    assertClose(found.argmax, best.map((order) => order[0]), 0, `case ${i}: argmax`);
    const top = golden.logSoftmax.map((x, row) => best[row].map((j) => x[j]));
    assertClose(found.topLogProbabilities, top, TOLERANCE, `case ${i}: topLogProbabilities`);
    const rank = golden.logits.map((x, row) => 1 + x.filter((value) => value > x[targets[row]]).length);
    assertClose(found.rank, rank, 0, `case ${i}: rank`);
  }
});

/** The options of a golden case in the record's terms, and what the losses of its reductions are divided by. */
function crossEntropyOf({ vocab, targets, soft, options }: CrossEntropyCase) {
  const { labelSmoothing = 0, ignoreIndex = -100, classWeights } = options;
  const indices = soft ? [] : (targets as number[]).map((y) => y === ignoreIndex ? -1 : y);
  const counted = soft ? targets.map(() => 1) : indices.map((y) => y < 0 ? 0 : classWeights ? classWeights[y] : 1);
  const divisor = { none: 1, sum: 1, mean: counted.reduce((a, b) => a + b) };
  const given = soft ? { targetProbabilities: targets as Rows } : { targets: indices };
  const parameters = { classWeights, confidence: 1 - labelSmoothing, smoothing: labelSmoothing / vocab };
  return { indices, divisor, options: { ...given, ...parameters } };
}

Deno.test("crossEntropy() of the reference agrees with PyTorch", () => {
  for (const [i, golden] of readGolden("cross_entropy").entries()) {
    const { indices, divisor, options } = crossEntropyOf(golden);
    for (const reduction of ["none", "sum", "mean"] as const) {
      const scale = 1 / divisor[reduction];
      const found = oracle.crossEntropy(golden.logits, { ...options, scale });
      const loss = reduction === "none" ? found.loss : scale * found.loss.reduce((a, b) => a + b);
      assertClose(loss, golden.expected[reduction].loss, TOLERANCE, `case ${i}: loss, ${reduction}`);
      assertClose(found.gradient, golden.expected[reduction].gradient, TOLERANCE, `case ${i}: gradient, ${reduction}`);
      const logSumExp = golden.logSumExp.map((value, row) => indices[row] === -1 ? 0 : value);
      assertClose(found.logSumExp, logSumExp, TOLERANCE, `case ${i}: logSumExp`);
      const hit = golden.logits.map((x, row) => x[indices[row]] === Math.max(...x) ? 1 : 0);
      assertClose(found.hit, hit, 0, `case ${i}: hit`);
    }
  }
});

Deno.test("klDivergence() and jsDivergence() of the reference agree with PyTorch", () => {
  for (const [i, golden] of readGolden("kl_divergence").entries()) {
    const { p, q, temperature, jsdBeta: beta } = golden;
    const kl = oracle.klDivergence(p, q, { temperature });
    assertClose(kl.divergence, golden.kl, DIVERGENCE_TOLERANCE, `case ${i}: kl`);
    assertClose(kl.gradientP, golden.gradientP, TOLERANCE, `case ${i}: gradientP`);
    assertClose(kl.gradientQ, golden.gradientQ, TOLERANCE, `case ${i}: gradientQ`);
    const jsd = oracle.jsDivergence(p, q, { temperature, beta });
    assertClose(jsd.divergence, golden.jsd, DIVERGENCE_TOLERANCE, `case ${i}: jsd`);
    assertClose(jsd.gradientP, golden.jsdGradientP, TOLERANCE, `case ${i}: jsdGradientP`);
    assertClose(jsd.gradientQ, golden.jsdGradientQ, TOLERANCE, `case ${i}: jsdGradientQ`);
  }
});

function rowsOf(data: Float32Array, vocab: number): Float32Array[] {
  return Array.from({ length: data.length / vocab }, (_, row) => data.subarray(row * vocab, (row + 1) * vocab));
}

function testLarge(golden: LargeCase): void {
  const { rows, vocab, scale, salt, nearScale } = golden;
  const count = rows * vocab;
  const data = hashed(count, salt, scale);
  assertEquals([...data.subarray(0, 4)], golden.first);
  const logits = rowsOf(data, vocab);
  const { entropy, logSumExp } = oracle.entropy(logits);
  assertClose(logSumExp, golden.logSumExp, TOLERANCE, "logSumExp");
  assertClose(entropy, golden.entropy, TOLERANCE, "entropy");

  const targets = logits.map((_, row) => (row * 7919 + 13) % vocab);
  const { loss, gradient } = oracle.crossEntropy(logits, { targets, scale: 1 / rows });
  assertClose(loss, golden.crossEntropy, TOLERANCE, "crossEntropy");
  assertClose(sum(count, (i) => Math.abs(gradient[i])), golden.gradientAbsSum, TOLERANCE, "gradientAbsSum");
  assertClose(sum(count, (i) => gradient[i] ** 2), golden.gradientSquareSum, TOLERANCE, "gradientSquareSum");
  const smoothed = oracle.crossEntropy(logits, { targets, confidence: 0.9, smoothing: 0.1 / vocab });
  assertClose(smoothed.loss, golden.smoothed, TOLERANCE, "smoothed");

  const q = rowsOf(hashed(count, salt + 1, scale), vocab);
  assertClose(oracle.klDivergence(logits, q).divergence, golden.kl, TOLERANCE, "kl");
  const noise = hashed(count, salt + 2, nearScale);
  const near = rowsOf(data.map((x, i) => x + noise[i]), vocab);
  const { divergence } = oracle.klDivergence(logits, near);
  assertClose(divergence, golden.klNear, LARGE_DIVERGENCE_TOLERANCE, "klNear");
  if (vocab in EXACT_NEAR) assertAlmostEquals(divergence[0], EXACT_NEAR[vocab], TOLERANCE * EXACT_NEAR[vocab]);
}

for (const golden of readGolden("large")) {
  Deno.test(`the reference agrees with PyTorch over a vocabulary of ${golden.vocab}`, () => testLarge(golden));
}
