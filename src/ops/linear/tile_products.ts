/**
 * The products of a tile: its logits, and what the gradient by them adds to the gradients by states, weights and bias.
 *
 * @module
 */
import type { AnyTensor, CheckedCall, Step, Tensor } from "../../operation.ts";
import { columnsOf, rowsOf, vector } from "../../tensors.ts";
import { multiply, PRODUCT_NN, PRODUCT_NT, PRODUCT_TN } from "./products.ts";
import type { Chunk, Part } from "./tiling.ts";

/** The logits of some classes, into the part's tile. */
export function logitsOf({ tensors, options }: CheckedCall, part: Part, first: number, classes: number): CheckedCall {
  const weight = tensors[part.head.weight] as AnyTensor, bias = tensors[part.head.bias] as Tensor | undefined;
  const biases = bias && vector(columnsOf(bias, first, classes).data as Float32Array);
  const product = part.logits(classes);
  return multiply(
    PRODUCT_NT,
    { left: part.hidden, right: rowsOf(weight, first, classes), bias: biases, product },
    options,
  );
}

/** What a tile of gradients by logits adds to the gradients by states, weights and bias. */
export function* productsOf(
  { tensors, params, options }: CheckedCall,
  chunk: Chunk,
  first: number,
  classes: number,
): Generator<Step> {
  const { weight, gradientWeight, gradientBias } = tensors as Readonly<Record<string, AnyTensor>>;
  const tile = chunk.logits(classes), sparsity = { sparse: (params.filter ?? 0) > 0 ? 1 : 0 };
  const add = (product: AnyTensor, isBegun: boolean) => ({ product, previous: isBegun ? product : undefined });
  if (chunk.gradient) {
    const factors = { left: tile, right: rowsOf(weight, first, classes) };
    yield { call: multiply(PRODUCT_NN, { ...factors, ...add(chunk.gradient, first > 0) }, options, sparsity) };
  }
  if (gradientWeight) {
    const factors = { left: tile, right: chunk.hidden }, product = rowsOf(gradientWeight, first, classes);
    yield { call: multiply(PRODUCT_TN, { ...factors, ...add(product, !chunk.isFirst) }, options, sparsity) };
  }
  if (gradientBias) {
    const factors = { left: chunk.ones(), right: tile }, product = columnsOf(gradientBias as Tensor, first, classes);
    yield { call: multiply(PRODUCT_NN, { ...factors, ...add(product, !chunk.isFirst) }, options) };
  }
}
