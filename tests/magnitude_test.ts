// Logits of magnitude 1e4 lose nothing.

import { crossEntropy, entropy, klDivergence, logSoftmax, logSumExp, type Matrix, softmax } from "../mod.ts";
import { type Choice, onEachBackend } from "./backends.ts";
import { expectLoss } from "./cross_entropy_cases.ts";
import { masked, matrix, normalRows, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const VOCAB = 3000;
const TARGETS = [0, 1500, 2998];

/** Multiples of 2⁻¹⁰, which 8192 and −8192 can be added to exactly. */
const ROWS = masked(
  normalRows(new Random(17), 3, VOCAB, 4).map((row) => row.map((x) => Math.round(x * 1024) / 1024)),
  11,
  7,
);

/** Everything that does not change with a constant added to all logits. */
async function invariants(logits: Matrix, q: Matrix, on: Choice): Promise<Record<string, ArrayLike<number>>> {
  const { loss, gradient } = await crossEntropy(logits, TARGETS, { ...on, reduction: "none", gradient: true });
  const smoothed = await crossEntropy(logits, TARGETS, { ...on, reduction: "none", labelSmoothing: 0.1 });
  return {
    softmax: valuesOf((await softmax(logits, on)).probabilities),
    logSoftmax: valuesOf((await logSoftmax(logits, on)).logProbabilities),
    entropy: (await entropy(logits, on)).entropy,
    crossEntropy: loss,
    gradient: valuesOf(gradient),
    smoothed: smoothed.loss,
    klDivergence: (await klDivergence(logits, q, { ...on, reduction: "none" })).divergence,
  };
}

onEachBackend("operations give the same for logits that are 8192 larger or smaller", async (on) => {
  const near = ROWS.map((row) => row.map((x, i) => x + (i % 5) / 64));
  const expected = await invariants(matrix(ROWS), matrix(near), on);
  for (const shift of [8192, -8192]) {
    const shifted = await invariants(matrix(ROWS.map((row) => row.map((x) => x + shift))), matrix(near), on);
    for (const [name, values] of Object.entries(expected)) {
      const rule = name === "klDivergence" ? "divergence" : "reduction";
      if (name === "smoothed" || rule === "divergence") {
        assertWithin(shifted[name], { rule, values }, `${name}, ${shift}`);
      } else assertSame(shifted[name], values, `${name}, ${shift}`);
    }
    const lse = oracle.logSumExp(ROWS).logSumExp.map((x) => x + shift);
    const { logSumExp: found } = await logSumExp(matrix(ROWS.map((row) => row.map((x) => x + shift))), on);
    assertWithin(found, { rule: "reduction", values: lse }, `logSumExp, ${shift}`);
  }
});

onEachBackend("crossEntropy() of logits that lie 1e4 apart is right to the last digits", async (on) => {
  const rows = [[1e4, -1e4, 0], [-1e4, -1e4 + 1, -1e4 + 2], [1e4, 1e4 - 17, 9990], [3e38, -3e38, 0]];
  const targets = [2, 0, 1, 0];
  const { loss, gradient } = await crossEntropy(matrix(rows), targets, { ...on, reduction: "none", gradient: true });
  const expected = expectLoss(rows.map((row) => Float32Array.from(row)), { targets });
  assertWithin(loss, expected.loss, "loss");
  assertWithin(valuesOf(gradient), expected.gradient, "gradient");
});

onEachBackend("crossEntropy() at a temperature keeps the digits of logits of 1e4", async (on) => {
  const rows = ROWS.map((row) => row.map((x) => x + 8192));
  for (const temperature of [0.7, 2]) {
    const { loss } = await crossEntropy(matrix(rows), TARGETS, { ...on, reduction: "none", temperature });
    const values = oracle.crossEntropy(rows, { targets: TARGETS, temperature }).loss;
    assertWithin(loss, { rule: "reduction", values }, `temperature ${temperature}`);
  }
});
