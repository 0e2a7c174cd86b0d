/** Rows of matrices in arrays: taken out in f32, and cleared. */
import { readRow, writeRow } from "../../reference/row.ts";
import type { Tensor } from "../../operation.ts";

/** Some rows of a matrix, one after the other. */
export function gather(tensor: Tensor, rows: readonly number[]): Float32Array {
  const { data, columns, rowStride } = tensor, elements = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    const isCoded = data instanceof Uint16Array, start = row * rowStride;
    elements.set(isCoded ? readRow(tensor, row) : data.subarray(start, start + columns), i * columns);
  });
  return elements;
}

/** Clears the rows of a matrix that a condition holds for, or all. */
export function clearRows(tensor: Tensor, condition: (row: number) => boolean = () => true): void {
  const nothing = new Float32Array(tensor.columns);
  for (let row = 0; row < tensor.rows; row++) if (condition(row)) writeRow(tensor, row, nothing);
}
