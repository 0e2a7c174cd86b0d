/**
 * Matrices of every dtype from rows of numbers, and back.
 *
 * @module
 */
import type { DType, Matrix } from "../mod.ts";
import type { Tensor } from "../src/operation.ts";
import { readRow, writeRow } from "../src/reference/row.ts";
import type { Random } from "./random.ts";

/** Rows of equal length. */
export type Rows = readonly ArrayLike<number>[];

/** How elements can be stored. */
export const DTYPES: readonly DType[] = ["f32", "f16", "bf16"];

const ARRAYS = { f32: Float32Array, f16: Float16Array, bf16: Uint16Array };

/** A matrix of rows. What lies between the rows is NaN: who reads it is found out. */
export function matrix(rows: Rows, dtype: DType = "f32", rowStride: number = rows[0].length): Matrix {
  const empty = blank([rows.length, rows[0].length], dtype, rowStride);
  fill(empty, rows);
  return empty;
}

/** A matrix of NaN. */
export function blank(shape: Matrix["shape"], dtype: DType = "f32", rowStride: number = shape[1]): Matrix {
  const data = new ARRAYS[dtype](shape[0] * rowStride).fill(dtype === "bf16" ? 0x7fc0 : NaN);
  return { data, shape, dtype, rowStride };
}

/** Writes rows into a matrix, rounding once to nearest even. */
export function fill(target: Matrix, rows: Rows): void {
  rows.forEach((row, i) => writeRow(tensor(target), i, Array.from(row)));
}

/** The rows of a matrix, widened. */
export function rowsOf(source: Matrix): Float64Array[] {
  return Array.from({ length: source.shape[0] }, (_, row) => readRow(tensor(source), row));
}

/** The elements of a matrix, widened, without what lies between its rows. */
export function valuesOf(source: Matrix | undefined): Float64Array {
  if (source === undefined) throw new Error("The matrix is missing");
  const [rows, columns] = source.shape;
  const values = new Float64Array(rows * columns);
  rowsOf(source).forEach((row, i) => values.set(row, i * columns));
  return values;
}

/** The rows that a matrix of this dtype would hold. */
export function rounded(rows: Rows, dtype: DType): Rows {
  return rowsOf(matrix(rows, dtype));
}

/** Normal variates that are exact in f32. */
export function normalRows(random: Random, rows: number, columns: number, scale: number): Float32Array[] {
  return Array.from({ length: rows }, () => Float32Array.from(random.normals(columns, scale)));
}

/** The rows with every `each`-th class masked, the first of them class `first`. */
export function masked(rows: Rows, each: number, first = 0): Float32Array[] {
  return rows.map((row) => Float32Array.from(row, (x, i) => i % each === first ? -Infinity : x));
}

function tensor({ data, shape: [rows, columns], dtype = "f32", rowStride = columns }: Matrix): Tensor {
  return { data, dtype, rows, columns, rowStride };
}
