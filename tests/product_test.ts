// The matrix products that composed operations are made of, around a tile of 6 × 8 sums and a panel of 256 steps.

import { assertEquals } from "@std/assert";
import { allocate, type CommonOptions, type DType, type Matrix, type Report } from "../mod.ts";
import type { CheckedCall, Operation, Tensor } from "../src/operation.ts";
import { multiply, PRODUCT_NN, PRODUCT_NT, PRODUCT_TN } from "../src/ops/linear/products.ts";
import { run } from "../src/run.ts";
import { vector } from "../src/tensors.ts";
import { threads as startThreads } from "../src/wasm/pool.ts";
import { onEachBackend, onEachBuild } from "./backends.ts";
import { blank, DTYPES, fill, matrix, normalRows, rounded, type Rows, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin, type Expected, productSlack } from "./tolerance.ts";

// Started here, lest a test seem to have leaked them.
startThreads(8);

const SEED = 20261208;

/** A product, and which of its factors have the rows and columns of the textbook's. */
interface Kind {
  readonly operation: Operation;
  readonly isLeftTurned: boolean;
  readonly isRightTurned: boolean;
}

const KINDS: Readonly<Record<string, Kind>> = {
  productNT: { operation: PRODUCT_NT, isLeftTurned: false, isRightTurned: true },
  productNN: { operation: PRODUCT_NN, isLeftTurned: false, isRightTurned: false },
  productTN: { operation: PRODUCT_TN, isLeftTurned: true, isRightTurned: false },
};

/** Factors as in the textbook, [outer, inner] and [inner, columns], and what is added. */
interface Factors {
  readonly left: Rows;
  readonly right: Rows;
  readonly bias?: ArrayLike<number>;
  readonly previous?: Rows;
}

function randomFactors(random: Random, outer: number, inner: number, columns: number, dtype: DType): Factors {
  return {
    left: normalRows(random, outer, inner, 1),
    right: rounded(normalRows(random, inner, columns, 1), dtype),
  };
}

function expectProduct({ left, right, bias, previous }: Factors): Expected {
  const columns = right[0].length, values = new Float64Array(left.length * columns), terms = values.slice();
  left.forEach((row, m) => {
    for (let n = 0; n < columns; n++) {
      const added = [bias?.[n] ?? 0, previous?.[m][n] ?? 0];
      let sum = added[0] + added[1], size = Math.abs(added[0]) + Math.abs(added[1]);
      for (let k = 0; k < right.length; k++) {
        sum += row[k] * right[k][n];
        size += Math.abs(row[k] * right[k][n]);
      }
      values[m * columns + n] = sum;
      terms[m * columns + n] = productSlack(right.length) * size;
    }
  });
  return { rule: "sum", values, terms };
}

function turned(rows: Rows): Rows {
  return Array.from(rows[0], (_, i) => Float64Array.from(rows, (row) => row[i]));
}

function tensor({ data, shape: [rows, columns], dtype = "f32", rowStride = columns }: Matrix): Tensor {
  return { data, dtype, rows, columns, rowStride };
}

/** Where factors and product lie. */
interface Places {
  readonly left: Matrix;
  readonly right: Matrix;
  readonly product: Matrix;
}

/** Factors in arrays, with so many elements between rows; the product is NaN, or what is added to. */
function places({ left, right, previous }: Factors, kind: Kind, dtype: DType, gap: number): Places {
  const of = (rows: Rows, dtype?: DType) => matrix(rows, dtype, rows[0].length + gap), columns = right[0].length;
  return {
    left: of(kind.isLeftTurned ? turned(left) : left),
    right: of(kind.isRightTurned ? turned(right) : right, dtype),
    product: previous ? of(previous) : blank([left.length, columns], "f32", columns + gap),
  };
}

/** Runs a product; adds to what is there where `isMore`. */
async function compute(
  kind: Kind,
  { left, right, product }: Places,
  options: CommonOptions,
  { bias, isMore = false, sparse }: { bias?: ArrayLike<number>; isMore?: boolean; sparse?: number } = {},
): Promise<Report> {
  const to = tensor(product), biases = bias && vector(Float32Array.from(bias));
  const tensors = {
    left: tensor(left),
    right: tensor(right),
    bias: biases,
    previous: isMore ? to : undefined,
    product: to,
  };
  const params = sparse === undefined ? kind.operation.params : { sparse };
  const call: CheckedCall = multiply(kind.operation, tensors, options, params);
  return await run(() => ({ call, finish: (report) => report }));
}

const OUTER = [1, 6, 7, 13], INNER = [1, 7, 255, 256, 257, 520], COLUMNS = [1, 7, 8, 9, 31];

for (const [name, kind] of Object.entries(KINDS)) {
  onEachBackend(`${name} is the sum of products at all kinds of sizes, in every dtype`, async (on) => {
    const random = new Random(SEED);
    let turn = 0;
    for (const outer of OUTER) {
      for (const inner of INNER) {
        for (const columns of COLUMNS) {
          const dtype = DTYPES[turn % 3], gap = turn % 2 * 5, what = `${outer} × ${inner} × ${columns}, ${dtype}`;
          const isMore = turn++ % 4 === 3, factors = randomFactors(random, outer, inner, columns, dtype);
          const previous = isMore ? normalRows(random, outer, columns, 5) : undefined;
          const to = places({ ...factors, previous }, kind, dtype, gap);
          await compute(kind, to, on, { isMore });
          assertWithin(valuesOf(to.product), expectProduct({ ...factors, previous }), what);
          const between = to.product.data.subarray(columns, outer > 1 ? columns + gap : columns);
          assertSame(between, new Float32Array(between.length).fill(NaN), `${what}: between the rows`);
        }
      }
    }
  });

  onEachBackend(`${name} follows IEEE arithmetic: NaN and Infinity go to their rows and columns`, async (on) => {
    const left = [[1, 0, 2], [NaN, 0, 1], [Infinity, 0, 1], [0, 0, 0]],
      right = [[1, 1, 0], [0, 1, 2], [-Infinity, 1, 1]];
    const to = places({ left, right }, kind, "f32", 0);
    await compute(kind, to, on);
    const inf = Infinity, expected = [-inf, 3, 2, NaN, NaN, NaN, NaN, inf, NaN, NaN, 0, 0];
    assertSame(valuesOf(to.product), Float64Array.from(expected), "product");
  });

  onEachBuild(`${name} gives the same bits on any number of threads, wherever its matrices lie`, async (on) => {
    const [outer, inner, columns] = [45, 300, 1003],
      factors = randomFactors(new Random(SEED), outer, inner, columns, "f32");
    const alone = places(factors, kind, "f32", 0);
    await compute(kind, alone, { ...on, threads: 1 });
    const expected = valuesOf(alone.product);
    assertWithin(expected, expectProduct(factors), "alone");
    for (const threads of [2, 3, 8]) {
      const apart = places(factors, kind, "f32", 3);
      const report = await compute(kind, apart, { ...on, threads });
      assertEquals(report.threads, threads);
      assertSame(valuesOf(apart.product), expected, `${threads} threads`);
      using left = allocate(alone.left.shape),
        right = allocate(alone.right.shape),
        product = allocate([outer, columns]);
      fill(left, kind.isLeftTurned ? turned(factors.left) : factors.left);
      fill(right, kind.isRightTurned ? turned(factors.right) : factors.right);
      await compute(kind, { left, right, product }, { ...on, threads });
      assertSame(valuesOf(product), expected, `${threads} threads, in wasm memory`);
    }
  });
}

onEachBackend("productNT adds a bias to each column, and to what was there", async (on) => {
  const random = new Random(SEED);
  for (const [outer, inner, columns] of [[1, 1, 1], [7, 300, 9], [13, 20, 31]]) {
    const factors = randomFactors(random, outer, inner, columns, "f32"),
      bias = random.normals(columns).map(Math.fround);
    for (const previous of [undefined, normalRows(random, outer, columns, 5)]) {
      const to = places({ ...factors, previous }, KINDS.productNT, "f32", 2), isMore = previous !== undefined;
      await compute(KINDS.productNT, to, on, { bias, isMore });
      const what = `${outer} × ${inner} × ${columns}${isMore ? ", more" : ""}`;
      assertWithin(valuesOf(to.product), expectProduct({ ...factors, bias, previous }), what);
    }
  }
});

/** Pieces of six rows by 256 steps, and what is not quite one. */
const NOTHING: Readonly<Record<string, (m: number, k: number) => boolean>> = {
  "a piece": (m, k) => m < 6 && k >= 256 && k < 512,
  "all but a corner": (m, k) => m < 12 && k < 512 && !(m === 11 && k === 511),
  "whole rows": (m) => m < 7,
  "whole columns": (_, k) => k < 300,
  everything: () => true,
};

for (const [name, kind] of Object.entries({ productNN: KINDS.productNN, productTN: KINDS.productTN })) {
  onEachBackend(`${name} is the same where it looks for zeros`, async (on) => {
    const random = new Random(SEED), dense = randomFactors(random, 20, 520, 19, "f32");
    for (const [what, isNothing] of Object.entries(NOTHING)) {
      const left = dense.left.map((row, m) => Float32Array.from(row, (x, k) => isNothing(m, k) ? 0 : x));
      for (const previous of [undefined, normalRows(random, 20, 19, 1)]) {
        const isMore = previous !== undefined, factors = { left, right: dense.right, previous };
        const [plain, sparse] = [0, 0].map(() => places(factors, kind, "f32", 0));
        await compute(kind, plain, on, { isMore });
        await compute(kind, sparse, on, { isMore, sparse: 1 });
        assertSame(valuesOf(sparse.product), valuesOf(plain.product), what);
      }
    }
  });
}
