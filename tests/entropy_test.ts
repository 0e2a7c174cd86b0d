import { assertAlmostEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { entropy } from "../mod.ts";
import { forRows, permutation } from "./arbitraries.ts";
import { onEachBackend } from "./backends.ts";
import { readGolden } from "./golden.ts";
import { matrix } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { testSubject } from "./subject.ts";
import { assertWithin, EPSILON, slackOf } from "./tolerance.ts";

testSubject({
  title: "entropy()",
  matrices: 1,
  async compute([logits], _ids, options) {
    const { entropy: values, logSumExp } = await entropy(logits, options);
    return { entropy: values, logSumExp };
  },
  expect([rows], _ids, transformation) {
    const slack = slackOf(rows, transformation);
    const { entropy: values, logSumExp } = oracle.entropy(rows, transformation);
    return {
      entropy: { rule: "reduction", values, slack },
      logSumExp: { rule: "reduction", values: logSumExp, slack },
    };
  },
});

onEachBackend("entropy() agrees with PyTorch", async (on) => {
  for (const [i, { logits, entropy: values, logSumExp }] of readGolden("softmax").entries()) {
    const found = await entropy(matrix(logits), on);
    assertWithin(found.entropy, { rule: "reduction", values }, `case ${i}: entropy`);
    assertWithin(found.logSumExp, { rule: "reduction", values: logSumExp }, `case ${i}: logSumExp`);
  }
});

onEachBackend("entropy() in base 2 is in bits", async (on) => {
  const { entropy: bits } = await entropy(matrix([[0, 0], [5, -Infinity]]), { ...on, base: 2 });
  assertWithin(bits, { rule: "reduction", values: [1, 0] }, "bits");
  const { entropy: uniform } = await entropy(matrix([new Float32Array(65536)]), { ...on, base: 2 });
  assertAlmostEquals(uniform[0], 16, 16 * EPSILON);
});

onEachBackend("entropy() is 0 where one class has all the mass", async (on) => {
  const rows = [[7, -Infinity, -Infinity], [0, -200, -300]];
  assertWithin((await entropy(matrix(rows), on)).entropy, { rule: "exact", values: [0, 0] }, "entropy");
});

onEachBackend("entropy() lies between 0 and ln vocab", async (on) => {
  await forRows(async (row) => {
    const [h] = (await entropy(matrix([row]), on)).entropy;
    const most = Math.log(row.length);
    assertGreaterOrEqual(h, 0);
    assertLessOrEqual(h, most + EPSILON * (4 + most));
  });
});

onEachBackend("entropy() depends neither on the order of the classes nor on a constant added to all", async (on) => {
  await forRows(async (row, whole) => {
    const permuted = permutation(row.length, whole).map((i) => row[i]);
    const shifted = row.map((x) => x + whole);
    const [h, ...others] = (await entropy(matrix([row, permuted, shifted]), on)).entropy;
    assertWithin(others, { rule: "reduction", values: [h, h] }, `${whole}`);
  });
});
