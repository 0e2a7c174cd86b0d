import { assertStrictEquals } from "@std/assert";
import { allocate, type DType, type Matrix, softmax } from "../mod.ts";
import { forRows, permutation } from "./arbitraries.ts";
import { onEachBackend, onEachKernel } from "./backends.ts";
import { readGolden } from "./golden.ts";
import { blank, DTYPES, fill, masked, matrix, normalRows, rounded, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { everySize } from "./sizes.ts";
import { testSubject } from "./subject.ts";
import { assertSame, assertWithin, type Expected, slackOf } from "./tolerance.ts";

testSubject({
  title: "softmax()",
  matrices: 1,
  async compute([logits], _ids, options) {
    return { probabilities: valuesOf((await softmax(logits, options)).probabilities) };
  },
  expect([rows], _ids, transformation) {
    const values = oracle.softmax(rows, transformation).probabilities;
    return { probabilities: { rule: "element", values, slack: slackOf(rows, transformation) } };
  },
  masked: { probabilities: 0 },
});

const random = new Random(20261123);
const ROWS = masked(normalRows(random, 3, 1500, 6), 7);

function expected(rows: readonly ArrayLike<number>[], dtype: DType = "f32"): Expected {
  return { rule: "element", values: oracle.softmax(rows).probabilities, dtype };
}

onEachBackend("softmax() agrees with PyTorch", async (on) => {
  for (const [i, { logits, softmax: rows }] of readGolden("softmax").entries()) {
    const { probabilities } = await softmax(matrix(logits), on);
    assertWithin(valuesOf(probabilities), { rule: "element", values: rows.flat() }, `case ${i}`);
  }
});

onEachKernel("softmax() agrees with the oracle at every size up to a block", async (on) => {
  const random = new Random(1);
  for (const vocab of everySize()) {
    const rows = normalRows(random, 2, vocab, 5);
    const { probabilities } = await softmax(matrix(rows), on);
    assertWithin(valuesOf(probabilities), expected(rows), `vocab ${vocab}`);
  }
});

for (const from of DTYPES) {
  onEachBackend(`softmax() of ${from} logits writes to a matrix of any dtype, and only to its rows`, async (on) => {
    const rows = rounded(ROWS, from);
    for (const to of DTYPES) {
      const out = blank([3, 1500], to, 1507);
      const { probabilities } = await softmax(matrix(rows, from, 1503), { ...on, out });
      assertStrictEquals(probabilities, out);
      assertWithin(valuesOf(out), expected(rows, to), to);
      const gap = (data: Matrix["data"]) => data.subarray(1500, 1507);
      assertSame(gap(out.data), gap(blank([3, 1500], to, 1507).data), `${to}, between the rows`);
    }
  });

  onEachBackend(`softmax() of ${from} logits works in place`, async (on) => {
    const rows = rounded(ROWS, from);
    const logits = matrix(rows, from, 1503);
    await softmax(logits, { ...on, out: logits });
    assertWithin(valuesOf(logits), expected(rows, from), "in an ordinary array");
    using resident = allocate([3, 1500], from);
    fill(resident, rows);
    await softmax(resident, { ...on, out: resident });
    assertSame(valuesOf(resident), valuesOf(logits), "in wasm memory");
  });
}

onEachBackend("softmax() does not change with a constant that is added to all logits", async (on) => {
  await forRows(async (row, shift) => {
    const [p, shifted] = [row, row.map((x) => x + shift)].map(async (row) => await softmax(matrix([row]), on));
    assertSame((await shifted).probabilities.data, (await p).probabilities.data, `shift ${shift}`);
  });
});

onEachBackend("softmax() moves with the order of the classes", async (on) => {
  await forRows(async (row, seed) => {
    const order = permutation(row.length, seed);
    const { probabilities: p } = await softmax(matrix([row]), on);
    const { probabilities: permuted } = await softmax(matrix([order.map((i) => row[i])]), on);
    assertWithin(permuted.data, { rule: "element", values: order.map((i) => p.data[i]) }, `seed ${seed}`);
  });
});

onEachBackend("softmax() gives rows that sum to 1", async (on) => {
  await forRows(async (row) => {
    const p = valuesOf((await softmax(matrix([row]), on)).probabilities);
    assertWithin([p.reduce((sum, x) => sum + x, 0)], { rule: "reduction", values: [1] }, "sum");
  });
});
