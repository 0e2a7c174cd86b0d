import { assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { klDivergence, type KlDivergenceOptions, type Matrix } from "../mod.ts";
import { forPairs, forRows } from "./arbitraries.ts";
import { onEachBackend } from "./backends.ts";
import { centralDifferences } from "./differences.ts";
import { expectKl, flatten, repeated } from "./divergence_cases.ts";
import { readGolden } from "./golden.ts";
import { DTYPES, masked, matrix, normalRows, rounded, type Rows, rowsOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { testSubject } from "./subject.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

/** One divergence a row and both gradients, unless `options` say otherwise. */
async function klOf(p: Matrix, q: Matrix, options: KlDivergenceOptions) {
  return flatten(await klDivergence(p, q, { reduction: "none", gradient: "both", ...options }));
}

testSubject({
  title: "klDivergence()",
  matrices: 2,
  compute: ([p, q], _ids, options) => klOf(p, q, options),
  expect: ([p, q], _ids, transformation) => expectKl(p, q, transformation),
  masked: { gradientP: 0, gradientQ: 1 },
});

const inf = Infinity;
const P = normalRows(new Random(11), 3, 1500, 3);
const Q = normalRows(new Random(12), 3, 1500, 3);

onEachBackend("klDivergence() agrees with PyTorch", async (on) => {
  for (const [i, { p, q, temperature, kl, gradientP, gradientQ }] of readGolden("kl_divergence").entries()) {
    const found = await klOf(matrix(p), matrix(q), { ...on, temperature });
    const expected = expectKl(p, q, { temperature });
    const golden = { divergence: kl, gradientP: gradientP.flat(), gradientQ: gradientQ.flat() };
    for (const name of ["divergence", "gradientP", "gradientQ"] as const) {
      assertWithin(found[name], { ...expected[name], values: golden[name] }, `case ${i}: ${name}`);
    }
  }
});

onEachBackend("klDivergence() of equal rows is exactly 0, and so are its gradients", async (on) => {
  await forRows(async (row) => {
    for (const dtype of DTYPES) {
      const x = matrix([row], dtype);
      for (const temperature of [1, 0.7]) {
        const { divergence, gradientP, gradientQ } = await klOf(x, { ...x }, { ...on, temperature });
        assertSame(divergence, [0], dtype);
        const zeros = { rule: "exact", values: new Float64Array(row.length) } as const;
        assertWithin(gradientP, zeros, `${dtype}: gradientP`);
        assertWithin(gradientQ, zeros, `${dtype}: gradientQ`);
      }
    }
    const probabilities = matrix([oracle.softmax([row]).probabilities]);
    assertSame((await klOf(probabilities, probabilities, { ...on, input: "probabilities" })).divergence, [0], "input");
  });
});

onEachBackend("klDivergence() is never negative", async (on) => {
  await forPairs(async (p, q) => {
    for (const nearness of [1, 1e-3, 1e-6]) {
      const near = q.map((x, i) => p[i] + (x - p[i]) * nearness).map((x) => Number.isNaN(x) ? -inf : x);
      const { divergence } = await klDivergence(matrix([p]), matrix([near]), on);
      assertGreaterOrEqual(divergence, 0);
    }
  });
});

onEachBackend("klDivergence() does not change with constants that are added to the logits", async (on) => {
  await forRows(async (row, shift) => {
    const other = row.map((x, i) => x + (i % 7) / 8);
    const { divergence } = await klOf(matrix([row]), matrix([other]), on);
    const shifted = await klOf(matrix([row]), matrix([other.map((x) => x + shift)]), on);
    assertWithin(shifted.divergence, { rule: "divergence", values: divergence }, `shift ${shift}`);
  });
});

onEachBackend("klDivergence() counts classes with p = 0 as 0", async (on) => {
  const p = [[0, 0, -inf], [0, 0, -inf], [-inf, 0, -inf]];
  const q = [[0, 0, 0], [0, 0, -inf], [0, 0, 1]];
  const { divergence, gradientP, gradientQ } = await klOf(matrix(p), matrix(q), on);
  const values = [Math.log(1.5), 0, Math.log(2 + Math.E)];
  assertWithin(divergence, { rule: "divergence", values }, "divergence");
  const expected = expectKl(p, q);
  assertWithin(gradientP, expected.gradientP, "gradientP");
  assertWithin(gradientQ, expected.gradientQ, "gradientQ");
});

onEachBackend("klDivergence() returns Infinity where q = 0 < p, however small p is", async (on) => {
  for (const vocab of [3, 40, 1030, 16400]) {
    for (const depth of [0, 50, 200, 1e6]) {
      for (const place of [0, vocab >> 1, vocab - 1]) {
        const p = new Float32Array(vocab), q = new Float32Array(vocab);
        p[place] = -depth;
        q[place] = -inf;
        const forward = await klDivergence(matrix([p, q, p]), matrix([q, p, p]), { ...on, reduction: "none" });
        const [found, reverse, same] = forward.divergence;
        assertEquals([found, same], [inf, 0], `vocab ${vocab}, ${depth} below the maximum, at ${place}`);
        assertEquals(Number.isFinite(reverse), true);
      }
    }
  }
});

onEachBackend("klDivergence() of probabilities treats 0 as they do", async (on) => {
  const p = [[0.25, 0.75, 0], [0.5, 0.5, 0], [0.5, 0.25, 0.25]];
  const q = [[0.5, 0.5, 0], [0.5, 0.25, 0.25], [0.5, 0.5, 0]];
  const found = await klOf(matrix(p), matrix(q), { ...on, input: "probabilities" });
  const values = [0.25 * Math.log(0.5) + 0.75 * Math.log(1.5), 0.5 * Math.LN2, inf];
  assertWithin(found.divergence, { rule: "divergence", values }, "divergence");
  const expected = expectKl(p.slice(0, 2), q.slice(0, 2), { input: 1 });
  assertWithin(Array.from(found.gradientP).slice(0, 6), expected.gradientP, "gradientP");
  assertWithin(Array.from(found.gradientQ).slice(0, 6), expected.gradientQ, "gradientQ");
});

onEachBackend("klDivergence() normalises probabilities, and takes log-probabilities for logits", async (on) => {
  const ofLogits = await klOf(matrix(P), matrix(Q), on);
  assertSame(
    (await klOf(matrix(P), matrix(Q), { ...on, input: "logProbabilities" })).divergence,
    ofLogits.divergence,
    "log",
  );
  const p = P.map((row) => row.map(Math.exp)), q = Q.map((row) => row.map(Math.exp));
  const found = await klOf(matrix(p), matrix(q), { ...on, input: "probabilities" });
  const expected = expectKl(p, q, { input: 1 });
  for (const name of ["divergence", "gradientP", "gradientQ"] as const) {
    assertWithin(found[name], { ...expected[name], slack: [12, 12, 12] }, name);
  }
});

onEachBackend("klDivergence() in reverse is that of q and p", async (on) => {
  const swapped = await klOf(matrix(Q), matrix(P), on);
  const reverse = await klOf(matrix(P), matrix(Q), { ...on, direction: "reverse" });
  assertSame(reverse.divergence, swapped.divergence, "divergence");
  assertSame(reverse.gradientP, swapped.gradientQ, "gradientP");
  assertSame(reverse.gradientQ, swapped.gradientP, "gradientQ");
});

onEachBackend("klDivergence() reduces to the mean over rows, or the sum", async (on) => {
  const { divergence, gradientP, gradientQ } = expectKl(P, Q, { scale: 1 / 3 });
  const total = Array.from(divergence.values).reduce((a, b) => a + b);
  const mean = await klOf(matrix(P), matrix(Q), { ...on, reduction: "mean" });
  assertWithin(mean.divergence, { rule: "divergence", values: [total / 3] }, "mean");
  assertWithin(mean.gradientP, gradientP, "gradientP");
  assertWithin(mean.gradientQ, gradientQ, "gradientQ");
  const sum = await klOf(matrix(P), matrix(Q), { ...on, reduction: "sum" });
  assertWithin(sum.divergence, { rule: "divergence", values: [total], slack: [8] }, "sum");
});

onEachBackend("klDivergence() returns the gradients that are asked for", async (on) => {
  const both = await klDivergence(matrix(P), matrix(Q), { ...on, gradient: "both" });
  const p = await klDivergence(matrix(P), matrix(Q), { ...on, gradient: "p" });
  const q = await klDivergence(matrix(P), matrix(Q), { ...on, gradient: "q" });
  const none = await klDivergence(matrix(P), matrix(Q), on);
  assertEquals([p.gradientP?.data, p.gradientQ], [both.gradientP?.data, undefined]);
  assertEquals([q.gradientP, q.gradientQ?.data], [undefined, both.gradientQ?.data]);
  assertEquals([none.gradientP, none.gradientQ, none.divergence], [undefined, undefined, both.divergence]);
});

/** The oracle's divergence is differenced: in f64, which the public functions do not return. */
onEachBackend("klDivergence() has the gradients of its divergence", async (on) => {
  const random = new Random(13);
  const p = masked(normalRows(random, 2, 9, 2), 9, 4), q = normalRows(random, 2, 9, 2);
  for (const transformation of [{}, { temperature: 0.6 }, { softcap: 3, temperature: 1.7 }]) {
    const { gradientP, gradientQ } = await klOf(matrix(p), matrix(q), { ...on, ...transformation });
    const divergence = (p: Rows, q: Rows) => oracle.klDivergence(p, q, transformation).divergence;
    const byP = centralDifferences(p, (p) => divergence(p, q)), byQ = centralDifferences(q, (q) => divergence(p, q));
    const terms = byP.map(() => 4), what = JSON.stringify(transformation);
    assertWithin(gradientP, { rule: "element", values: byP, terms }, `${what}: gradientP`);
    assertWithin(gradientQ, { rule: "element", values: byQ, terms }, `${what}: gradientQ`);
  }
});

onEachBackend("klDivergence() takes rows of different dtypes, and one row for all", async (on) => {
  for (const dtypeP of DTYPES) {
    for (const dtypeQ of DTYPES) {
      const p = rounded(P, dtypeP), single = rounded([Q[0]], dtypeQ), q = [single[0], single[0], single[0]];
      const found = await klOf(matrix(p, dtypeP, 1507), repeated(matrix(single, dtypeQ), 3), on);
      for (const [name, expected] of Object.entries(expectKl(p, q))) {
        assertWithin(found[name as keyof typeof found], expected, `${dtypeP} and ${dtypeQ}: ${name}`);
      }
    }
  }
  assertEquals(rowsOf(matrix(P)).length, 3);
});

onEachBackend("klDivergence() refuses rows of different lengths", async (on) => {
  await assertRejects(() => klDivergence(matrix([[1, 2]]), matrix([[1, 2, 3]]), on), RangeError, "[1, 3]");
});
