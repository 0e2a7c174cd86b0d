// The examples and exercises of the chapter that this project began from, with the values that are right. Where it
// prints another one, the test says so and holds that it is not the same number rounded.

import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import {
  device,
  formatBinaryBytes,
  formatBytes,
  logitsBytes,
  maxBatch,
  roofline,
  sampledSoftmax,
} from "../src/cost/mod.ts";
import { crossEntropy, entropy, klDivergence, softmax } from "../src/sync.ts";
import { repeated } from "./divergence_cases.ts";
import { matrix, normalRows, type Rows, rowsOf, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";

/** Whether `printed` is the value rounded to as many decimals. */
function isRounded(value: number, printed: string): boolean {
  const decimals = printed.split(".")[1]?.length ?? 0;
  return Math.abs(value - Number(printed)) <= 0.5 * 10 ** -decimals;
}

function assertPrints(value: number, printed: string): void {
  assert(isRounded(value, printed), `${value} does not round to ${printed}`);
}

function assertMisprinted(value: number, printed: string): void {
  assert(!isRounded(value, printed), `${value} rounds to ${printed}, which was taken for a misprint`);
}

/** Logits whose softmax these probabilities are. */
function logarithms(probabilities: readonly number[]) {
  return matrix([probabilities.map(Math.log)]);
}

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((a, b) => a + b, 0);
}

const FOUR_CLASSES = [0.15, 0.6, 0.2, 0.05];

Deno.test("softmax() gives class 3 of the chapter's ten 56.06 %, where 68.9 % is printed", () => {
  const logits = [2.1, 0.5, -1.2, 3.4, 0.8, -0.5, 1.1, -2.0, 0.3, 1.8];
  const probabilities = valuesOf(softmax(matrix([logits])).probabilities);
  assertAlmostEquals(sum(probabilities), 1, 1e-6);
  assertEquals(probabilities.indexOf(Math.max(...probabilities)), 3);
  assertPrints(100 * probabilities[3], "56.06");
  assertMisprinted(100 * probabilities[3], "68.9");
});

Deno.test("entropy() of a fair coin is 1 bit, of a biased one 0.469, of the chapter's four classes 1.533", () => {
  const bits = (probabilities: readonly number[]) => entropy(logarithms(probabilities), { base: 2 }).entropy[0];
  assertPrints(bits([0.5, 0.5]), "1.000");
  assertPrints(bits([0.9, 0.1]), "0.469");
  assertPrints(bits(FOUR_CLASSES), "1.533");
});

Deno.test("crossEntropy() of the chapter's class 2, the second one, is 0.511 nats", () => {
  assertPrints(crossEntropy(logarithms(FOUR_CLASSES), [1]).loss, "0.511");
  assertMisprinted(crossEntropy(logarithms(FOUR_CLASSES), [2]).loss, "0.511");
});

Deno.test("crossEntropy() of two classes is the binary one: 0.223 at p = 0.8, with derivative -1.25", () => {
  const p = 0.8;
  const { loss, gradient } = crossEntropy(logarithms([1 - p, p]), [1], { gradient: true });
  assertPrints(loss, "0.223");
  // By the chain rule: the derivative of p with respect to its own logit is p(1 − p)
  assertPrints(valuesOf(gradient)[1] / (p * (1 - p)), "-1.250");
});

Deno.test("logitsBytes() of GPT-2 is 3,293,642,752, or 3.07 GiB, where 3,280,838,144, or 3.06 GB, is printed", () => {
  const bytes = logitsBytes({ batch: 16, sequence: 1024, vocab: 50_257, dtype: "f32" });
  assertEquals([bytes, formatBytes(bytes), formatBinaryBytes(bytes)], [3_293_642_752, "3.29 GB", "3.07 GiB"]);
  assertMisprinted(bytes, "3280838144");
  assertMisprinted(bytes / 2 ** 30, "3.06");
  assertMisprinted(bytes / 1e9, "3.06");
  assertEquals(formatBinaryBytes(3_280_838_144), "3.06 GiB");
});

Deno.test("logitsBytes() of BERT is 1.97 GB, or 1.83 GiB, where 1.8 GB is printed", () => {
  const bytes = logitsBytes({ batch: 32, sequence: 512, vocab: 30_000, dtype: "f32" });
  assertEquals([bytes, formatBytes(bytes), formatBinaryBytes(bytes)], [1_966_080_000, "1.97 GB", "1.83 GiB"]);
  assertMisprinted(bytes / 1e9, "1.8");
  assertPrints(bytes / 2 ** 30, "1.8");
});

Deno.test("roofline() of 30,000 f32 read and written is 832 times their arithmetic, where 1387 is printed", () => {
  // The arithmetic is given the peak of the A100's matrix units
  const chapter = { ...device("a100-40gb"), memoryBytesPerSecond: 1.5e12 };
  const ofClasses = (classes: number) => {
    const bytes = logitsBytes({ batch: 1, vocab: classes, dtype: "f32" });
    const arithmetic = { exps: 0, flops: 0, matrixFlops: 2 * 30_000, dtype: "f16", launches: 0 } as const;
    return { bytes: 2 * bytes, ...roofline({ bytesRead: bytes, bytesWritten: bytes, ...arithmetic }, chapter) };
  };
  const { bytes, seconds, matrixSeconds, bound, factor } = ofClasses(30_000);
  assertEquals([formatBytes(bytes), bound], ["240.00 kB", "memory"]);
  assertPrints(1e6 * seconds, "0.160");
  assertAlmostEquals(matrixSeconds, 2 * 30_000 / 312e12, 1e-15);
  assertAlmostEquals(factor, 832, 1e-9);
  assertMisprinted(bytes / 1000, "400");
  assertMisprinted(1e6 * seconds, "0.267");
  assertMisprinted(factor, "1387");
  // What is printed has the bytes of 50,000 classes beside the arithmetic of 30,000
  const printed = ofClasses(50_000);
  assertEquals(formatBytes(printed.bytes), "400.00 kB");
  assertPrints(1e6 * printed.seconds, "0.267");
  assertPrints(printed.factor, "1387");
});

Deno.test("maxBatch() of logits in 10 GB is 97 of GPT-2's sequences in f16, and 48 in f32", () => {
  for (const [dtype, batch] of [["f16", 97], ["f32", 48]] as const) {
    const head = { sequence: 1024, vocab: 50_257, dtype };
    assertEquals(maxBatch({ budgetBytes: 10e9, ...head }), batch, dtype);
    assertLessOrEqual(logitsBytes({ batch, ...head }), 10e9, dtype);
    assertGreater(logitsBytes({ batch: batch + 1, ...head }), 10e9, dtype);
  }
});

Deno.test("sampledSoftmax() of 5,000 in 100,000 classes makes 6.55 GB of logits 0.33 GB, a twentieth", () => {
  const cost = sampledSoftmax({ vocab: 100_000, samples: 5000, rows: 32 * 512, dtype: "f32" });
  assertEquals(cost.logitsBytes, logitsBytes({ batch: 32, sequence: 512, vocab: 100_000, dtype: "f32" }));
  assertPrints(cost.logitsBytes / 1e9, "6.55");
  assertPrints(cost.sampledLogitsBytes / 1e9, "0.33");
  assertEquals(cost.speedupInLogits, 20);
  // Each row has the logit of its target as well
  assertPrints(cost.speedup, "20.0");
  assertLess(cost.speedup, 20);
});

Deno.test("klDivergence()'s gradient in distillation shrinks with 1/T², where 1/T is printed", () => {
  const vocab = 1000, random = new Random(21);
  const [teacher, student] = normalRows(random, 2, vocab, 3);
  const temperatures = [50, 100, 200];
  const norms = temperatures.map((temperature) => {
    const { gradientQ } = klDivergence(matrix([teacher]), matrix([student]), { temperature, gradient: "q" });
    return Math.hypot(...valuesOf(gradientQ));
  });
  for (const [i, norm] of norms.slice(1).entries()) {
    assertAlmostEquals(norms[i] / norm, 4, 0.04 * 4, `from T = ${temperatures[i]}`);
    // In proportion to 1/T, the norm times T would stay
    assertAlmostEquals(norms[i] * temperatures[i] / (norm * temperatures[i + 1]), 2, 0.04 * 2, "times T");
  }
  // Softmaxes of x / T differ by what the centred logits do, over T · vocab, and the chain rule divides by T again
  const apart = Array.from(student, (x, i) => x - teacher[i]), mean = sum(apart) / vocab;
  const limit = Math.hypot(...apart.map((x) => x - mean)) / vocab;
  const errors = norms.map((norm, i) => Math.abs(norm * temperatures[i] ** 2 / limit - 1));
  assertLess(errors[2], 0.02);
  assertLess(errors[2], errors[0]);
});

Deno.test("klDivergence() makes a VAE's objective a lower bound of ln p(x), where minimising it is printed", () => {
  const prior = [0.4, 0.25, 0.2, 0.1, 0.05], likelihoods = [0.02, 0.3, 0.1, 0.6, 0.05];
  const joint = prior.map((p, z) => p * likelihoods[z]);
  const posterior = joint.map((p) => p / sum(joint)), evidence = Math.log(sum(joint));
  const divergences = (from: Rows, to: Rows[number]) => {
    const others = repeated(matrix([to]), from.length);
    return klDivergence(matrix(from), others, { input: "probabilities", reduction: "none" }).divergence;
  };
  /** E_q[ln p(x|z)] − KL(q ‖ p(z)), as printed. */
  const objectives = (beliefs: Rows) => {
    const fromPrior = divergences(beliefs, prior);
    return beliefs.map((q, i) => sum(likelihoods.map((p, z) => q[z] * Math.log(p))) - fromPrior[i]);
  };
  const beliefs = rowsOf(softmax(matrix(normalRows(new Random(22), 1000, prior.length, 2))).probabilities);
  const found = objectives(beliefs), fromPosterior = divergences(beliefs, posterior);
  for (const [i, objective] of found.entries()) {
    assertLessOrEqual(objective, evidence + 1e-6, `belief ${i}`);
    assertAlmostEquals(evidence - objective, fromPosterior[i], 1e-5, `belief ${i}: the gap`);
  }
  assertAlmostEquals(objectives([posterior])[0], evidence, 1e-6);
  // What minimises it is certain of the state that goes worst with x
  const certainties = prior.map((_, z) => prior.map((_, other) => Number(other === z)));
  const least = Math.min(...objectives(certainties));
  assertAlmostEquals(least, Math.log(Math.min(...joint)), 1e-6);
  assertLess(least, Math.min(...found));
});
