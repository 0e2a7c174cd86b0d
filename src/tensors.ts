/**
 * Tensors of checked arguments: how they are made, and which share memory.
 *
 * @module
 */
import { isOnDevice } from "./arguments.ts";
import type { AnyMatrix, AnyTensor, DType, Matrix, Tensor } from "./operation.ts";
import { isResident } from "./wasm/memory.ts";

/** A fresh vector of one number a row, as a tensor; or of a few. */
export function vector<Data extends Float32Array | Float64Array | Int32Array>(data: Data, columns = 1): Tensor & {
  readonly data: Data;
} {
  const dtype = data instanceof Float32Array ? "f32" : data instanceof Float64Array ? "f64" : "i32";
  return { data, dtype, rows: data.length / columns, columns, rowStride: columns };
}

/** One row that all rows share, as a tensor. */
export function shared(data: Float32Array): Tensor {
  return { data, dtype: "f32", rows: 1, columns: data.length, rowStride: data.length };
}

/** A new f32 matrix for an output: an array, or a buffer of the GPU that the backend will make. */
export function newMatrix(rows: number, columns: number, outputs: "gpu" | undefined): AnyTensor {
  if (outputs === undefined) return { ...vector(new Float32Array(rows * columns), columns), isNew: true };
  return { buffer: undefined, dtype: "f32", rows, columns, rowStride: columns };
}

/** Some rows of a tensor. */
export function rowsOf<T extends AnyTensor>(tensor: T, first: number, rows: number): T {
  const { rowStride, columns } = tensor;
  if (isOnDevice(tensor)) return { ...tensor, rows, firstRow: (tensor.firstRow ?? 0) + first };
  return { ...tensor, rows, data: tensor.data.subarray(first * rowStride, (first + rows - 1) * rowStride + columns) };
}

/** Some columns of a tensor in an array, or all of one on the GPU. */
export function columnsOf<T extends AnyTensor>(tensor: T, first: number, columns: number): T {
  if (!isOnDevice(tensor)) {
    const end = first + Math.max(0, tensor.rows - 1) * tensor.rowStride + columns;
    return { ...tensor, data: tensor.data.subarray(first, end), columns };
  }
  if (first !== 0 || columns !== tensor.columns) throw new Error("Columns of a matrix on the GPU were asked for");
  return tensor;
}

/** The public face of a tensor that was an output. */
export function asMatrix(tensor: AnyTensor): AnyMatrix {
  const { rows, columns, rowStride } = tensor;
  const data = isOnDevice(tensor) ? tensor.buffer : tensor.data as Matrix["data"];
  if (data === undefined) throw new Error("An output on the GPU was not made");
  return { data, shape: [rows, columns], dtype: tensor.dtype as DType, rowStride };
}

/** Whether two tensors begin at the same element. */
export function isSamePlace(a: AnyTensor, b: AnyTensor): boolean {
  if (isOnDevice(a) || isOnDevice(b)) return isOnDevice(a) && isOnDevice(b) && a.buffer === b.buffer;
  return a.data.byteOffset === b.data.byteOffset && overlap(a, b);
}

/** Whether two tensors share memory; each buffer of the GPU is taken as a whole. */
export function overlap(a: AnyTensor, b: AnyTensor): boolean {
  if (isOnDevice(a) || isOnDevice(b)) return isSamePlace(a, b);
  const [x, y] = [a.data, b.data];
  if (x.buffer !== y.buffer && !(isResident(x) && isResident(y))) return false;
  return x.byteOffset < y.byteOffset + y.byteLength && y.byteOffset < x.byteOffset + x.byteLength;
}
