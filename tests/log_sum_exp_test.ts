import { assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { logSumExp } from "../mod.ts";
import { forRows, permutation } from "./arbitraries.ts";
import { type Choice, onEachBackend, onEachKernel } from "./backends.ts";
import { readGolden } from "./golden.ts";
import { masked, matrix, normalRows, type Rows } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { everySize } from "./sizes.ts";
import { testSubject } from "./subject.ts";
import { assertSame, assertWithin, EPSILON, slackOf } from "./tolerance.ts";

testSubject({
  title: "logSumExp()",
  matrices: 1,
  async compute([logits], _ids, options) {
    const { logSumExp: values } = await logSumExp(logits, options);
    return { logSumExp: values };
  },
  expect([rows], _ids, transformation) {
    const values = oracle.logSumExp(rows, transformation).logSumExp;
    return { logSumExp: { rule: "reduction", values, slack: slackOf(rows, transformation) } };
  },
});

async function assertExact(rows: Rows, on: Choice, what: string): Promise<void> {
  const { logSumExp: values } = await logSumExp(matrix(rows), on);
  assertWithin(values, { rule: "reduction", values: oracle.logSumExp(rows).logSumExp }, what);
}

onEachBackend("logSumExp() agrees with PyTorch", async (on) => {
  for (const [i, { logits, logSumExp: values }] of readGolden("softmax").entries()) {
    assertWithin((await logSumExp(matrix(logits), on)).logSumExp, { rule: "reduction", values }, `case ${i}`);
  }
});

onEachKernel("logSumExp() agrees with the oracle at every size up to a block", async (on) => {
  const random = new Random(1);
  for (const vocab of everySize()) {
    const rows = normalRows(random, 2, vocab, 5);
    await assertExact([rows[0], ...masked([rows[1]], 3, 1)], on, `vocab ${vocab}`);
  }
});

onEachBackend("logSumExp() keeps its digits where all classes but one are equal", async (on) => {
  // Equal terms round the same way at every addition of a running sum: the errors add up instead of averaging out.
  const random = new Random(2);
  for (const vocab of [16, 500, 1024, 5000]) {
    const rows = Array.from({ length: 100 }, () => {
      const row = new Float32Array(vocab).fill(-10 * random.uniform());
      row[random.integer(vocab)] = 0;
      return row;
    });
    await assertExact(rows, on, `vocab ${vocab}`);
  }
});

onEachBackend("logSumExp() is exact for equal logits and powers of two", async (on) => {
  const rows = [new Float32Array(4096).fill(-3), new Float32Array(4096)];
  assertSame(
    (await logSumExp(matrix(rows), on)).logSumExp,
    Float32Array.of(12 * Math.LN2 - 3, 12 * Math.LN2),
    "ln 2¹²",
  );
});

onEachBackend("logSumExp() moves with a constant that is added to all logits", async (on) => {
  await forRows(async (row, shift) => {
    const [lse, shifted] = (await logSumExp(matrix([row, row.map((x) => x + shift)]), on)).logSumExp;
    assertWithin([shifted], { rule: "reduction", values: [lse + shift], slack: [Math.abs(lse)] }, `shift ${shift}`);
  });
});

onEachBackend("logSumExp() does not depend on the order of the classes", async (on) => {
  await forRows(async (row, seed) => {
    const other = permutation(row.length, seed).map((i) => row[i]);
    const [lse, permuted] = (await logSumExp(matrix([row, other]), on)).logSumExp;
    assertWithin([permuted], { rule: "reduction", values: [lse] }, `seed ${seed}`);
  });
});

onEachBackend("logSumExp() lies between the maximum and the maximum plus ln vocab", async (on) => {
  await forRows(async (row) => {
    const [lse] = (await logSumExp(matrix([row]), on)).logSumExp;
    const max = row.reduce((a, b) => Math.max(a, b));
    assertGreaterOrEqual(lse, max);
    const most = max + Math.log(row.length);
    assertLessOrEqual(lse, most + EPSILON * (4 + Math.abs(most)));
  });
});

onEachBackend("logSumExp() is empty if there are no rows", async (on) => {
  const { logSumExp: values } = await logSumExp({ data: new Float32Array(0), shape: [0, 5] }, on);
  assertSame(values, [], "logSumExp");
});

onEachBackend("logSumExp() with a soft cap leaves -Infinity and caps Infinity", async (on) => {
  const logits = matrix([[-Infinity, 4], [Infinity, -Infinity]]);
  const { logSumExp: values } = await logSumExp(logits, { ...on, softcap: 2, temperature: 0.5 });
  assertWithin(values, { rule: "reduction", values: [4 * Math.tanh(2), 4] }, "logSumExp");
});
