/** Refuses to time what is wrong: WebGPU's results against WebAssembly's on the same rows. */
import type { CommonOptions, DType, Matrix, Report } from "../../mod.ts";
import type { Operands, Operation } from "./operations.ts";
import { cloneMatrix, newMatrix, numbersOf, readRows } from "./rows.ts";

/** Of a sum or a logarithm of one: either side may be off by ε₃₂·(4 + |value|). */
export const REDUCTION = { relative: 2 ** -22, absolute: 2 ** -20 };

/** Of an element of a matrix, as it is stored: either side may be off by half a unit in its last place, or some ε₃₂. */
export const ELEMENT: Readonly<Record<DType, typeof REDUCTION>> = {
  f32: { relative: 2 ** -17, absolute: 2 ** -125 },
  f16: { relative: 2 ** -10, absolute: 2 ** -24 },
  bf16: { relative: 2 ** -7, absolute: 2 ** -125 },
};

/** Counts, classes and places in an order. */
const EXACT = { relative: 0, absolute: 0 };

/** Some rows of the operands on the GPU. */
export interface Sample {
  readonly rows: readonly number[];
  readonly p: Matrix;
  readonly q: Matrix;
}

/** Runs an operation on the device, compares the sampled rows, and returns its report. */
export async function check(
  operation: Operation,
  operands: Operands,
  options: CommonOptions & { readonly device: GPUDevice },
  sample: Sample,
): Promise<Report> {
  const { rows, p, q } = sample, [, vocab] = p.shape, { dtype = "f32" } = p;
  const actual = await operation.run(operands, options);
  const expected = await operation.run({
    p: operation.isInPlace ? cloneMatrix(p) : p,
    q,
    out: newMatrix(rows.length, vocab, dtype),
    targets: Int32Array.from(rows, (row) => operands.targets[row]),
  }, { backend: "wasm" });
  for (const [name, values] of Object.entries(expected.vectors)) {
    const all = actual.vectors[name];
    if (values === undefined || all === undefined) throw new Error(`${operation.name} has no ${name}`);
    const each = values.length / rows.length;
    const sampled = rows.flatMap((row) => Array.from(all.subarray(row * each, (row + 1) * each)));
    compare(
      `${operation.name}: ${name} of sampled rows`,
      sampled,
      values,
      values instanceof Int32Array ? EXACT : REDUCTION,
    );
  }
  if (actual.matrix && expected.matrix) {
    const matrices = [await readRows(options.device, actual.matrix, rows), expected.matrix as Matrix];
    const [ours, theirs] = matrices.map(numbersOf);
    compare(`${operation.name}: sampled rows of the matrix`, ours, theirs, ELEMENT[dtype]);
  }
  return actual.report;
}

/** Throws at the first number that is farther from WebAssembly's than allowed. */
export function compare(
  what: string,
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  allowed: typeof REDUCTION,
): void {
  if (ours.length !== theirs.length) throw new Error(`${what} has ${ours.length} numbers, not ${theirs.length}`);
  for (let i = 0; i < theirs.length; i++) {
    const error = Math.abs(ours[i] - theirs[i]);
    if (error <= allowed.relative * Math.abs(theirs[i]) + allowed.absolute) continue;
    throw new Error(`${what}[${i}] is ${ours[i]} on WebGPU, ${theirs[i]} on WebAssembly`);
  }
}
