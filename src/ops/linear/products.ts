/**
 * Records of what composed operations are made of: matrix products, and the gradient by a tile of logits.
 *
 * The columns of a product are the rows that threads share. `previous` is the product itself, where sums are added to it.
 *
 * @module
 */
import type { AnyTensor, CheckedCall, CommonOptions, Operation, TensorSpec } from "../../operation.ts";

const BIAS: TensorSpec = { name: "bias", shape: ["rows"], type: "f32", optional: true };
const PREVIOUS: TensorSpec = { name: "previous", shape: ["outer", "rows"], type: "float", optional: true };
const PRODUCT: TensorSpec = { name: "product", shape: ["outer", "rows"], type: "float" };

function product(
  name: string,
  left: readonly string[],
  right: readonly string[],
  params: Operation["params"],
  ...more: TensorSpec[]
): Operation {
  return {
    name,
    inputs: [
      { name: "left", shape: left, type: "float" },
      { name: "right", shape: right, type: "float" },
      ...more,
      PREVIOUS,
    ],
    outputs: [PRODUCT],
    params,
    work: (_present, { outer, inner }) => ({ exps: 0, flops: 0, matrixFlops: 2 * outer * inner }),
  };
}

/** Σ_k left[m, k]·right[n, k] + bias[n]. */
export const PRODUCT_NT: Operation = product("productNT", ["outer", "inner"], ["rows", "inner"], {}, BIAS);

/** Whether the left matrix may have enough pieces of zeros for a backend to look for them; they then add not even 0·∞. */
const SPARSE = { sparse: 0 };

/** Σ_k left[m, k]·right[k, n]. */
export const PRODUCT_NN: Operation = product("productNN", ["outer", "inner"], ["inner", "rows"], SPARSE);
/** Σ_k left[k, m]·right[k, n]. */
export const PRODUCT_TN: Operation = product("productTN", ["inner", "outer"], ["inner", "rows"], SPARSE);

/** Columns of `levels`: max as a sum of two, scale, factor, the target's gradient, and what is too small to be kept. */
export const LEVELS = 6;

/** The gradient of crossEntropy by some classes' logits, from what is known of the whole rows. */
export const CROSS_ENTROPY_GRADIENT: Operation = {
  name: "crossEntropyGradient",
  inputs: [
    { name: "logits", shape: ["rows", "vocab"], type: "float" },
    { name: "targets", shape: ["rows"], type: "i32" },
    { name: "classWeights", shape: ["vocab"], type: "f32", optional: true },
    { name: "levels", shape: ["rows", LEVELS], type: "f32" },
  ],
  outputs: [{ name: "gradient", shape: ["rows", "vocab"], type: "float" }],
  params: { softcap: 0, temperature: 1, smoothing: 0 },
  work: () => ({ exps: 1, flops: 3 }),
};

/** Columns of a divergence's `levels`: maxP, maxQ and ln of P's total over Q's as sums of two, k / sumP, k / sumQ. */
export const DIVERGENCE_LEVELS = 8;

/** The gradient of klDivergence by some classes' logits q, times k, from what is known of the whole rows. */
export const KL_DIVERGENCE_GRADIENT: Operation = {
  name: "klDivergenceGradient",
  inputs: [
    { name: "p", shape: ["rows", "vocab"], type: "float" },
    { name: "q", shape: ["rows", "vocab"], type: "float" },
    { name: "levels", shape: ["rows", DIVERGENCE_LEVELS], type: "f32" },
  ],
  outputs: [{ name: "gradient", shape: ["rows", "vocab"], type: "float" }],
  params: { input: 0, softcap: 0, temperature: 1 },
  work: () => ({ exps: 2, flops: 16 }),
};

/** A number as the sum of two of f32. */
export function inTwo(value: number): [high: number, low: number] {
  const high = Math.fround(value);
  return [high, Number.isFinite(high) ? value - high : 0];
}

/** A product as a call: sizes follow from the matrices. A row of it has no classes; work is that of a row. */
export function multiply(
  operation: Operation,
  tensors: Readonly<Record<"left" | "right" | "product", AnyTensor>> & Readonly<Record<string, AnyTensor | undefined>>,
  options: CommonOptions,
  params: CheckedCall["params"] = operation.params,
): CheckedCall {
  const { left, product } = tensors;
  const inner = operation === PRODUCT_TN ? left.rows : left.columns;
  const dims = { outer: product.rows, inner, rows: product.columns, vocab: 1 };
  return { operation, dims, tensors, params, options };
}
