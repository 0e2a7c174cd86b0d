/** Rows of matrices on the GPU, brought to the CPU. */
import type { AnyMatrix, DType, Matrix } from "../../mod.ts";
import type { Shape } from "../cases.ts";
import { readBack } from "./device.ts";

/** What is read of a matrix at most, in bytes of f32. */
const SAMPLED_BYTES = 100e6;

/** Bytes of an element. */
export function widthOf(dtype: DType): 2 | 4 {
  return dtype === "f32" ? 4 : 2;
}

/** All rows, or as many as may be read: the first, the last and some between. */
export function sampleRows([rows, vocab]: Shape): number[] {
  const count = Math.max(1, Math.min(rows, 1024, Math.floor(SAMPLED_BYTES / 4 / vocab)));
  return Array.from({ length: count }, (_, i) => Math.floor(i * (rows - 1) / Math.max(1, count - 1)));
}

/** The arrays that hold a dtype. */
const ARRAYS = { f32: Float32Array, f16: Float16Array, bf16: Uint16Array } as const;

/** An empty matrix of so many rows. */
export function newMatrix(rows: number, vocab: number, dtype: DType): Matrix {
  return { data: new ARRAYS[dtype](rows * vocab), shape: [rows, vocab], dtype };
}

/** A matrix of its own with the same elements. */
export function cloneMatrix(matrix: Matrix): Matrix {
  return { ...matrix, data: matrix.data.slice() };
}

/** Rows of a matrix in a buffer, one after the other. */
export async function readRows(device: GPUDevice, matrix: AnyMatrix, rows: readonly number[]): Promise<Matrix> {
  const { data: buffer, shape: [, vocab], dtype = "f32" } = matrix;
  if (!(buffer instanceof GPUBuffer)) throw new TypeError("The matrix is not on the GPU");
  const rowBytes = vocab * widthOf(dtype), result = newMatrix(rows.length, vocab, dtype);
  // A row may begin or end in the middle of a word, and words are what is copied
  const begins = rows.map((row) => Math.floor(row * rowBytes / 4) * 4);
  const sizes = rows.map((row, i) => Math.ceil(((row + 1) * rowBytes - begins[i]) / 4) * 4);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const bytes = await readBack(device, total, (encoder, target) => {
    let at = 0;
    for (const [i, begin] of begins.entries()) {
      encoder.copyBufferToBuffer(buffer, begin, target, at, sizes[i]);
      at += sizes[i];
    }
  });
  const packed = new Uint8Array(result.data.buffer);
  let at = 0;
  for (const [i, row] of rows.entries()) {
    const from = at + row * rowBytes - begins[i];
    packed.set(new Uint8Array(bytes, from, rowBytes), i * rowBytes);
    at += sizes[i];
  }
  return result;
}

/** The elements as numbers. */
export function numbersOf({ data, dtype }: Matrix): ArrayLike<number> {
  if (dtype !== "bf16") return data;
  return new Float32Array(Uint32Array.from(data, (code) => code << 16).buffer);
}
