/**
 * Products of an adaptive softmax's hidden states, a chunk of rows at a time: what each call copies stays small.
 *
 * @module
 */
import type { CheckedCall, CommonOptions, Tensor } from "../../operation.ts";
import { vector } from "../../tensors.ts";
import { multiply, PRODUCT_NT } from "./products.ts";
import { gather } from "./rows.ts";

/** Elements of a chunk: 16 MiB. */
const CHUNK_ELEMENTS = 2 ** 22;

/** Runs of rows: as many as fit with so many elements each. */
export function* chunksOf(
  rows: readonly number[],
  elements: number,
): Generator<{ readonly first: number; readonly chunk: readonly number[] }> {
  const most = Math.max(1, Math.floor(CHUNK_ELEMENTS / elements));
  for (let first = 0; first < rows.length; first += most) yield { first, chunk: rows.slice(first, first + most) };
}

/** Some rows of a matrix in f32. */
export function take(matrix: Tensor, rows: readonly number[]): Tensor {
  return vector(gather(matrix, rows), matrix.columns);
}

/** left·rightᵀ, with a bias as one row, as a call; it goes to `product`. */
export function timesTransposed(
  factors: { readonly left: Tensor; readonly right: Tensor; readonly bias?: Tensor; readonly product: Tensor },
  options: CommonOptions,
): CheckedCall {
  const bias = factors.bias && vector(factors.bias.data as Float32Array);
  return multiply(PRODUCT_NT, { ...factors, bias }, options);
}

/** A new f32 matrix. */
export function blank(rows: number, columns: number): Tensor & { readonly data: Float32Array } {
  return vector(new Float32Array(rows * columns), columns);
}
