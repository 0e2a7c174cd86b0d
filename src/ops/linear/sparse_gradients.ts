/**
 * Gradients by some rows of a weight, by class.
 *
 * @module
 */
import type { AnyData, Matrix, MatrixData } from "../../operation.ts";

/** Which gradients are wanted: `true` for a new f32 one, or the f32 matrix that receives it. */
export interface WantedSparseGradients<Data extends AnyData = MatrixData> {
  /** [rows, hidden]. */
  readonly hidden?: boolean | Matrix<Data>;
  /** By the rows of the classes that took part. */
  readonly weight?: boolean;
  /** By the same classes; only with a bias. */
  readonly bias?: boolean;
}

/** The gradient by those rows of a weight that it is not 0 of. */
export interface SparseRows {
  /** Classes, in order, each once. */
  readonly rows: Int32Array;
  /** [rows.length, hidden]: the gradient by the weights of each. */
  readonly values: Matrix<Float32Array>;
}

/** The gradient by those numbers of a bias that it is not 0 of. */
export interface SparseNumbers {
  /** Classes, in order, each once. */
  readonly rows: Int32Array;
  /** [rows.length]: the gradient by the bias of each. */
  readonly values: Float32Array;
}

/** Rows of `columns` numbers that belong to classes, those of the same class added up. */
export function foldRows(ids: Int32Array, values: Float32Array, columns: number): SparseNumbers {
  const rows = Int32Array.from(new Set(ids)).sort(), sums = new Float32Array(rows.length * columns);
  const places = new Map(Array.from(rows, (id, place) => [id, place * columns]));
  ids.forEach((id, row) => {
    const first = places.get(id) ?? 0;
    for (let j = 0; j < columns; j++) sums[first + j] += values[row * columns + j];
  });
  return { rows, values: sums };
}
