// Divergences of matrices with unequal numbers of classes, and upstream gradients.

import { assertEquals, assertRejects } from "@std/assert";
import { type DivergenceOptions, type DivergenceResult, jsDivergence, klDivergence, type Matrix } from "../mod.ts";
import { onEachBackend } from "./backends.ts";
import { expectJs, expectKl, flatten } from "./divergence_cases.ts";
import { DTYPES, matrix, normalRows, rounded, type Rows } from "./matrices.ts";
import { once } from "./once.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin, type Expected } from "./tolerance.ts";

type Compute = (p: Matrix, q: Matrix, options: DivergenceOptions) => Promise<DivergenceResult>;

const OPERATIONS: readonly { name: string; compute: Compute; expect: typeof expectKl }[] = [
  { name: "klDivergence()", compute: klDivergence, expect: expectKl },
  { name: "jsDivergence()", compute: jsDivergence, expect: expectJs },
];

/** Columns of p, of q, and how many classes there are: ends within a block, at one, and segments that one of them lacks. */
const SIZES = [
  [40, 33, 40],
  [33, 40, 33],
  [1500, 1024, 1500],
  [1024, 1500, 1030],
  [3000, 2000, 1900],
  [8193, 20_000, 20_000],
  [20_000, 8192, 20_000],
] as const;

const ROWS = 3, GRADIENT_SCALE = [0.5, 0, -2];

function padded(rows: Rows, vocab: number, columns: number): Float64Array[] {
  return rows.map((row) =>
    Float64Array.from({ length: columns }, (_, i) => i < vocab ? row[i] ?? -Infinity : -Infinity)
  );
}

/** What belongs to the columns that a matrix has. */
function cropped(expected: Expected, from: number, to: number): Expected {
  const crop = (values: ArrayLike<number>) =>
    Float64Array.from({ length: ROWS * to }, (_, i) => values[Math.floor(i / to) * from + i % to]);
  return { ...expected, values: crop(expected.values), terms: expected.terms && crop(expected.terms) };
}

for (const { name, compute, expect } of OPERATIONS) {
  const cases = once(() =>
    SIZES.flatMap(([columnsP, columnsQ, vocab], i) => {
      const random = new Random(100 + i), dtype = DTYPES[i % 3], most = Math.max(columnsP, columnsQ);
      const p = rounded(normalRows(random, ROWS, columnsP, 3), dtype);
      const q = rounded(normalRows(random, ROWS, columnsQ, 3), dtype);
      const all = [padded(p, vocab, most), padded(q, vocab, most)] as const;
      const { divergence, gradientP, gradientQ } = expect(...all, { gradientScale: GRADIENT_SCALE });
      const expected = {
        divergence,
        gradientP: cropped(gradientP, most, columnsP),
        gradientQ: cropped(gradientQ, most, columnsQ),
      };
      return [{ what: `${columnsP} and ${columnsQ} of ${vocab}, ${dtype}`, dtype, p, q, vocab, expected }];
    })
  );

  onEachBackend(`${name} has no chance for classes that a matrix lacks, and scales rows of gradients`, async (on) => {
    for (const { what, dtype, p, q, vocab, expected } of cases()) {
      const options = { ...on, vocab, gradient: "both", reduction: "none", gradientScale: GRADIENT_SCALE } as const;
      const found = flatten(await compute(matrix(p, dtype), matrix(q, dtype), options));
      for (const output of ["divergence", "gradientP", "gradientQ"] as const) {
        assertWithin(found[output], expected[output], `${what}: ${output}`);
      }
      const apart = await compute(matrix(p, dtype, p[0].length + 6), matrix(q, dtype, q[0].length + 6), options);
      for (const [output, values] of Object.entries(flatten(apart))) {
        assertSame(values, found[output as keyof typeof found], `${what}, rows apart: ${output}`);
      }
    }
  });

  onEachBackend(`${name} leaves padding out of probabilities, too`, async (on) => {
    const p = matrix([[0.5, 0.5, 0.75]]), q = matrix([[0.25, 0.75]]);
    const options = { ...on, input: "probabilities", vocab: 2, gradient: "both" } as const;
    const { gradientP, gradientQ, divergence } = await compute(p, q, options);
    const same = await compute(matrix([[0.5, 0.5]]), q, { ...options, vocab: undefined });
    assertEquals(divergence, same.divergence);
    assertEquals(gradientP?.shape, [1, 3]);
    assertEquals(Array.from(gradientP?.data as Float32Array), [...same.gradientP?.data as Float32Array, 0]);
    assertEquals(gradientQ, same.gradientQ);
  });

  onEachBackend(`${name} wants to know how many classes there are`, async (on) => {
    const [two, three] = [matrix([[1, 2]]), matrix([[1, 2, 3]])];
    await assertRejects(
      () => compute(two, three, on),
      RangeError,
      "q is [1, 3], p is [1, 2]: vocab must say how many classes there are",
    );
    await assertRejects(() => compute(two, three, { ...on, vocab: 4 }), RangeError, "vocab is 4, more than 3");
    await assertRejects(() => compute(two, matrix([[1, 2], [3, 4]]), on), RangeError, "q is [2, 2], p is [1, 2]");
  });
}
