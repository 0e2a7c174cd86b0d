/**
 * Copies of rows in wasm memory. Each copy lies as its original does relative to a machine word: the engine copies between
 * shared and other memory word by word then, at three times the rate that it reaches otherwise.
 */
import type { Tensor, TensorData } from "../operation.ts";
import { wasmBuffer } from "./memory.ts";

/** Bytes of a machine word. */
const WORD = 8;

/** Elements from one staged row to the next: packed, but for what keeps rows on their words. */
export function stagedStride({ columns, rowStride, data }: Tensor): number {
  const elements = WORD / data.BYTES_PER_ELEMENT;
  return columns + (rowStride > columns ? (rowStride - columns) % elements : 0);
}

/** Bytes that `rows` staged rows may take, wherever in a word they begin. */
export function stagedBytes(tensor: Tensor, rows: number): number {
  return stagedStride(tensor) * rows * tensor.data.BYTES_PER_ELEMENT + WORD;
}

/** The array in wasm memory, at `address` or a few bytes on, for `rows` rows from `firstRow`. */
export function stage(tensor: Tensor, address: number, firstRow: number, rows: number): TensorData {
  const { data, rowStride } = tensor;
  const constructor = data.constructor as new (buffer: ArrayBufferLike, start: number, length: number) => TensorData;
  const skew = (data.byteOffset + firstRow * rowStride * data.BYTES_PER_ELEMENT) % WORD;
  return new constructor(wasmBuffer(), address + skew, stagedStride(tensor) * rows);
}

/** Copies rows from the tensor into their staged places. */
export function copyIn(tensor: Tensor, staged: TensorData, firstRow: number, rows: number): void {
  move(tensor, staged, firstRow, rows, (home, away) => away.set(home));
}

/** Copies staged rows back to where they belong. */
export function copyOut(tensor: Tensor, staged: TensorData, firstRow: number, rows: number): void {
  move(tensor, staged, firstRow, rows, (home, away) => home.set(away));
}

/** Pairs the pieces of the tensor with those of its staging: all at once where rows are adjacent in both. */
function move(
  tensor: Tensor,
  staged: TensorData,
  firstRow: number,
  rows: number,
  copy: (home: TensorData, away: TensorData) => void,
): void {
  const { data, columns, rowStride } = tensor;
  const [pieces, length] = rowStride === columns ? [1, rows * columns] : [rows, columns];
  for (let piece = 0; piece < pieces; piece++) {
    const from = (firstRow + piece) * rowStride, to = piece * stagedStride(tensor);
    copy(data.subarray(from, from + length), staged.subarray(to, to + length));
  }
}
