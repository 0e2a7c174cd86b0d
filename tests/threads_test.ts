// Results have the same bits for any number of threads, however the work is shared out and wherever the logits lie.

import { assert, assertEquals, assertGreater } from "@std/assert";
import { allocate, type DType, type Matrix, type Report } from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import * as asynchronous from "../mod.ts";
import { divide } from "../src/cost/division.ts";
import { kernels } from "../src/wasm/kernels.ts";
import { threads as startThreads } from "../src/wasm/pool.ts";
import { type Choice, onEachBuild } from "./backends.ts";
import { fill, masked, matrix, normalRows, type Rows } from "./matrices.ts";
import { Random } from "./random.ts";

// Started here, lest a test seem to have leaked them.
startThreads(8);

type Options = Choice & { readonly threads: number };
type Functions = typeof synchronous;
type Result = object | Promise<object>;

/** They take the same arguments; types cannot say so of overloads. */
const WITH_PROMISES = asynchronous as unknown as Functions;

/** Every operation with all its outputs, on the functions with promises or without. */
const OPERATIONS: Readonly<Record<string, (on: Functions, p: Matrix, q: Matrix, options: Options) => Result>> = {
  logSumExp: (on, p, _, options) => on.logSumExp(p, options),
  softmax: (on, p, _, options) => on.softmax(p, { ...options, temperature: 0.7 }),
  logSoftmax: (on, p, _, options) => on.logSoftmax(p, { ...options, softcap: 20 }),
  entropy: (on, p, _, options) => on.entropy(p, options),
  crossEntropy: (on, p, _, options) =>
    on.crossEntropy(p, targets(p), { ...options, gradient: true, zLoss: 1e-3, reduction: "none" }),
  "crossEntropy, smoothed": (on, p, _, options) =>
    on.crossEntropy(p, targets(p), { ...options, labelSmoothing: 0.1, softcap: 9, gradient: true }),
  "crossEntropy, soft": (on, p, q, options) => on.crossEntropy(p, q, { ...options, gradient: true, reduction: "sum" }),
  tokenStatistics: (on, p, _, options) => on.tokenStatistics(p, targets(p).map(Math.abs), { ...options, top: 5 }),
  klDivergence: (on, p, q, options) => on.klDivergence(p, q, { ...options, gradient: "both", reduction: "none" }),
  jsDivergence: (on, p, q, options) => on.jsDivergence(p, q, { ...options, gradient: "both", reduction: "none" }),
  distillationLoss: (on, p, q, options) =>
    on.distillationLoss(p, q, targets(p), { ...options, gradient: true, temperature: 2, reduction: "none" }),
  "distillationLoss, js": (on, p, q, options) =>
    on.distillationLoss(p, q, targets(p), { ...options, gradient: true, divergence: "js", beta: 0.3 }),
  logSumExpPartial: (on, p, _, options) => on.logSumExpPartial(p, options),
  crossEntropyPartial: (on, p, _, options) =>
    on.crossEntropyPartial(p, targets(p), { ...options, labelSmoothing: 0.1 }),
  klDivergencePartial: (on, p, q, options) => on.klDivergencePartial(p, q, options),
};

function targets({ shape: [rows, vocab] }: Matrix): number[] {
  return Array.from({ length: rows }, (_, row) => row % 4 === 3 ? -100 : (row * 7919 + 20_011) % vocab);
}

/** Everything but how it ran. */
function results(result: object): Record<string, unknown> {
  const { report: _, ...rest } = result as Record<string, unknown>;
  return rest;
}

/** Many rows, for blocks; few, whose segments are shared out; one row of a single segment, which cannot be. */
const SHAPES = [[67, 1500], [3, 70_001], [1, 40_000], [2, 8192]] as const;

const random = new Random(20261124);
const ROWS: readonly (readonly [p: Rows, q: Rows])[] = SHAPES.map(([rows, vocab]) => [
  masked(normalRows(random, rows, vocab, 5), 11, 2),
  normalRows(random, rows, vocab, 5),
]);

/** The same matrix in a caller's array, in shared memory, in wasm memory, and with a stride of its own. */
const PLACES: Readonly<Record<string, (rows: Rows, dtype: DType, stack: DisposableStack) => Matrix>> = {
  ordinary: (rows, dtype) => matrix(rows, dtype),
  strided: (rows, dtype) => matrix(rows, dtype, rows[0].length + 3),
  shared(rows, dtype) {
    const { data, ...rest } = matrix(rows, dtype);
    const constructor = data.constructor as new (
      buffer: SharedArrayBuffer,
      start: number,
      length: number,
    ) => typeof data;
    const copy = new constructor(new SharedArrayBuffer(data.byteLength + 16), 8, data.length);
    copy.set(data);
    return { ...rest, data: copy };
  },
  resident(rows, dtype, stack) {
    const target = stack.use(allocate([rows.length, rows[0].length], dtype));
    fill(target, rows);
    return target;
  },
};

onEachBuild("every operation gives the same bits on 1, 2, 3 and 8 threads", async (choice) => {
  for (const [rowsP, rowsQ] of ROWS) {
    for (const dtype of ["f32", "bf16"] as const) {
      const p = matrix(rowsP, dtype), q = matrix(rowsQ, dtype);
      for (const [name, operation] of Object.entries(OPERATIONS)) {
        const soft = name.endsWith("soft") ? await synchronous.softmax(q) : undefined;
        const other = soft?.probabilities ?? q;
        const alone = results(await operation(synchronous, p, other, { ...choice, threads: 1 }));
        for (const threads of [1, 2, 3, 8]) {
          for (const on of [WITH_PROMISES, synchronous]) {
            const what = `${name}, ${p.shape}, ${dtype}, ${threads} threads`;
            assertEquals(results(await operation(on, p, other, { ...choice, threads })), alone, what);
          }
        }
      }
    }
  }
});

onEachBuild("results have the same bits wherever the logits lie, on any number of threads", async (choice) => {
  for (const [rows] of ROWS) {
    for (const dtype of ["f32", "f16"] as const) {
      const alone = synchronous.crossEntropy(matrix(rows, dtype), targets(matrix(rows)), { ...choice, gradient: true });
      for (const [place, put] of Object.entries(PLACES)) {
        for (const threads of [1, 2, 3]) {
          using stack = new DisposableStack();
          const logits = put(rows, dtype, stack);
          for (const on of [WITH_PROMISES, synchronous]) {
            const { loss, gradient } = await on.crossEntropy(logits, targets(logits), {
              ...choice,
              threads,
              gradient: true,
            });
            const what = `${place}, ${logits.shape}, ${dtype}, ${threads} threads`;
            assertEquals([loss, gradient], [alone.loss, alone.gradient], what);
          }
          await asynchronous.softmax(logits, { ...choice, threads, out: logits });
          const softened = synchronous.softmax(matrix(rows, dtype), { ...choice, out: matrix(rows, dtype) });
          const kept = synchronous.logSumExp(softened.probabilities), found = synchronous.logSumExp(logits);
          assertEquals(found.logSumExp, kept.logSumExp, `${place}, in place`);
        }
      }
    }
  }
});

onEachBuild("a gradient in place is that of a fresh matrix, on any number of threads", async (choice) => {
  for (const [rows] of ROWS) {
    const plain = matrix(rows);
    const alone = synchronous.crossEntropy(plain, targets(plain), { ...choice, gradient: true, labelSmoothing: 0.1 });
    for (const threads of [1, 2, 3, 8]) {
      for (const put of Object.values(PLACES)) {
        using stack = new DisposableStack();
        const logits = put(rows, "f32", stack), options = { ...choice, threads, gradient: "inPlace" } as const;
        const { loss } = await asynchronous.crossEntropy(logits, targets(logits), { ...options, labelSmoothing: 0.1 });
        assertEquals(loss, alone.loss);
        const sums = synchronous.logSumExp(logits), expected = synchronous.logSumExp(alone.gradient as Matrix);
        assertEquals(sums.logSumExp, expected.logSumExp);
      }
    }
  }
});

Deno.test("reports say how many threads took part: no more than there is work for", async () => {
  const threadsOf = ({ report }: { readonly report: Report }) => report.threads;
  for (const on of [WITH_PROMISES, synchronous]) {
    assertEquals(threadsOf(await on.logSumExp(matrix(ROWS[0][0]), { threads: 3 })), 3);
    assertEquals(threadsOf(await on.logSumExp(matrix(ROWS[1][0]), { threads: 2 })), 2);
    assertEquals(threadsOf(await on.logSumExp(matrix([[1, 2, 3]]), { threads: 8 })), 1, "one row of one segment");
    assertEquals(threadsOf(await on.logSumExp(matrix([[1, 2, 3]]))), 1, "what three classes deserve");
    assertEquals(threadsOf(await on.logSumExp(matrix(ROWS[0][0]), { backend: "reference", threads: 3 })), 1);
  }
});

Deno.test("divide() shares out rows, or the segments of a row where rows are fewer than threads", () => {
  const sizes = (rows: number, vocab: number, staged = 0) => ({
    rows,
    vocab,
    rowBytes: 4 * vocab,
    stagedRowBytes: staged * 4 * vocab,
    limitBytes: 2 ** 26,
  });
  assertEquals(divide(sizes(1, 128_256), 2), { threads: 2, parts: 2, rowsPerBlock: 1 });
  assertEquals(divide(sizes(3, 128_256), 2), { threads: 2, parts: 2, rowsPerBlock: 3 });
  assertEquals(divide(sizes(1, 8192), 8), { threads: 1, parts: 1, rowsPerBlock: 1 });
  assertEquals(divide(sizes(1, 8193), 8), { threads: 2, parts: 2, rowsPerBlock: 1 });
  assertEquals(
    divide(sizes(1, 2 ** 24, 4), 2),
    { threads: 1, parts: 1, rowsPerBlock: 1 },
    "too large to stage at once",
  );
  for (
    const [rows, vocab, staged] of [[512, 50_257, 0], [512, 50_257, 1], [100_000, 10, 1], [9, 256_000, 0]] as const
  ) {
    for (const threads of [1, 2, 8]) {
      const { parts, rowsPerBlock, threads: used } = divide(sizes(rows, vocab, staged), threads);
      if (parts > 1) continue;
      assertEquals(used, Math.min(threads, Math.ceil(rows / rowsPerBlock)));
      assert(rowsPerBlock === 1 || rowsPerBlock * 4 * vocab <= 2 ** 20, "a block is small enough to stop after");
      assertGreater(rowsPerBlock, 0);
    }
  }
});

Deno.test("the host and the kernels agree on what a segment is", () => {
  const boardBytes = (vocab: number) => Number(kernels(true)?.functions.boardBytes(vocab));
  const partsOf = (vocab: number) =>
    divide({ rows: 1, vocab, rowBytes: 4 * vocab, stagedRowBytes: 0, limitBytes: 0 }, 128).parts;
  // Two pages of a cache line for each segment, after a cache line
  for (const vocab of [1, 8192, 8193, 16_384, 50_257, 128_256]) {
    assertEquals(boardBytes(vocab), 64 + 2 * 64 * partsOf(vocab), `vocab ${vocab}`);
  }
});
