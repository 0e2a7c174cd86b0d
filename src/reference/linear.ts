/**
 * hidden·weightᵀ + bias, and from a gradient by it those by what it is made of.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { productNN, productNT, productTN } from "./product.ts";

/** hidden [rows, width], weight [vocab, width], bias? [vocab] → logits [rows, vocab]. */
export function linear(
  hidden: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  logits: Tensor,
  rows: number,
  width: number,
  vocab: number,
): void {
  const biases = bias && { ...bias, rows: vocab, columns: 1, rowStride: 1 };
  productNT(hidden, weight, biases, undefined, logits, rows, width, vocab);
}

/** Gradients by what logits are made of, as far as they are wanted. */
export interface LinearGradients {
  /** [rows, width]. */
  readonly hidden: Tensor | undefined;
  /** [vocab, width], added to what is in it. */
  readonly weight: Tensor | undefined;
  /** [vocab], added to what is in it. */
  readonly bias: Tensor | undefined;
}

/** G·weight, Gᵀ·hidden and Σ G over rows, where G [rows, vocab] is the gradient by the logits. */
export function descend(
  gradient: Tensor,
  hidden: Tensor,
  weight: Tensor,
  wanted: LinearGradients,
  rows: number,
  width: number,
  vocab: number,
): void {
  if (wanted.hidden) productNN(gradient, weight, undefined, wanted.hidden, rows, vocab, width);
  if (wanted.weight) productTN(gradient, hidden, wanted.weight, wanted.weight, rows, vocab, width);
  const ones = zeros(1, rows);
  ones.data.fill(1);
  if (wanted.bias) productNN(ones, gradient, wanted.bias, wanted.bias, 1, rows, vocab);
}

/** A matrix of zeros in f64. */
export function zeros(rows: number, columns: number): Tensor {
  return { data: new Float64Array(rows * columns), dtype: "f64", rows, columns, rowStride: columns };
}
