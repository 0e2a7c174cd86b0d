/** Matrices of f32 in arrays. */
import type { Matrix } from "../../../../mod.ts";

/** A matrix of f32 in an array. */
export type Floats = Matrix<Float32Array>;

/** An array as rows of so many columns. */
export function rowsOf(data: Float32Array, columns: number): Floats {
  return { data, shape: [data.length / columns, columns] };
}

/** A matrix of zeros. */
export function zeros(rows: number, columns: number): Floats {
  return { data: new Float32Array(rows * columns), shape: [rows, columns] };
}

/** Its columns as rows. */
export function transpose({ data, shape: [rows, columns] }: Floats): Floats {
  const across = zeros(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) across.data[column * rows + row] = data[row * columns + column];
  }
  return across;
}

/** The sum of its rows. */
export function sumOfRows({ data, shape: [rows, columns] }: Floats): Float32Array {
  const sums = new Float32Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) sums[column] += data[row * columns + column];
  }
  return sums;
}
