/** Tensors of the caller's memory, to the device's form and back. */
import type { Tensor, TensorSpec } from "../operation.ts";
import { wordsOf } from "./declarations.ts";
import { isOneRow, type MatrixUse } from "./storage.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Rows of a matrix, packed as on the device; the caller's own bytes where they are so already. */
export function packRows({ stride, width }: MatrixUse, tensor: Tensor, firstRow: number, rows: number): Bytes {
  const { data, rowStride, columns } = tensor;
  const count = isOneRow(tensor) ? 1 : rows, pitch = stride === 0 ? columns : stride;
  const bytes = bytesOf(data), rowBytes = columns * width;
  const start = isOneRow(tensor) ? 0 : firstRow * rowStride * width;
  const whole = count * pitch * width;
  if ((rowStride === pitch || count === 1) && whole % 4 === 0 && start + whole <= bytes.length) {
    return bytes.subarray(start, start + whole);
  }
  const packed = new Uint8Array(Math.ceil(whole / 4) * 4);
  for (let row = 0; row < count; row++) {
    const from = start + row * rowStride * width;
    packed.set(bytes.subarray(from, from + rowBytes), row * pitch * width);
  }
  return packed;
}

/** Copies packed rows to where they belong; what lies between them is not touched. */
export function unpackRows(use: MatrixUse, tensor: Tensor, firstRow: number, rows: number, packed: Bytes): void {
  const { data, rowStride, columns } = tensor, { stride, width } = use;
  const bytes = bytesOf(data), rowBytes = columns * width, pitch = (stride === 0 ? columns : stride) * width;
  if (pitch === rowStride * width) {
    bytes.set(packed.subarray(0, (rows - 1) * pitch + rowBytes), firstRow * pitch);
    return;
  }
  for (let row = 0; row < rows; row++) {
    bytes.set(packed.subarray(row * pitch, row * pitch + rowBytes), (firstRow + row) * rowStride * width);
  }
}

/** Rows of a vector as words. */
export function wordsOfRows({ data, columns, rowStride }: Tensor, firstRow: number, rows: number): Bytes {
  const start = firstRow * rowStride;
  return bytesOf(data.subarray(start, start + rows * columns));
}

/** Copies words to rows of a vector: an f64 is the sum of two f32. */
export function setRows(spec: TensorSpec, { data, rowStride }: Tensor, firstRow: number, words: Bytes): void {
  const { buffer, byteOffset, byteLength } = words;
  const from = firstRow * rowStride;
  if (spec.type === "i32") return data.set(new Int32Array(buffer, byteOffset, byteLength / 4), from);
  const floats = new Float32Array(buffer, byteOffset, byteLength / 4);
  if (wordsOf(spec) === 1) return data.set(floats, from);
  for (let i = 0; 2 * i < floats.length; i++) data[from + i] = floats[2 * i] + floats[2 * i + 1];
}

/** An array's bytes. They may be shared with other threads, which WebGPU allows and its types do not say. */
function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Bytes {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
