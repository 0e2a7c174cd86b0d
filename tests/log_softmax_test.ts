import { assertStrictEquals } from "@std/assert";
import { allocate, type DType, logSoftmax } from "../mod.ts";
import { forRows } from "./arbitraries.ts";
import { onEachBackend } from "./backends.ts";
import { readGolden } from "./golden.ts";
import { blank, DTYPES, fill, masked, matrix, normalRows, rounded, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { testSubject } from "./subject.ts";
import { assertSame, assertWithin, type Expected, slackOf } from "./tolerance.ts";

testSubject({
  title: "logSoftmax()",
  matrices: 1,
  async compute([logits], _ids, options) {
    return { logProbabilities: valuesOf((await logSoftmax(logits, options)).logProbabilities) };
  },
  expect([rows], _ids, transformation) {
    const values = oracle.softmax(rows, transformation).logProbabilities;
    return { logProbabilities: { rule: "reduction", values, slack: slackOf(rows, transformation) } };
  },
});

const random = new Random(20261123);
const ROWS = masked(normalRows(random, 3, 1500, 6), 7);

function expected(rows: readonly ArrayLike<number>[], dtype: DType = "f32"): Expected {
  return { rule: "reduction", values: oracle.softmax(rows).logProbabilities, dtype };
}

onEachBackend("logSoftmax() agrees with PyTorch", async (on) => {
  for (const [i, { logits, logSoftmax: rows }] of readGolden("softmax").entries()) {
    const { logProbabilities } = await logSoftmax(matrix(logits), on);
    assertWithin(valuesOf(logProbabilities), { rule: "reduction", values: rows.flat() }, `case ${i}`);
  }
});

for (const from of DTYPES) {
  onEachBackend(`logSoftmax() of ${from} logits writes to a matrix of any dtype, and in place`, async (on) => {
    const rows = rounded(ROWS, from);
    for (const to of DTYPES) {
      const out = blank([3, 1500], to, 1507);
      const { logProbabilities } = await logSoftmax(matrix(rows, from, 1503), { ...on, out });
      assertStrictEquals(logProbabilities, out);
      assertWithin(valuesOf(out), expected(rows, to), to);
    }
    using resident = allocate([3, 1500], from);
    fill(resident, rows);
    const logits = matrix(rows, from);
    for (const out of [logits, resident]) await logSoftmax(out, { ...on, out });
    assertWithin(valuesOf(logits), expected(rows, from), "in place");
    assertSame(valuesOf(resident), valuesOf(logits), "in wasm memory");
  });
}

onEachBackend("logSoftmax() does not change with a constant that is added to all logits", async (on) => {
  await forRows(async (row, shift) => {
    const { logProbabilities } = await logSoftmax(matrix([row, row.map((x) => x + shift)]), on);
    const { data } = logProbabilities;
    assertSame(data.subarray(row.length), data.subarray(0, row.length), `shift ${shift}`);
  });
});

onEachBackend("logSoftmax() keeps its digits next to a logit that has all the mass", async (on) => {
  // ln p of the likely class is −e⁻¹⁶ of what the others sum to; that of the others, their distance less that.
  const rows = [16, 60, 100].map((gap) => [0, -gap, -gap - 1]);
  const { logProbabilities } = await logSoftmax(matrix(rows), on);
  assertWithin(valuesOf(logProbabilities), expected(rows), "logProbabilities");
});
