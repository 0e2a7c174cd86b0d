/** Losses of hidden states whose predictions are held against the clock: products take most of their time. */
import { allocate, type DType, linearCrossEntropy, type Matrix } from "../../mod.ts";
import type { PlannedInputs } from "../../src/cost/mod.ts";
import { type Case, fill, ordinary } from "./cases.ts";

/** Rows, width of the hidden states, classes. */
export type LinearShape = readonly [rows: number, hidden: number, vocab: number];

/** From a few tokens to a batch; the least for the reference and a GPU that is a CPU in disguise. */
export const LINEAR_SHAPES: readonly LinearShape[] = [
  [4, 64, 512],
  [1, 768, 50_257],
  [16, 256, 8192],
  [16, 768, 50_257],
  [64, 256, 50_257],
  [128, 768, 8192],
  [512, 256, 8192],
  [512, 256, 50_257],
  [700, 768, 8192],
];

/** Where states, weights and gradients lie, and how the first two are stored. */
export const LINEAR_STORAGE: readonly (readonly [place: "wasm" | "array", dtype: DType])[] = [
  ["wasm", "f32"],
  ["wasm", "bf16"],
  ["array", "f32"],
  ["array", "bf16"],
];

/** What such a loss is given. */
export interface LinearOperands {
  readonly hidden: Matrix;
  readonly weight: Matrix;
  readonly targets: Int32Array;
  readonly gradient: { readonly hidden: Matrix; readonly weight: Matrix };
}

/** The cases. */
export const LINEAR_CASES: readonly Case<LinearOperands>[] = [
  {
    name: "linear CE",
    operation: "linearCrossEntropy",
    run: ({ hidden, weight, targets }, options) => linearCrossEntropy(hidden, weight, targets, options),
  },
  {
    name: "linear CE + gradients",
    operation: "linearCrossEntropy",
    outputs: ["gradientHidden", "gradientWeight"],
    run: ({ hidden, weight, targets, gradient }, options) =>
      linearCrossEntropy(hidden, weight, targets, { ...options, gradient }),
  },
];

/** The same as a plan is told of it. */
export function plannedLinear(
  { outputs }: Case<LinearOperands>,
  place: "wasm" | "array",
  dtype: DType,
): PlannedInputs {
  return { dtype, place, outputs, written: "given" };
}

/** States, weights, targets and room for gradients. */
export function prepareLinear(
  [rows, width, vocab]: LinearShape,
  place: "wasm" | "array",
  dtype: DType,
): LinearOperands & Disposable {
  const make = (rows: number, dtype: DType) =>
    place === "wasm" ? allocate([rows, width], dtype) : ordinary(rows, width, dtype);
  const hidden = make(rows, dtype), weight = make(vocab, dtype);
  const gradient = { hidden: make(rows, "f32"), weight: make(vocab, "f32") };
  fill(hidden, 0.618034, 1), fill(weight, 0.754878, 0.1);
  return {
    hidden,
    weight,
    gradient,
    targets: Int32Array.from({ length: rows }, (_, row) => row * 7919 % vocab),
    [Symbol.dispose]() {
      for (const matrix of [hidden, weight, gradient.hidden, gradient.weight]) {
        if (Symbol.dispose in matrix) (matrix as Matrix & Disposable)[Symbol.dispose]();
      }
    },
  };
}
