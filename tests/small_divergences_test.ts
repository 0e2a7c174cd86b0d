// Divergences of the size of quantisation noise, where a difference of sums would be noise itself.

import { assertLess } from "@std/assert";
import { jsDivergence, klDivergence } from "../mod.ts";
import { type Choice, onEachBackend } from "./backends.ts";
import { DTYPES, matrix, normalRows, rounded, type Rows } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { assertWithin } from "./tolerance.ts";

const VOCAB = 50_257;
const NOISE = 1e-4;
const SEED = 20261123;

const random = new Random(SEED);
const P = normalRows(random, 1, VOCAB, 3);
const NOISY = P.map((row) => row.map((x) => x + NOISE * random.normal()));

/** Both divergences, forward and reverse, against the oracle's; all must be tiny. */
async function testNear(p: Rows, q: Rows, options: Choice & oracle.DivergenceOptions, what: string): Promise<void> {
  const { input, ...others } = options;
  const common = { ...others, reduction: "none" as const, input: input === 1 ? "probabilities" as const : undefined };
  const pairs = {
    "p and q": [p, q],
    "q and p": [q, p],
  };
  for (const [order, [a, b]] of Object.entries(pairs)) {
    const { divergence } = await klDivergence(matrix(a), matrix(b), common);
    const exact = oracle.klDivergence(a, b, options).divergence;
    assertLess(exact[0], 5e-8);
    assertWithin(divergence, { rule: "divergence", values: exact }, `${what}: klDivergence of ${order}`);
  }
  const { divergence } = await jsDivergence(matrix(p), matrix(q), common);
  const values = oracle.jsDivergence(p, q, options).divergence;
  assertWithin(divergence, { rule: "divergence", values }, `${what}: jsDivergence`);
}

onEachBackend("divergences of 1e-8 between logits keep their digits", async (on) => {
  await testNear(P, NOISY, on, "logits");
});

onEachBackend("divergences of 1e-8 keep their digits when a constant is added to one side", async (on) => {
  for (const shift of [0.3, 100, -100]) {
    const shifted = NOISY.map((row) => row.map((x) => x + shift));
    await testNear(P, shifted, on, `shift ${shift}`);
  }
});

onEachBackend("divergences of 1e-8 keep their digits at a temperature", async (on) => {
  for (const temperature of [0.7, 2]) await testNear(P, NOISY, { ...on, temperature }, `temperature ${temperature}`);
  const shifted = NOISY.map((row) => row.map((x) => x + 100));
  await testNear(P, shifted, { ...on, temperature: 1.3 }, "temperature 1.3, shift 100");
});

onEachBackend("divergences of 1e-8 between probabilities keep their digits", async (on) => {
  const probabilities = (rows: Rows) => rows.map((row) => Float32Array.from(oracle.softmax([row]).probabilities));
  const p = probabilities(P), q = probabilities(NOISY);
  await testNear(p, q, { ...on, input: 1 }, "probabilities");
});

onEachBackend("the divergence of logits from their own rounding keeps its digits", async (on) => {
  for (const dtype of DTYPES.slice(1)) {
    const q = rounded(P, dtype);
    const { divergence } = await klDivergence(matrix(P), matrix(q, dtype), { ...on, reduction: "none" });
    assertWithin(divergence, { rule: "divergence", values: oracle.klDivergence(P, q).divergence }, dtype);
  }
});

onEachBackend("small divergences of few classes keep their digits", async (on) => {
  // Two classes, ±t from p: KL ≈ t² / 2.
  for (const t of [1e-1, 1e-2, 1e-3, 2e-4]) {
    const p = [[0, 0], [4, 1]], q = [[t, -t], [4 + t, 1 - t]].map((row) => Float32Array.from(row));
    const kl = await klDivergence(matrix(p), matrix(q), { ...on, reduction: "none" });
    assertWithin(kl.divergence, { rule: "divergence", values: oracle.klDivergence(p, q).divergence }, `kl, ${t}`);
    for (const beta of [0.5, 0.1]) {
      const js = await jsDivergence(matrix(p), matrix(q), { ...on, reduction: "none", beta });
      const values = oracle.jsDivergence(p, q, { beta }).divergence;
      assertWithin(js.divergence, { rule: "divergence", values }, `js, ${t}, beta ${beta}`);
    }
  }
});
