/**
 * hidden·weightᵀ + bias.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { productNT } from "./product.ts";

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
