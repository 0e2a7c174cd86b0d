// Memory, which must not grow with the vocabulary, and bits, which must not depend on threads.

import { assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { allocate, linearCrossEntropy, type LinearCrossEntropyOptions, type Matrix } from "../mod.ts";
import { linearCrossEntropy as linearCrossEntropySync } from "../src/sync.ts";
import { availableBytes, committedBytes } from "../src/wasm/memory.ts";
import { threads as startThreads } from "../src/wasm/pool.ts";
import { onEachBuild } from "./backends.ts";
import { randomHead } from "./linear_cases.ts";
import { fill, matrix, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame } from "./tolerance.ts";

// Started here, lest a test seem to have leaked them.
startThreads(8);

const MIB = 2 ** 20;

/** Reproducible numbers in (−1, 1), with less ado than normal ones. */
function numbers(rows: number, columns: number, salt: number): Matrix & { readonly data: Float32Array } {
  const data = Float32Array.from({ length: rows * columns }, (_, i) => (i * 7919 + salt) % 1009 / 504.5 - 1);
  return { data, shape: [rows, columns] };
}

onEachBuild("linearCrossEntropy() takes at most 16 MiB of wasm memory, and gives it back", async (on) => {
  const rows = 600, hidden = 768, vocab = 8000;
  const states = numbers(rows, hidden, 1), weight = numbers(vocab, hidden, 2);
  const targets = Array.from({ length: rows }, (_, row) => row * 7919 % vocab), bias = new Float32Array(vocab);
  const [committed, available] = [committedBytes(), availableBytes()];
  await linearCrossEntropy(states, weight, targets, { ...on, threads: 8, bias, gradient: true });
  assertLessOrEqual(committedBytes() - committed, 16 * MIB);
  assertEquals(availableBytes(), available);
  linearCrossEntropySync(states, weight, targets, { ...on, threads: 2, bias });
  assertLessOrEqual(committedBytes() - committed, 16 * MIB, "without a promise");
  assertEquals(availableBytes(), available, "without a promise");
});

onEachBuild("linearCrossEntropy() gives its memory back when it is stopped", async (on) => {
  const states = numbers(300, 256, 1), weight = numbers(4000, 256, 2), targets = new Int32Array(300);
  const available = availableBytes(), controller = new AbortController();
  const options = { ...on, threads: 2, gradient: true, signal: controller.signal };
  const stopped = linearCrossEntropy(states, weight, targets, options);
  setTimeout(() => controller.abort(), 5);
  await assertRejects(() => stopped, DOMException, "abort");
  assertEquals(availableBytes(), available);
});

const OPTIONS: readonly LinearCrossEntropyOptions[] = [
  { zLoss: 1e-3 },
  { labelSmoothing: 0.1, softcap: 9, reduction: "sum", filter: 1e-5 },
];

/** Many rows and more than a chunk of them; few rows with more classes than a tile; one row. */
const SHAPES = [[530, 33, 70], [37, 30, 9000], [1, 70, 20_000]] as const;

onEachBuild("linearCrossEntropy() gives the same bits on 1, 2, 3 and 8 threads", async (on) => {
  const random = new Random(20261207);
  for (const [rows, hidden, vocab] of SHAPES) {
    const head = randomHead(random, rows, hidden, vocab);
    const targets = head.targets.map((target, row) => row % 4 === 3 ? -100 : target);
    using resident = allocate([vocab, hidden]);
    fill(resident, head.weight);
    for (const dtype of ["f32", "bf16"] as const) {
      const states = matrix(head.hidden, dtype),
        weights = dtype === "f32" ? [matrix(head.weight), resident] : [matrix(head.weight, dtype)];
      for (const own of OPTIONS) {
        const options = { ...on, ...own, bias: head.bias, gradient: true } as const;
        const { report: _, ...alone } = linearCrossEntropySync(states, weights[0], targets, { ...options, threads: 1 });
        for (const threads of [1, 2, 3, 8]) {
          for (const weight of weights) {
            const what = `${[rows, hidden, vocab]}, ${dtype}, ${threads} threads`, settings = { ...options, threads };
            const { report: _here, ...here } = linearCrossEntropySync(states, weight, targets, settings);
            assertEquals<unknown>(here, alone, `${what}, without a promise`);
            const { report: _there, ...there } = await linearCrossEntropy(states, weight, targets, settings);
            assertEquals<unknown>(there, alone, what);
          }
        }
      }
    }
  }
});

onEachBuild("linearCrossEntropy() gives a row the same bits in any batch, with gradients or without", async (on) => {
  const hidden = 64, vocab = 12_000, head = randomHead(new Random(20261208), 600, hidden, vocab);
  const few = 20,
    options = { ...on, reduction: "none", bias: head.bias } as const,
    gradient = { hidden: true } as const;
  const states = matrix(head.hidden), weight = matrix(head.weight);
  const all = await linearCrossEntropy(states, weight, head.targets, { ...options, gradient });
  const [first, last] = [[0, few], [600 - few, 600]].map((rows) => head.hidden.slice(...rows));
  for (const [start, some] of [[0, first], [600 - few, last]] as const) {
    const targets = head.targets.slice(start, start + few);
    const apart = await linearCrossEntropy(matrix(some), weight, targets, { ...options, gradient });
    const losses = await linearCrossEntropy(matrix(some), weight, targets, options);
    assertSame(apart.loss, all.loss.subarray(start, start + few), "losses");
    assertSame(losses.loss, apart.loss, "losses without gradients");
    const expected = valuesOf(all.gradientHidden).subarray(start * hidden, (start + few) * hidden);
    assertSame(valuesOf(apart.gradientHidden), expected, "gradients");
  }
});
