// linear(): logits from products, at sizes around every tile and panel.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { allocate, linear } from "../mod.ts";
import { linear as linearSync } from "../src/sync.ts";
import { threads as startThreads } from "../src/wasm/pool.ts";
import { onEachBackend, onEachBuild, onEachSyncBackend } from "./backends.ts";
import { blank, DTYPES, fill, matrix, normalRows, rounded, type Rows, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame, EPSILON } from "./tolerance.ts";

// Started here, lest a test seem to have leaked them.
startThreads(8);

const random = new Random(20261125);

/** Rows, hidden numbers and classes around a tile's six rows, a panel's eight columns and its 256 steps. */
const SIZES = [[1, 1, 1], [1, 300, 9], [5, 255, 7], [6, 256, 8], [7, 257, 65], [13, 3, 1000], [517, 40, 33]] as const;

/** Asserts that logits are the sums of products: f32 sums of n terms are off by less than n ε₃₂ of the terms' magnitudes. */
function assertProduct(actual: ArrayLike<number>, hidden: Rows, weight: Rows, bias: ArrayLike<number>, what: string) {
  assertEquals(actual.length, hidden.length * weight.length);
  hidden.forEach((h, r) => {
    weight.forEach((w, v) => {
      let sum = bias[v], size = Math.abs(bias[v]);
      for (let k = 0; k < h.length; k++) sum += h[k] * w[k], size += Math.abs(h[k] * w[k]);
      const error = Math.abs(actual[r * weight.length + v] - sum);
      assert(error <= EPSILON * (h.length + 1) * size, `${what}: row ${r}, class ${v} is off by ${error}`);
    });
  });
}

for (const dtype of DTYPES) {
  onEachBackend(`linear() of ${dtype} matrices with gaps between rows agrees with sums in f64`, async (on) => {
    for (const [rows, hidden, vocab] of SIZES) {
      const h = rounded(normalRows(random, rows, hidden, 1), dtype);
      const w = rounded(normalRows(random, vocab, hidden, 1), dtype);
      const bias = normalRows(random, 1, vocab, 3)[0];
      const [left, right] = [matrix(h, dtype, hidden + 3), matrix(w, dtype, hidden + 5)];
      const { logits } = await linear(left, right, { ...on, bias });
      assertProduct(valuesOf(logits), h, w, bias, `${rows} × ${hidden} × ${vocab}`);
    }
  });
}

onEachBackend("linear() writes to a given matrix, and only to its rows", async (on) => {
  const h = normalRows(random, 9, 20, 1), w = normalRows(random, 30, 20, 1), out = blank([9, 30], "f32", 37);
  const { logits } = await linear(matrix(h), matrix(w), { ...on, out });
  assertStrictEquals(logits, out);
  assertProduct(valuesOf(out), h, w, new Float32Array(30), "given");
  assertSame(out.data.subarray(30, 37), new Float32Array(7).fill(NaN), "between the rows");
});

onEachBackend(
  "linear() follows IEEE arithmetic: a bias of -Infinity masks, NaN stays in its row and class",
  async (on) => {
    const h = [[1, NaN], [0, 1], [Infinity, 1]], w = [[1, 0], [0, 1], [2, 2]];
    const { logits } = await linear(matrix(h), matrix(w), { ...on, bias: [0, -Infinity, 1] });
    const expected = [NaN, NaN, NaN, 0, -Infinity, 3, Infinity, NaN, Infinity];
    assertSame(valuesOf(logits), Float64Array.from(expected), "edges");
  },
);

onEachBuild("linear() gives the same bits for any number of threads, wherever its matrices lie", async (on) => {
  const h = normalRows(random, 600, 70, 1), w = normalRows(random, 1500, 70, 1);
  const { logits } = await linear(matrix(h), matrix(w), { ...on, threads: 1 });
  using left = allocate([600, 70]), right = allocate([1500, 70]), out = allocate([600, 1500]);
  fill(left, h);
  fill(right, w);
  for (const threads of [2, 3, 8]) {
    const { report } = await linear(left, right, { ...on, threads, out });
    assertEquals(report.threads, threads);
    assertSame(valuesOf(out), valuesOf(logits), `${threads} threads`);
    assertSame(valuesOf((await linear(matrix(h), matrix(w), { ...on, threads })).logits), valuesOf(logits), "arrays");
  }
});

onEachSyncBackend("linear() without a promise is the same", async (on) => {
  const h = matrix(normalRows(random, 20, 33, 1)), w = matrix(normalRows(random, 50, 33, 1));
  assertSame(valuesOf(linearSync(h, w, on).logits), valuesOf((await linear(h, w, on)).logits), "sync");
});

onEachBackend("linear() of no rows has none", async (on) => {
  const { logits } = await linear({ data: new Float32Array(0), shape: [0, 4] }, matrix([[1, 2, 3, 4]]), on);
  assertEquals([logits.shape, logits.data.length], [[0, 1], 0]);
});

Deno.test("linear() refuses bad matrices by name, position and value", async () => {
  const h = matrix([[1, 2]]), w = matrix([[1, 2], [3, 4]]);
  const cases: readonly [() => Promise<unknown>, typeof TypeError | typeof RangeError, string][] = [
    [
      () => linear(h, matrix([[1, 2, 3]])),
      RangeError,
      "hidden is [1, 2], weight is [1, 3]: their rows differ in length",
    ],
    [() => linear(h, { data: new Float32Array(0), shape: [0, 2] }), RangeError, "weight.shape[0] is 0, less than 1"],
    [() => linear(h, w, { bias: [1] }), TypeError, "bias has 1 elements, not one for each of 2 classes"],
    [() => linear(h, w, { bias: [1, NaN] }), RangeError, "bias[1] is NaN, not finite"],
    [() => linear(h, w, { out: blank([1, 3]) }), RangeError, "out is [1, 3], hidden·weightᵀ is [1, 2]"],
    [() => linear(h, w, { out: blank([1, 2], "f16") }), TypeError, "out is f16, not f32"],
    [() => linear(h, w, { out: { data: w.data.subarray(1), shape: [1, 2] } }), RangeError, "out overlaps weight"],
    [() => linear(h, w, { softcap: 1 } as object), TypeError, 'there is no option "softcap"'],
  ];
  for (const [call, error, message] of cases) await assertRejects(call, error, `Cannot compute linear: ${message}`);
});
