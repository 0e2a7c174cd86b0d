/**
 * Calls to be timed, made from the records: every operation, without and with its optional outputs, in every dtype.
 *
 * @module
 */
import type { CheckedCall, CommonOptions, DType, Operation, Tensor, TensorData, TensorSpec } from "../../operation.ts";
import { multiply, PRODUCT_NT } from "../../ops/linear/products.ts";
import { RECORDS } from "../../ops/records.ts";
import { vector } from "../../tensors.ts";
import { type AllocatedMatrix, allocateMatrix } from "../../wasm/allocate.ts";
import { isMatrix, optionalOutputs, usualTensors } from "../demand.ts";

/** A kernel in one of its uses. */
export interface Kernel {
  readonly operation: Operation;
  /** Its optional outputs: none, or all. */
  readonly outputs: readonly string[];
  /** How matrices are read and written. */
  readonly read: DType;
  readonly written: DType;
}

/** Dimensions beside rows and classes: how many tokens are chosen of a row. */
const CHOSEN = 5;

const DTYPES: readonly DType[] = ["f32", "f16", "bf16"];

const SIMPLE: readonly Operation[] = Object.values(RECORDS).filter(({ compose }) => compose === undefined);

/** All kernels but those that others are composed of. Half precision is written as what was read, or as f32. */
export const KERNELS: readonly Kernel[] = SIMPLE.flatMap((operation) => {
  const optional = optionalOutputs(operation);
  const variants = optional.length === 0 ? [[]] : [[], optional];
  return variants.flatMap((outputs) => {
    const present = operation.outputs.filter(({ name, optional }) => !optional || outputs.includes(name));
    const isWriting = present.some(isMatrix);
    return DTYPES.flatMap((read) =>
      (isWriting && read !== "f32" ? [read, "f32" as const] : [read]).map((written) => {
        return { operation, outputs, read, written };
      })
    );
  });
});

/** Matrices of logits in wasm memory, and room for outputs. */
export class Samples implements Disposable {
  readonly #inputs: ReadonlyMap<DType, readonly AllocatedMatrix[]>;
  readonly #outputs: readonly AllocatedMatrix[];

  /** Room for so many rows times classes. */
  constructor(cells: number) {
    this.#inputs = new Map(DTYPES.map((dtype) => [dtype, [0, 1].map((seed) => logits(cells, dtype, seed))]));
    this.#outputs = [0, 1].map(() => allocateMatrix(1, cells, "f32"));
  }

  /** A call of a kernel; its matrices lie in wasm memory. */
  call(
    { operation, outputs, read, written }: Kernel,
    rows: number,
    vocab: number,
    options: CommonOptions = { threads: 1 },
  ): CheckedCall {
    const dims: Record<string, number> = { rows, vocab }, tensors: Record<string, Tensor> = {};
    const inputs = (this.#inputs.get(read) ?? []).values(), results = this.#outputs.values();
    const matrix = (source: AllocatedMatrix | undefined, dtype: DType): Tensor => {
      if (source === undefined) throw new Error(`${operation.name} has more matrices than there are samples`);
      return { data: as(source.data, dtype, rows * vocab), dtype, rows, columns: vocab, rowStride: vocab };
    };
    const column = ({ type, shape }: TensorSpec): Tensor => {
      if (typeof shape[1] === "string") dims[shape[1]] = CHOSEN;
      const columns = shape.length === 1 ? 1 : dims[shape[1]];
      return vector(new (type === "i32" ? Int32Array : Float32Array)(rows * columns), columns);
    };
    const usual = usualTensors(operation, outputs);
    for (const spec of usual.inputs) {
      tensors[spec.name] = isMatrix(spec) ? matrix(inputs.next().value, read) : column(spec);
    }
    for (const spec of usual.outputs) {
      tensors[spec.name] = isMatrix(spec) ? matrix(results.next().value, written) : column(spec);
    }
    return { operation, dims, tensors, params: operation.params, options };
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const matrix of [...this.#outputs, ...[...this.#inputs.values()].flat()]) matrix[Symbol.dispose]();
  }
}

/** A product of matrices in wasm memory: rows of states by classes, both of a width. */
export class Product implements Disposable {
  /** The call. */
  readonly call: CheckedCall;
  readonly #matrices: readonly AllocatedMatrix[];

  /** Of so many numbers; its two factors are f32. */
  constructor(rows: number, width: number, classes: number, options: CommonOptions = { threads: 1 }) {
    const [left, right] = [rows, classes].map((count, seed) => logits(count * width, "f32", seed));
    const product = allocateMatrix(1, rows * classes, "f32");
    const matrix = ({ data }: AllocatedMatrix, rows: number, columns: number): Tensor => {
      return { data, dtype: "f32", rows, columns, rowStride: columns };
    };
    const factors = { left: matrix(left, rows, width), right: matrix(right, classes, width) };
    this.call = multiply(PRODUCT_NT, { ...factors, product: matrix(product, rows, classes) }, options);
    this.#matrices = [left, right, product];
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const matrix of this.#matrices) matrix[Symbol.dispose]();
  }
}

/** Numbers in [−10, 10), the same every time. */
function logits(cells: number, dtype: DType, seed: number): AllocatedMatrix {
  const matrix = allocateMatrix(1, cells, dtype), { data } = matrix;
  const single = new Float32Array(1), bits = new Uint32Array(single.buffer);
  for (let i = 0, state = seed; i < cells; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    single[0] = 20 * state / 2 ** 32 - 10;
    data[i] = dtype === "bf16" ? bits[0] >>> 16 : single[0];
  }
  return matrix;
}

/** The same bytes as another dtype. */
function as({ buffer, byteOffset }: TensorData, dtype: DType, length: number): TensorData {
  if (dtype === "f32") return new Float32Array(buffer, byteOffset, length);
  return dtype === "f16" ? new Float16Array(buffer, byteOffset, length) : new Uint16Array(buffer, byteOffset, length);
}
