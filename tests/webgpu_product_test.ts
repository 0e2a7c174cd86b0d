// Matrix products on the GPU: of all dtypes and sizes, wherever the matrices lie, with the same bits however they are bound.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import type { DType } from "../mod.ts";
import type { DeviceTensor, Operation, Tensor } from "../src/operation.ts";
import { multiply, PRODUCT_NN, PRODUCT_NT, PRODUCT_TN } from "../src/ops/linear/products.ts";
import { vector } from "../src/tensors.ts";
import type { Gpu } from "../src/webgpu/device.ts";
import { compute } from "../src/webgpu/job.ts";
import { partOf, productWindows, type Shapes } from "../src/webgpu/product/windows.ts";
import { RUN, TILE } from "../src/webgpu/wgsl/product.ts";
import { onGpu } from "./backends.ts";
import { download, narrow, ownGpu, upload } from "./gpu.ts";
import { DTYPES, matrix, normalRows, rounded, type Rows, valuesOf } from "./matrices.ts";
import { once } from "./once.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin, type Expected, productSlack } from "./tolerance.ts";

const SIZES = fc.record({
  outer: fc.integer({ min: 0, max: 100 }),
  rows: fc.integer({ min: 0, max: 100 }),
  inner: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 2 * RUN + 50 })),
  gaps: fc.tuple(fc.nat(40), fc.nat(40), fc.nat(40)),
  isOne: fc.boolean(),
  firstRow: fc.nat(1000),
  turned: fc.record({ left: fc.boolean(), right: fc.boolean() }),
  width: fc.constantFrom<2 | 4>(2, 4),
  limits: fc.record({ bindingBytes: fc.integer({ min: 4096, max: 2 ** 18 }), alignment: fc.constantFrom(32, 256) }),
});

Deno.test("windows cover each product of a matrix product once, by whole runs, within the limits", () => {
  fc.assert(fc.property(SIZES, ({ outer, rows, inner, gaps, isOne, firstRow, turned, width, limits }) => {
    const [left, right] = [turned.left ? outer : inner, turned.right ? rows : inner];
    const shapes: Shapes = {
      left: { stride: isOne ? 0 : left + gaps[0], columns: left, width },
      right: { stride: right + gaps[1], columns: right, width },
      product: { stride: rows + gaps[2], columns: rows, width: 4 },
    };
    const windows = productWindows({ outer, rows, inner }, shapes, turned, limits);
    const size = ({ first, end }: { first: number; end: number }) => end - first;
    assertEquals(
      windows.reduce((sum, w) => sum + size(w.outer) * size(w.rows) * size(w.inner), 0),
      outer * rows * inner,
    );
    const ends = new Map<string, number>(), run = Math.min(RUN, windows.length > 0 ? size(windows[0].inner) : RUN);
    for (const { outer, rows, inner } of windows) {
      const tile = `${outer.first} ${rows.first}`;
      assertEquals(inner.first, ends.get(tile) ?? 0, "steps in order");
      assert(inner.first === 0 || inner.first % run === 0, "whole runs wherever one fits");
      for (const [span, most] of [[outer, 65_535 * TILE], [rows, 65_535 * TILE]] as const) {
        assertLessOrEqual(size(span), most);
      }
      ends.set(tile, inner.end);
      const seen = {
        left: turned.left ? [inner, outer] : [outer, inner],
        right: turned.right ? [inner, rows] : [rows, inner],
        product: [outer, rows],
      } as const;
      for (const name of ["left", "right", "product"] as const) {
        const [down, along] = seen[name], { stride, width } = shapes[name];
        const part = partOf(shapes[name], firstRow, down, along, limits);
        assertEquals([part.offset % limits.alignment, part.bytes % 4], [0, 0]);
        assertLessOrEqual(part.bytes, limits.bindingBytes);
        if (size(down) === 0 || size(along) === 0) continue;
        const last = part.first + (size(down) - 1) * stride + size(along) - 1;
        assertLessOrEqual((last + 1) * width, part.bytes);
        assertEquals(part.offset + last * width, ((firstRow + down.end - 1) * stride + along.end - 1) * width);
      }
    }
    assertEquals(new Set(ends.values()), new Set(outer * rows === 0 ? [] : [inner]));
  }));
});

interface Kind {
  readonly operation: Operation;
  /** Whether rows of the operand are the steps. */
  readonly turned: { readonly left: boolean; readonly right: boolean };
}

const KINDS: readonly Kind[] = [
  { operation: PRODUCT_NT, turned: { left: false, right: false } },
  { operation: PRODUCT_NN, turned: { left: false, right: true } },
  { operation: PRODUCT_TN, turned: { left: true, right: true } },
];

/** Around tiles of 64, slabs of 16 and runs of 256. */
const SHAPES = [[1, 1, 1], [3, 7, 5], [64, 64, 16], [65, 63, 17], [130, 66, 600], [1, 120, 300]] as const;

/** Bindings that show a run of each matrix, and not all steps, rows or columns of the largest. */
const NARROW_BYTES = 160_000;

interface Sized {
  readonly kind: Pick<Kind, "turned">;
  readonly left: Rows;
  readonly right: Rows;
}

interface Case extends Sized {
  readonly what: string;
  readonly kind: Kind;
  readonly bias?: Float32Array;
}

const cases = once(() => {
  const random = new Random(71);
  return KINDS.flatMap((kind) =>
    SHAPES.map(([outer, rows, inner]): Case => ({
      what: `${kind.operation.name} ${outer} × ${rows} × ${inner}`,
      kind,
      left: kind.turned.left ? normalRows(random, inner, outer, 1) : normalRows(random, outer, inner, 1),
      right: kind.turned.right ? normalRows(random, inner, rows, 1) : normalRows(random, rows, inner, 1),
      bias: kind.operation === PRODUCT_NT ? Float32Array.from(random.normals(rows)) : undefined,
    }))
  );
});

/** Elements of a product, and its columns. */
function sizeOf({ kind: { turned }, left, right }: Sized): { readonly length: number; readonly columns: number } {
  const across = (rows: Rows, isTurned: boolean) => isTurned ? rows[0].length : rows.length;
  const columns = across(right, turned.right);
  return { length: across(left, turned.left) * columns, columns };
}

/** A product in f64, beginning with `begun`, and the sums of the magnitudes of its terms. */
function expect({ kind: { turned }, left, right, bias }: Case, begun: number): Expected {
  const { length, columns } = sizeOf({ kind: { turned }, left, right }),
    inner = turned.left ? left.length : left[0].length;
  const values = new Float64Array(length), terms = new Float64Array(length);
  for (let m = 0; m < length / columns; m++) {
    for (let n = 0; n < columns; n++) {
      let sum = begun + (bias ? bias[n] : 0), size = Math.abs(sum);
      for (let k = 0; k < inner; k++) {
        const term = (turned.left ? left[k][m] : left[m][k]) * (turned.right ? right[k][n] : right[n][k]);
        sum += term, size += Math.abs(term);
      }
      values[m * columns + n] = sum, terms[m * columns + n] = size * productSlack(inner);
    }
  }
  return { rule: "sum", values, terms };
}

/** A matrix as a tensor in an array, with NaN between its rows. */
function inArray(rows: Rows, dtype: DType): Tensor {
  const columns = rows[0].length, rowStride = columns + 3, { data } = matrix(rows, dtype, rowStride);
  return { data, dtype, rows: rows.length, columns, rowStride };
}

/** The same in a buffer, after rows of NaN. */
function inBuffer({ device }: Gpu, rows: Rows, dtype: DType): DeviceTensor {
  const columns = rows[0].length,
    rowStride = columns + 1,
    nothing = Array<Float32Array>(3).fill(new Float32Array(columns).fill(NaN));
  const { data: buffer } = upload(device, matrix([...nothing, ...rows], dtype, rowStride));
  return { buffer, dtype, rows: rows.length, columns, rowStride, firstRow: 3 };
}

type Dtypes = readonly [left: DType, right: DType];

/** The product of matrices in arrays, added to `begun` if that is given. */
async function fromArrays(gpu: Gpu, { kind, left, right, bias }: Case, [of, and]: Dtypes, begun?: Float32Array) {
  const { length, columns } = sizeOf({ kind, left, right }),
    product = vector(begun?.slice() ?? new Float32Array(length), columns);
  const previous = begun && product, factors = { left: inArray(left, of), right: inArray(right, and) };
  await compute(gpu, multiply(kind.operation, { ...factors, bias: bias && vector(bias), previous, product }, {}));
  return product.data;
}

/** The same of matrices in buffers, into a buffer. */
async function fromBuffers(gpu: Gpu, { kind, left, right, bias }: Case, [of, and]: Dtypes, begun?: Float32Array) {
  const { length, columns } = sizeOf({ kind, left, right }), rows = length / columns;
  const first = begun ?? new Float32Array(length).fill(NaN);
  const product = inBuffer(
    gpu,
    Array.from({ length: rows }, (_, i) => first.subarray(i * columns, (i + 1) * columns)),
    "f32",
  );
  const previous = begun && product, factors = { left: inBuffer(gpu, left, of), right: inBuffer(gpu, right, and) };
  await compute(gpu, multiply(kind.operation, { ...factors, bias: bias && vector(bias), previous, product }, {}));
  for (const { buffer } of Object.values(factors)) buffer?.destroy();
  const shape = [3 + rows, columns] as const, { rowStride, dtype } = product, data = product.buffer as GPUBuffer;
  const whole = await download(gpu.device, { data, shape, dtype, rowStride }), found = valuesOf(whole);
  const isOutside = (i: number) => i < 3 * rowStride || i % rowStride >= columns;
  assert(whole.data.every((x, i) => !isOutside(i) || Number.isNaN(x)), "what is not the product's");
  return Float32Array.from(found.subarray(3 * columns));
}

onGpu(
  "a product of matrices of any dtype has its sums, and the same bits wherever and however they are bound",
  async () => {
    const gpu = await ownGpu(), narrowed = narrow(gpu, NARROW_BYTES);
    for (const [i, { what, ...raw }] of cases().entries()) {
      for (
        const of of DTYPES.flatMap((left) => DTYPES.map((right): Dtypes => [left, right])).slice(0, i % 3 === 0 ? 9 : 1)
      ) {
        const given = { ...raw, what, left: rounded(raw.left, of[0]), right: rounded(raw.right, of[1]) };
        const found = await fromArrays(gpu, given, of), name = `${what} of ${of.join(" and ")}`;
        assertWithin(found, expect(given, 0), name);
        assertSame(await fromBuffers(gpu, given, of), found, `${name}, on the GPU`);
        assertSame(await fromBuffers(narrowed, given, of), found, `${name}, in windows`);
      }
    }
    assertEquals(gpu.pool.lentBytes, 0);
  },
);

onGpu("a product is added to what is there, in whole runs and in windows", async () => {
  const gpu = await ownGpu(), narrowed = narrow(gpu, NARROW_BYTES);
  for (const { bias: _, ...given } of cases()) {
    const begun = new Float32Array(sizeOf(given).length).fill(3);
    const found = await fromArrays(gpu, given, ["f32", "f32"], begun);
    assertWithin(found, expect(given, 3), given.what);
    for (const other of [gpu, narrowed]) {
      assertSame(await fromBuffers(other, given, ["f32", "f32"], begun), found, given.what);
    }
  }
});

onGpu("a product of no steps is its bias, or 0", async () => {
  const gpu = await ownGpu(), bias = vector(Float32Array.of(1, 2, 3));
  const nothing = (rows: number, columns: number): Tensor => ({
    ...vector(new Float32Array(0), columns),
    rows,
    rowStride: columns,
  });
  for (const { operation, turned } of KINDS) {
    const product = vector(new Float32Array(6).fill(NaN), 3);
    const left = turned.left ? nothing(0, 2) : nothing(2, 0), right = turned.right ? nothing(0, 3) : nothing(3, 0);
    await compute(
      gpu,
      multiply(operation, { left, right, bias: operation === PRODUCT_NT ? bias : undefined, product }, {}),
    );
    assertEquals([...product.data], operation === PRODUCT_NT ? [1, 2, 3, 1, 2, 3] : [0, 0, 0, 0, 0, 0]);
  }
});
