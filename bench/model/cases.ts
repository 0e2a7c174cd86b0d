/** The operations whose predictions are held against the clock, and the matrices that they run on. */
import {
  allocate,
  type CommonOptions,
  crossEntropy,
  type DType,
  entropy,
  jsDivergence,
  klDivergence,
  logSoftmax,
  logSumExp,
  type Matrix,
  softmax,
  tokenStatistics,
} from "../../mod.ts";
import type { OperationName, PlannedInputs } from "../../src/cost/mod.ts";
import type { Shape } from "../cases.ts";

/** From one token of a server to a batch of training, over vocabularies of real models. */
export const SHAPES: readonly Shape[] = [
  [1, 32_000],
  [1, 128_256],
  [1, 256_000],
  [2, 50_257],
  [4, 128_256],
  [8, 32_000],
  [16, 50_257],
  [32, 128_256],
  [64, 32_000],
  [128, 50_257],
  [256, 32_000],
  [48, 256_000],
];

/** Where matrices lie, outputs too, and how they are stored. */
export const STORAGE: readonly (readonly [place: "wasm" | "array", dtype: DType])[] = [
  ["wasm", "f32"],
  ["wasm", "f16"],
  ["wasm", "bf16"],
  ["array", "f32"],
  ["array", "bf16"],
];

/** What an operation is given. */
export interface Operands {
  readonly p: Matrix;
  readonly q: Matrix;
  readonly out: Matrix;
  readonly targets: Int32Array;
}

/** An operation as it is called and as it is planned. */
export interface Case<Given = Operands> {
  readonly name: string;
  readonly operation: OperationName;
  readonly outputs?: readonly string[];
  /** Tokens chosen of a row. */
  readonly top?: number;
  run(operands: Given, options: CommonOptions): Promise<unknown>;
}

/** The cases. */
export const CASES: readonly Case[] = [
  { name: "log-sum-exp", operation: "logSumExp", run: ({ p }, options) => logSumExp(p, options) },
  { name: "entropy", operation: "entropy", run: ({ p }, options) => entropy(p, options) },
  { name: "softmax", operation: "softmax", run: ({ p, out }, options) => softmax(p, { ...options, out }) },
  { name: "log-softmax", operation: "logSoftmax", run: ({ p, out }, options) => logSoftmax(p, { ...options, out }) },
  { name: "CE", operation: "crossEntropy", run: ({ p, targets }, options) => crossEntropy(p, targets, options) },
  {
    name: "CE + gradient",
    operation: "crossEntropy",
    outputs: ["gradient"],
    run: ({ p, targets, out }, options) => crossEntropy(p, targets, { ...options, gradient: out }),
  },
  {
    name: "token statistics",
    operation: "tokenStatistics",
    run: ({ p, targets }, options) => tokenStatistics(p, targets, options),
  },
  {
    name: "token statistics, top 5",
    operation: "tokenStatistics",
    outputs: ["topTokens", "topLogProbabilities"],
    top: 5,
    run: ({ p, targets }, options) => tokenStatistics(p, targets, { ...options, top: 5 }),
  },
  { name: "KL", operation: "klDivergence", run: ({ p, q }, options) => klDivergence(p, q, options) },
  {
    name: "KL + gradient",
    operation: "klDivergence",
    outputs: ["gradientQ"],
    run: ({ p, q }, options) => klDivergence(p, q, { ...options, gradient: "q" }),
  },
  { name: "JSD", operation: "jsDivergence", run: ({ p, q }, options) => jsDivergence(p, q, options) },
];

/** The same as a plan is told of it. A divergence makes its gradient itself. */
export function plannedInputs({ outputs, operation }: Case, place: "wasm" | "array", dtype: DType): PlannedInputs {
  return { dtype, place, outputs, written: operation === "klDivergence" ? "new" : "given" };
}

/** Two matrices of logits, a third to write, and targets. */
export function prepare(
  [rows, vocab]: Shape,
  place: "wasm" | "array",
  dtype: DType,
): Operands & Disposable {
  const make = () => place === "wasm" ? allocate([rows, vocab], dtype) : ordinary(rows, vocab, dtype);
  const p = make(), q = make(), out = make();
  fill(p, 0.618034), fill(q, 0.754878);
  return {
    p,
    q,
    out,
    targets: Int32Array.from({ length: rows }, (_, row) => row * 7919 % vocab),
    [Symbol.dispose]() {
      for (const matrix of [p, q, out]) if (matrix && Symbol.dispose in matrix) matrix[Symbol.dispose]();
    },
  };
}

/** A matrix in an array of its own. */
export function ordinary(rows: number, vocab: number, dtype: DType): Matrix {
  const array = { f32: Float32Array, f16: Float16Array, bf16: Uint16Array }[dtype];
  return { data: new array(rows * vocab), shape: [rows, vocab], dtype };
}

/** Numbers in [−bound, bound) that look random. */
export function fill({ data, dtype }: Matrix, step: number, bound = 10): void {
  const single = new Float32Array(1), bits = new Uint32Array(single.buffer);
  for (let i = 0; i < data.length; i++) {
    const x = i * step;
    single[0] = bound * (2 * (x - Math.floor(x)) - 1);
    data[i] = dtype === "bf16" ? bits[0] >>> 16 : single[0];
  }
}
