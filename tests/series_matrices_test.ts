// Functions that take several calls read every kind of matrix as the others do: types, strides, one row for all, wasm
// memory, long rows, threads.

import { allocate, calibration, distillationLoss, fitTemperature, klPenalty, type Matrix } from "../mod.ts";
import { type Choice, onEachBackend, onEachKernel } from "./backends.ts";
import { DTYPES, fill, matrix, normalRows, rounded, type Rows, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame } from "./tolerance.ts";

const ROWS = 4, TARGETS = [3, -100, 2, 1];

type Numbers = Record<string, ArrayLike<number>>;
type Compute = (p: Matrix, q: Matrix, on: Choice & { readonly threads?: number }) => Promise<Numbers>;

const FUNCTIONS: Readonly<Record<string, Compute>> = {
  async klPenalty(p, q, on) {
    const mask = TARGETS.map((target) => target >= 0), options = { ...on, mask, temperature: 1.5 };
    const exact = await klPenalty(p, q, undefined, { ...options, gradient: true });
    const { penalty } = await klPenalty(p, q, TARGETS, { ...options, estimator: "k3" });
    return { exact: exact.penalty, gradient: valuesOf(exact.gradient), penalty };
  },
  async calibration(p, _q, on) {
    const { confidence, brier, correct } = await calibration(p, TARGETS, { ...on, temperature: 0.5, softcap: 9 });
    return { confidence, brier, correct };
  },
  async fitTemperature(p, _q, on) {
    const { temperature, loss, iterations } = await fitTemperature(p, TARGETS, { ...on, softcap: 9 });
    return { fit: [temperature, loss, iterations] };
  },
  async "distillationLoss by tokens"(p, _q, on) {
    const teacher = {
      top: 2,
      tokens: TARGETS.flatMap((_, row) => [row, 7]),
      logProbabilities: TARGETS.flatMap(() => [0.5, 0.25].map(Math.log)),
    };
    const all = { ...on, gradient: true, reduction: "none" } as const;
    const { loss, gradient } = await distillationLoss(p, teacher, TARGETS, all);
    return { loss, gradient: valuesOf(gradient) };
  },
};

function rowsOf(vocab: number): [p: Rows, q: Rows] {
  const random = new Random(vocab);
  return [normalRows(random, ROWS, vocab, 2), normalRows(random, ROWS, vocab, 2)];
}

function assertAlike(found: Numbers, expected: Numbers, what: string): void {
  for (const [name, values] of Object.entries(expected)) assertSame(found[name], values, `${what}: ${name}`);
}

for (const [name, compute] of Object.entries(FUNCTIONS)) {
  onEachBackend(`${name}() takes matrices of every kind`, async (on) => {
    const [p, q] = rowsOf(90);
    for (const dtype of DTYPES) {
      const [narrowP, narrowQ] = [rounded(p, dtype), rounded(q, dtype)];
      const expected = await compute(matrix(narrowP), matrix(narrowQ), on);
      assertAlike(await compute(matrix(narrowP, dtype), matrix(narrowQ, dtype), on), expected, dtype);
      const apart = await compute(matrix(narrowP, dtype, 97), matrix(narrowQ, dtype, 95), on);
      assertAlike(apart, expected, `${dtype}, rows apart`);
      using residentP = allocate([ROWS, 90], dtype), residentQ = allocate([ROWS, 90], dtype);
      fill(residentP, narrowP);
      fill(residentQ, narrowQ);
      assertAlike(await compute(residentP, residentQ, on), expected, `${dtype}, in wasm memory`);
      const one = { ...matrix([narrowQ[0]], dtype), shape: [ROWS, 90] as const, rowStride: 0 };
      const many = matrix(narrowQ.map(() => narrowQ[0]), dtype);
      assertAlike(await compute(one, one, on), await compute(many, many, on), `${dtype}, one row for all`);
    }
  });

  onEachKernel(`${name}() has the same bits for any number of threads`, async (on) => {
    for (const vocab of [9000, 40_000]) {
      const [p, q] = rowsOf(vocab).map((rows) => matrix(rows));
      const expected = await compute(p, q, { ...on, threads: 1 });
      for (const threads of [2, 3]) {
        assertAlike(await compute(p, q, { ...on, threads }), expected, `${vocab}, ${threads}`);
      }
    }
  });
}
