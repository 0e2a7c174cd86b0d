// How calls are cut up for a device: every class of every row is seen once, through windows that the device can bind.

import { assert, assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { crossEntropy, logSumExp, softmax } from "../mod.ts";
import { rowsInFlight } from "../src/cost/waves.ts";
import { type Limits, viewOf, windowsOf } from "../src/webgpu/layout.ts";
import { SEGMENT, segmentsOf } from "../src/webgpu/shader.ts";
import { SHADERS } from "../src/webgpu/shaders/index.ts";
import type { MatrixUse } from "../src/webgpu/storage.ts";
import { onGpu } from "./backends.ts";
import { download, makeBuffer, ownGpu } from "./gpu.ts";

const GPU = { backend: "webgpu" } as const;

/** A matrix of which only the sizes count. */
function use(width: 2 | 4, columns: number, stride: number, rows: number): MatrixUse {
  const tensor = { data: new Float32Array(0), dtype: "f32", rows, columns, rowStride: stride } as const;
  return { name: "logits", names: ["logits"], tensor, input: true, output: false, width, stride };
}

/** Rows, classes, gaps between rows, element sizes; limits from below a segment's row to above the whole. */
const CALL = fc.record({
  rows: fc.integer({ min: 1, max: 200 }),
  vocab: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 * SEGMENT })),
  gaps: fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 3 }),
  width: fc.constantFrom<2 | 4>(2, 4),
  isOne: fc.boolean(),
  firstRow: fc.integer({ min: 0, max: 1000 }),
  limits: fc.record({
    bindingBytes: fc.integer({ min: 4 * SEGMENT + 256, max: 2 ** 21 }),
    alignment: fc.constantFrom(32, 256),
  }),
  cachedRows: fc.integer({ min: 1, max: 100 }),
  partialBytes: fc.integer({ min: 8, max: 200 }),
});

Deno.test("windows and waves cover every segment of every row once, within the limits", () => {
  fc.assert(fc.property(CALL, ({ rows, vocab, gaps, width, isOne, firstRow, limits, cachedRows, partialBytes }) => {
    const matrices = gaps.map((gap, i) => use(width, vocab, isOne && i === 0 ? 0 : vocab + gap, rows));
    const windows = windowsOf(rows, vocab, matrices, limits, partialBytes, cachedRows);
    const seen = new Set<string>();
    for (const window of windows) {
      assertEquals([window.waves[0].first, window.waves.at(-1)?.end], [window.rows.first, window.rows.end]);
      for (const { first, end } of window.waves) {
        assertLessOrEqual(end - first, cachedRows);
        for (const segments of window.segments) {
          for (let row = first; row < end; row++) {
            for (let segment = segments.first; segment < segments.end; segment++) {
              const key = `${row} ${segment}`;
              assert(!seen.has(key), `${key} twice`);
              seen.add(key);
            }
          }
        }
      }
      for (const segments of window.segments) {
        for (const matrix of matrices) assertShows(matrix, vocab, window.rows, segments, firstRow, limits);
      }
    }
    assertEquals(seen.size, rows * segmentsOf(vocab));
  }));
});

type Span = { readonly first: number; readonly end: number };

/** The view of a window shows its first and its last element where they are. */
function assertShows(matrix: MatrixUse, vocab: number, rows: Span, segments: Span, firstRow: number, limits: Limits) {
  const { width, stride } = matrix;
  const { offset, bytes, base } = viewOf(matrix, vocab, rows, segments, firstRow, limits);
  assertEquals([offset % limits.alignment, bytes % 4], [0, 0]);
  assertLessOrEqual(bytes, limits.bindingBytes);
  const corners = [[0, segments.first * SEGMENT], [
    rows.end - rows.first - 1,
    Math.min(vocab, segments.end * SEGMENT) - 1,
  ]];
  for (const [row, index] of corners) {
    const inView = base + row * stride + index;
    assert(inView >= 0 && (inView + 1) * width <= bytes, `${inView} of ${bytes / width}`);
    assertEquals(offset + inView * width, ((firstRow + rows.first + row) * stride + index) * width);
  }
}

Deno.test("rows that are looked at twice fit a cache, at least one at a time", () => {
  assertEquals(rowsInFlight(100_000, 4 * 131_072, 1), 100_000);
  assertEquals(rowsInFlight(100_000, 4 * 131_072, 2), 48);
  assertEquals(rowsInFlight(5, 2 ** 30, 2), 1);
});

/** Size and alignment of a type, in bytes. */
function layoutOf(wgsl: string, type: string): readonly [size: number, alignment: number] {
  if (type === "vec2<f32>") return [8, 8];
  if (type === "f32" || type === "u32") return [4, 4];
  const [, body = ""] = wgsl.match(new RegExp(`struct ${type} {([^}]*)}`)) ?? [];
  const members = [...body.matchAll(/: ([\w<>]+),/g)].map(([, member]) => layoutOf(wgsl, member));
  const sizes = members.map(([size]) => size), alignment = Math.max(...members.map(([, alignment]) => alignment));
  // Members go from the largest on, so that nothing lies between them
  assertEquals(sizes, [...sizes].sort((a, b) => b - a), type);
  return [Math.ceil(sizes.reduce((a, b) => a + b, 0) / alignment) * alignment, alignment];
}

Deno.test("partials have the sizes of their structs", () => {
  for (const { uses, source, partials } of Object.values(SHADERS)) {
    const wgsl = [...uses, source].join("\n").replaceAll(/\/\*\*[^]*?\*\//g, "");
    for (const { name, bytes } of partials) assertEquals(bytes, layoutOf(wgsl, name)[0], name);
  }
});

onGpu("more rows than workgroups of a dimension", async () => {
  const rows = 66_000, vocab = 3;
  const data = Float32Array.from({ length: rows * vocab }, (_, i) => i % 7);
  const { logSumExp: found } = await logSumExp({ data, shape: [rows, vocab] }, GPU);
  const { logSumExp: expected } = await logSumExp({ data, shape: [rows, vocab] }, { backend: "wasm" });
  assert(found.every((lse, row) => Math.abs(lse - expected[row]) < 1e-6));
});

onGpu("a matrix on the GPU that is too large for a binding is bound in windows of rows", async () => {
  const { device } = await ownGpu();
  const vocab = 20_000_000, rows = 3;
  assert(rows * vocab * 4 > device.limits.maxStorageBufferBindingSize);
  const data = makeBuffer(device, rows * vocab * 4);
  for (let row = 0; row < rows; row++) device.queue.writeBuffer(data, 4 * (row * vocab + row), Float32Array.of(20));
  const logits = { data, shape: [rows, vocab], dtype: "f32" } as const;
  const { loss, gradient, logSumExp: lse } = await crossEntropy(logits, [0, 1, 5], {
    ...GPU,
    gradient: "inPlace",
    reduction: "none",
  });
  const expected = 20 + Math.log1p((vocab - 1) * Math.exp(-20));
  for (const [row, value] of lse.entries()) assertAlmostEquals(value, expected, 1e-5, `${row}`);
  assertEquals([...loss].map((x, row) => Math.abs(x - expected + (row < 2 ? 20 : 0)) < 1e-5), [true, true, true]);
  assert(gradient);
  const { data: slopes } = await download(device, logits);
  for (let row = 0; row < rows; row++) {
    const likely = slopes[row * vocab + row], rare = slopes[row * vocab + vocab - 1];
    assertAlmostEquals(likely, Math.exp(20 - expected) - (row < 2 ? 1 : 0), 1e-6);
    assertAlmostEquals(rare / Math.exp(-expected), 1, 1e-5);
  }
  assertAlmostEquals(slopes[2 * vocab + 5], Math.exp(-expected) - 1, 1e-6);
});

onGpu("a row on the GPU that is too long for a binding is bound in windows of its segments", async () => {
  const { device } = await ownGpu();
  const vocab = 2 ** 26 + 4099;
  assert(2 * vocab > device.limits.maxStorageBufferBindingSize);
  const data = makeBuffer(device, 2 * vocab);
  // One class with the bf16 code of 16, the last of the row
  device.queue.writeBuffer(data, 2 * (vocab - 1), Uint16Array.of(0x4180, 0));
  const logits = { data, shape: [1, vocab], dtype: "bf16" } as const;
  const expected = Math.log(vocab - 1 + Math.exp(16));
  const { loss, logSumExp: lse } = await crossEntropy(logits, [vocab - 1], GPU);
  assertAlmostEquals(lse[0], expected, 1e-5);
  assertAlmostEquals(loss, expected - 16, 1e-5);
  await softmax(logits, { ...GPU, out: logits });
  const { data: codes } = await download(device, logits);
  const probability = (index: number) => new Float32Array(Uint32Array.of(codes[index] << 16).buffer)[0];
  assertAlmostEquals(probability(vocab - 1), Math.exp(16 - expected), 2e-3);
  assertAlmostEquals(probability(0) / Math.exp(-expected), 1, 4e-3);
});
