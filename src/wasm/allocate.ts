/** Matrices inside wasm memory. */
import type { DType, Matrix, MatrixData } from "../operation.ts";
import { give, take, wasmBuffer } from "./memory.ts";

type Constructor<T extends DType> = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): DTypeArrays[T];
};

const ARRAYS: { readonly [T in DType]: Constructor<T> } = { f32: Float32Array, f16: Float16Array, bf16: Uint16Array };

/** A {@linkcode Matrix} in wasm memory, freed by `using` or {@linkcode AllocatedMatrix.prototype[Symbol.dispose]}. */
export class AllocatedMatrix<Data extends MatrixData = MatrixData> implements Matrix, Disposable {
  /** `[rows, columns]`. */
  readonly shape: readonly [rows: number, columns: number];
  /** How the elements are stored. */
  readonly dtype: DType;
  #data: Data | undefined;

  /** Wraps memory that {@linkcode allocate} has taken. */
  constructor(data: Data, shape: readonly [rows: number, columns: number], dtype: DType) {
    this.#data = data;
    this.shape = shape;
    this.dtype = dtype;
  }

  /**
   * The elements, row by row, 0 at first.
   *
   * @throws {TypeError} If the matrix has been disposed of.
   */
  get data(): Data {
    if (this.#data === undefined) throw new TypeError("Cannot use a matrix from allocate() after it was disposed of");
    return this.#data;
  }

  /**
   * Gives the memory back; views of it that are still around then alias whatever comes next.
   *
   * @throws {TypeError} If it was given back before.
   */
  [Symbol.dispose](): void {
    const { byteOffset, byteLength } = this.data;
    this.#data = undefined;
    give(byteOffset, byteLength);
  }
}

/** The array that holds the elements of a dtype. */
export interface DTypeArrays {
  /** IEEE binary32. */
  f32: Float32Array;
  /** IEEE binary16. */
  f16: Float16Array;
  /** The upper half of a binary32, as its code. */
  bf16: Uint16Array;
}

/** Takes and clears the memory of a matrix whose arguments have been checked. */
export function allocateMatrix<T extends DType>(
  rows: number,
  columns: number,
  dtype: T,
): AllocatedMatrix<DTypeArrays[T]> {
  const array: Constructor<T> = ARRAYS[dtype];
  const address = take(rows * columns * array.BYTES_PER_ELEMENT);
  const data = new array(wasmBuffer(), address, rows * columns);
  data.fill(0);
  return new AllocatedMatrix(data, [rows, columns], dtype);
}
