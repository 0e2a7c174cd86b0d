// The gradients of the reference against central differences of its own values.

import { assertClose } from "./close.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";

const SEED = 20261123;
const ROWS = 2;
const VOCAB = 7;

/** Half the distance of the two values of a central difference; the truncation is of order its square. */
const STEP = 1e-5;
const TOLERANCE = 1e-9;

/** Σ over rows of the derivative of value(row) with respect to each raw logit; masked logits have none. */
function centralDifferences(x: readonly number[][], values: (x: number[][]) => ArrayLike<number>): number[] {
  return x.flatMap((row, i) =>
    row.map((logit, j) => {
      if (logit === -Infinity) return 0;
      const [above, below] = [STEP, -STEP].map((step) => {
        const moved = x.map((row) => [...row]);
        moved[i][j] = logit + step;
        return values(moved)[i];
      });
      return (above - below) / (2 * STEP);
    })
  );
}

function logits(random: Random): number[][] {
  return Array.from({ length: ROWS }, () => random.normals(VOCAB, 2));
}

function masked(x: number[][]): number[][] {
  return x.map((row, i) => row.map((logit, j) => j === 2 * i ? -Infinity : logit));
}

const TRANSFORMATIONS = [{}, { temperature: 0.6 }, { softcap: 3, temperature: 1.7 }];

for (const transformation of TRANSFORMATIONS) {
  const where = JSON.stringify(transformation);

  Deno.test(`crossEntropy() of the reference has the gradient of its loss, ${where}`, () => {
    const random = new Random(SEED);
    const classWeights = random.normals(VOCAB).map(Math.abs);
    const targetProbabilities = logits(random).map((row) => [...oracle.softmax([row]).probabilities]);
    const gradientScale = random.normals(ROWS);
    const parameters = { confidence: 0.8, smoothing: 0.2 / VOCAB, zLoss: 0.01, classWeights, ...transformation };
    const x = masked(logits(random));
    for (
      const target of [{ targets: [3, 5] }, {
        targetProbabilities: masked(targetProbabilities).map((p) => p.map((t) => Math.max(t, 0))),
      }]
    ) {
      const options = { ...parameters, ...target };
      const { gradient } = oracle.crossEntropy(x, { ...options, gradientScale, scale: 0.5 });
      const expected = centralDifferences(x, (x) => oracle.crossEntropy(x, options).loss)
        .map((slope, i) => 0.5 * gradientScale[Math.floor(i / VOCAB)] * slope);
      assertClose(gradient, expected, TOLERANCE, `seed ${SEED}, ${Object.keys(target)}`);
    }
  });

  for (
    const [name, divergence] of Object.entries({ klDivergence: oracle.klDivergence, jsDivergence: oracle.jsDivergence })
  ) {
    Deno.test(`${name}() of the reference has the gradients of its divergence, ${where}`, () => {
      const random = new Random(SEED);
      const options = { ...transformation, beta: 0.3 };
      const p = masked(logits(random));
      const q = name === "klDivergence" ? logits(random) : masked(logits(random)).reverse();
      const { gradientP, gradientQ } = divergence(p, q, { ...options, scale: 0.5 });
      const byP = centralDifferences(p, (p) => divergence(p, q, options).divergence);
      const byQ = centralDifferences(q, (q) => divergence(p, q, options).divergence);
      assertClose(gradientP, byP.map((slope) => 0.5 * slope), TOLERANCE, `seed ${SEED}, gradientP`);
      assertClose(gradientQ, byQ.map((slope) => 0.5 * slope), TOLERANCE, `seed ${SEED}, gradientQ`);
    });
  }
}

Deno.test("the gradients of divergences between probabilities are those with respect to their logarithms", () => {
  const random = new Random(SEED);
  const p = masked(logits(random)), q = logits(random);
  const exp = (rows: number[][]) => rows.map((row) => row.map(Math.exp));
  for (const divergence of [oracle.klDivergence, oracle.jsDivergence]) {
    const ofLogits = divergence(p, q, { temperature: 2 });
    const ofProbabilities = divergence(exp(p), exp(q), { temperature: 2, input: 1 });
    assertClose(ofProbabilities.divergence, ofLogits.divergence, 1e-14, "divergence");
    assertClose(ofProbabilities.gradientP, ofLogits.gradientP, 1e-14, "gradientP");
    assertClose(ofProbabilities.gradientQ, ofLogits.gradientQ, 1e-14, "gradientQ");
  }
});

Deno.test("jsDivergence() of the reference keeps its gradient where p is tiny beside q", () => {
  const { gradientP } = oracle.jsDivergence([[0, -60]], [[-60, 0]]);
  // m ≈ (1 / 2, 1 / 2): P₁·(ln(P₁ / m₁) − A) with A = ln 2.
  const expected = 0.5 * Math.exp(-60) * (-60 + Math.LN2 - Math.LN2);
  assertClose(gradientP[1] / expected, 1, 1e-12, "gradientP[1]");
});
