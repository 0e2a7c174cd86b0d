import { assertEquals, assertLessOrEqual } from "@std/assert";
import { jsDivergence, type JsDivergenceOptions, type Matrix } from "../mod.ts";
import { forPairs, forRows } from "./arbitraries.ts";
import { onEachBackend } from "./backends.ts";
import { centralDifferences } from "./differences.ts";
import { expectJs, flatten, repeated } from "./divergence_cases.ts";
import { readGolden } from "./golden.ts";
import { DTYPES, masked, matrix, normalRows, rounded, type Rows } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { testSubject } from "./subject.ts";
import { assertSame, assertWithin, EPSILON } from "./tolerance.ts";

/** One divergence a row and both gradients, unless `options` say otherwise. */
async function jsOf(p: Matrix, q: Matrix, options: JsDivergenceOptions) {
  return flatten(await jsDivergence(p, q, { reduction: "none", gradient: "both", ...options }));
}

testSubject({
  title: "jsDivergence()",
  matrices: 2,
  compute: ([p, q], _ids, options) => jsOf(p, q, { ...options, beta: 0.3 }),
  expect: ([p, q], _ids, transformation) => expectJs(p, q, { ...transformation, beta: 0.3 }),
  masked: { gradientP: 0, gradientQ: 1 },
});

const inf = Infinity;
const P = normalRows(new Random(14), 3, 1500, 3);
const Q = normalRows(new Random(15), 3, 1500, 3);

onEachBackend("jsDivergence() agrees with PyTorch", async (on) => {
  for (const [i, golden] of readGolden("kl_divergence").entries()) {
    const { p, q, temperature, jsdBeta: beta, jsd, jsdGradientP, jsdGradientQ } = golden;
    const found = await jsOf(matrix(p), matrix(q), { ...on, temperature, beta });
    const expected = expectJs(p, q, { temperature, beta });
    const values = { divergence: jsd, gradientP: jsdGradientP.flat(), gradientQ: jsdGradientQ.flat() };
    for (const name of ["divergence", "gradientP", "gradientQ"] as const) {
      assertWithin(found[name], { ...expected[name], values: values[name] }, `case ${i}: ${name}`);
    }
  }
});

onEachBackend("jsDivergence() of equal rows is exactly 0, and so are its gradients", async (on) => {
  await forRows(async (row) => {
    for (const dtype of DTYPES) {
      const x = matrix([row], dtype);
      const { divergence, gradientP, gradientQ } = await jsOf(x, { ...x }, { ...on, beta: 0.3 });
      assertSame(divergence, [0], dtype);
      const zeros = { rule: "exact", values: new Float64Array(row.length) } as const;
      assertWithin(gradientP, zeros, `${dtype}: gradientP`);
      assertWithin(gradientQ, zeros, `${dtype}: gradientQ`);
    }
  });
});

onEachBackend("jsDivergence() is symmetric for beta = 1/2, and at most ln 2", async (on) => {
  await forPairs(async (p, q) => {
    const { divergence } = await jsDivergence(matrix([p, q]), matrix([q, p]), { ...on, reduction: "none" });
    assertWithin([divergence[0]], { rule: "divergence", values: [divergence[1]] }, "symmetric");
    assertLessOrEqual(divergence[0], Math.LN2 + EPSILON * 4);
    assertLessOrEqual(0, divergence[0]);
  });
});

onEachBackend("jsDivergence() of distributions with nothing in common is the entropy of beta", async (on) => {
  const p = [[0, -inf], [0, 0, -inf, -inf]], q = [[-inf, 0], [-inf, -inf, 3, 3]];
  for (const beta of [0.5, 0.3, 0.01]) {
    const values = [-beta * Math.log(beta) - (1 - beta) * Math.log(1 - beta)];
    for (const i of [0, 1]) {
      const { divergence, gradientP, gradientQ } = await jsOf(matrix([p[i]]), matrix([q[i]]), { ...on, beta });
      assertWithin(divergence, { rule: "reduction", values }, `beta ${beta}`);
      const none = { rule: "element", values: p[i].map(() => 0), terms: p[i].map(() => 1) } as const;
      assertWithin(gradientP, none, `beta ${beta}: gradientP`);
      assertWithin(gradientQ, none, `beta ${beta}: gradientQ`);
    }
  }
});

onEachBackend("jsDivergence() takes probabilities, log-probabilities and logits", async (on) => {
  const ofLogits = await jsOf(matrix(P), matrix(Q), on);
  assertSame(
    (await jsOf(matrix(P), matrix(Q), { ...on, input: "logProbabilities" })).divergence,
    ofLogits.divergence,
    "log",
  );
  const p = P.map((row) => row.map(Math.exp)), q = Q.map((row) => row.map(Math.exp));
  const found = await jsOf(matrix(p), matrix(q), { ...on, input: "probabilities" });
  const expected = expectJs(p, q, { input: 1 });
  for (const name of ["divergence", "gradientP", "gradientQ"] as const) {
    assertWithin(found[name], { ...expected[name], slack: [12, 12, 12] }, name);
  }
  const zeros = await jsOf(matrix([[1, 0]]), matrix([[0.5, 0.5]]), { ...on, input: "probabilities" });
  assertWithin(zeros.divergence, { rule: "divergence", values: [0.75 * Math.log(4 / 3)] }, "zeros");
});

onEachBackend("jsDivergence() reduces to the mean over rows, or the sum", async (on) => {
  const { divergence, gradientP, gradientQ } = expectJs(P, Q, { scale: 1 / 3 });
  const total = Array.from(divergence.values).reduce((a, b) => a + b);
  const mean = await jsOf(matrix(P), matrix(Q), { ...on, reduction: "mean" });
  assertWithin(mean.divergence, { rule: "divergence", values: [total / 3] }, "mean");
  assertWithin(mean.gradientP, gradientP, "gradientP");
  assertWithin(mean.gradientQ, gradientQ, "gradientQ");
  const { divergence: sum } = await jsDivergence(matrix(P), matrix(Q), { ...on, reduction: "sum" });
  assertWithin([sum], { rule: "divergence", values: [total], slack: [8] }, "sum");
  const { gradientP: absent, gradientQ: present } = await jsDivergence(matrix(P), matrix(Q), { ...on, gradient: "q" });
  assertEquals([absent, present?.data.length], [undefined, 4500]);
});

/** The oracle's divergence is differenced: in f64, which the public functions do not return. */
onEachBackend("jsDivergence() has the gradients of its divergence", async (on) => {
  const random = new Random(16);
  const p = masked(normalRows(random, 2, 9, 2), 9, 4), q = masked(normalRows(random, 2, 9, 2), 9, 2);
  for (const transformation of [{}, { temperature: 0.6 }, { softcap: 3, temperature: 1.7 }]) {
    const options = { ...transformation, beta: 0.3 };
    const { gradientP, gradientQ } = await jsOf(matrix(p), matrix(q), { ...on, ...options });
    const divergence = (p: Rows, q: Rows) => oracle.jsDivergence(p, q, options).divergence;
    const byP = centralDifferences(p, (p) => divergence(p, q)), byQ = centralDifferences(q, (q) => divergence(p, q));
    const terms = byP.map(() => 4), what = JSON.stringify(transformation);
    assertWithin(gradientP, { rule: "element", values: byP, terms }, `${what}: gradientP`);
    assertWithin(gradientQ, { rule: "element", values: byQ, terms }, `${what}: gradientQ`);
  }
});

onEachBackend("jsDivergence() takes rows of different dtypes, and one row for all", async (on) => {
  for (const dtypeP of DTYPES) {
    for (const dtypeQ of DTYPES) {
      const p = rounded(P, dtypeP), single = rounded([Q[0]], dtypeQ), q = [single[0], single[0], single[0]];
      const found = await jsOf(matrix(p, dtypeP, 1507), repeated(matrix(single, dtypeQ), 3), on);
      for (const [name, expected] of Object.entries(expectJs(p, q))) {
        assertWithin(found[name as keyof typeof found], expected, `${dtypeP} and ${dtypeQ}: ${name}`);
      }
    }
  }
});
