// The one WebAssembly memory: what allocate() hands out, what staging takes, and that both come back.

import { assert, assertEquals, assertLessOrEqual, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { allocate, BackendUnavailableError, logSumExp } from "../mod.ts";
import "./backends.ts";
import { logSumExp as logSumExpSync, softmax } from "../src/sync.ts";
import { availableBytes, committedBytes, give, take } from "../src/wasm/memory.ts";
import { STAGING_LIMIT_BYTES } from "../src/cost/division.ts";

const MIB = 2 ** 20;

Deno.test("allocate() gives zeroed, aligned arrays of every dtype", () => {
  for (const [dtype, constructor] of [["f32", Float32Array], ["f16", Float16Array], ["bf16", Uint16Array]] as const) {
    // What was there before must not be seen.
    for (const stain of [1, 0]) {
      using matrix = allocate([3, 1001], dtype);
      assertEquals([matrix.shape, matrix.dtype], [[3, 1001], dtype]);
      assert(matrix.data instanceof constructor);
      assertEquals(matrix.data.length, 3003);
      assertEquals(matrix.data.byteOffset % 64, 0);
      assert(matrix.data.every((x) => x === 0));
      matrix.data.fill(stain);
    }
  }
  using natural = allocate([1, 1]);
  assertEquals(natural.dtype, "f32");
});

Deno.test("allocate() of no rows gives an empty matrix that can be computed with", () => {
  using matrix = allocate([0, 7]);
  assertEquals(matrix.data.length, 0);
  assertEquals(logSumExpSync(matrix).logSumExp.length, 0);
});

Deno.test("views of an allocated matrix stay valid when the memory grows", () => {
  using matrix = allocate([2, 4]);
  const { data } = matrix;
  data.set([1, 2, 3, 4, 0, 0, 0, 0]);
  const before = committedBytes();
  using _large = allocate([1, before / 4]); // no span that is free now can hold as much as all of them
  assert(committedBytes() > before);
  assertEquals([...data], [1, 2, 3, 4, 0, 0, 0, 0]);
  data[7] = Math.log(5);
  const { logSumExp } = logSumExpSync(matrix);
  assert(Math.abs(logSumExp[1] - Math.log(8)) < 1e-6);
  assertEquals(matrix.data, data);
});

Deno.test("a matrix that was disposed of cannot be used, or disposed of again", async () => {
  const matrix = allocate([1, 2]);
  matrix[Symbol.dispose]();
  assertThrows(() => matrix.data, TypeError, "disposed");
  assertThrows(() => matrix[Symbol.dispose](), TypeError, "disposed");
  assertThrows(() => logSumExpSync(matrix), TypeError, "disposed");
  await assertRejects(() => logSumExp(matrix), TypeError, "disposed");
});

Deno.test("freed memory is used again: 200 cycles of allocation commit nothing more", () => {
  const cycle = (size: number) => {
    using a = allocate([size, 1000]);
    using _b = allocate([size, 500], "bf16");
    softmax(a, { out: a });
  };
  cycle(64);
  const [committed, available] = [committedBytes(), availableBytes()];
  for (let i = 0; i < 200; i++) cycle(1 + i * 37 % 64);
  assertEquals(committedBytes(), committed);
  assertEquals(availableBytes(), available);
});

Deno.test("neighbouring spans join, in whatever order they are given back", () => {
  const size = 1 << 16;
  for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]]) {
    // All four in one hole.
    const whole = take(4 * size);
    give(whole, 4 * size);
    const addresses = [0, 1, 2, 3].map(() => take(size));
    for (const index of order) give(addresses[index], size);
    const joined = take(4 * size);
    assertEquals(joined, addresses[0], `${order}`);
    give(joined, 4 * size);
  }
});

Deno.test("allocate() of more than is left says how much was asked for and how much there is", () => {
  const before = committedBytes();
  for (const [rows, columns] of [[32768, 32768], [2 ** 31 - 1, 2 ** 31 - 1]]) {
    const error = assertThrows(() => allocate([rows, columns]), RangeError);
    const bytes = rows * columns * 4;
    assertMatch(error.message, new RegExp(`${bytes} bytes.* ${availableBytes()} of 4 GiB`));
  }
  assertEquals(committedBytes(), before);
  using small = allocate([1, 1]);
  assertEquals(small.data[0], 0);
});

Deno.test("a large ordinary array grows the memory by no more than the staging limit, and gives it back", () => {
  const [rows, vocab] = [1024, 50_000];
  const data = new Float32Array(rows * vocab);
  logSumExpSync({ data: data.subarray(0, 1), shape: [1, 1] });
  const [committed, available] = [committedBytes(), availableBytes()];
  const { logSumExp: result } = logSumExpSync({ data, shape: [rows, vocab] }, { backend: "wasm" });
  assert(result.every((lse) => Math.abs(lse - Math.log(vocab)) < 1e-5));
  assertLessOrEqual(committedBytes() - committed, STAGING_LIMIT_BYTES);
  assertEquals(availableBytes(), available);
});

Deno.test("a row beyond the staging limit goes to the reference, or is refused by name", async () => {
  const vocab = 2 ** 24 + 1;
  const logits = { data: new Float32Array(vocab), shape: [1, vocab] as const };
  const { logSumExp: result, report } = await logSumExp(logits);
  assertEquals(report.backend, "reference");
  assertMatch(
    report.reason,
    /^plain TypeScript in f64: the last resort; not wasm: one row takes 671\d{5} bytes of staging, more than 67108864/,
  );
  assert(Math.abs(result[0] - Math.log(vocab)) < 1e-5);
  const problem = "Cannot compute logSumExp on wasm: one row takes 671";
  const error = await assertRejects(() => logSumExp(logits, { backend: "wasm" }), BackendUnavailableError, problem);
  assertEquals(error.name, "BackendUnavailableError");
  assertThrows(() => logSumExpSync(logits, { backend: "wasm" }), BackendUnavailableError, problem);
});

Deno.test("a row of 64 MiB inside wasm memory needs no staging", () => {
  using logits = allocate([1, 2 ** 24 + 1]);
  assertEquals(logSumExpSync(logits).report.backend, "wasm");
});

Deno.test("what was given back at the end of the used ground serves a larger request", () => {
  // Neither is touched, so neither takes memory of the machine.
  const half = Math.floor(availableBytes() / 2);
  const first = take(half - 64 * MIB);
  give(first, half - 64 * MIB);
  const second = take(half + 64 * MIB);
  give(second, half + 64 * MIB);
  assertLessOrEqual(half, availableBytes());
});
