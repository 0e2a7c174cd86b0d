/**
 * Matrices that rows are read into or written from, checked.
 *
 * @module
 */
import { show, type ValueChecker } from "../check.ts";
import type { DType, MatrixData } from "../operation.ts";

/** A checked matrix: nothing of it is left out. */
export interface CheckedMatrix {
  /** The elements, the first of row 0 at index 0. */
  readonly data: MatrixData;
  /** Their type. */
  readonly dtype: DType;
  /** Rows. */
  readonly rows: number;
  /** Elements of a row. */
  readonly columns: number;
  /** Elements from one row to the next. */
  readonly rowStride: number;
}

/** Checks a matrix that has `columns` columns; one that is read from may have one row for all. */
export function checkMatrix(
  check: ValueChecker,
  name: string,
  value: unknown,
  columns: number,
  isInput: boolean,
): CheckedMatrix {
  if (typeof value !== "object" || value === null) throw check.typeError(`${name} is ${show(value)}, not a matrix`);
  const { data, shape, dtype: said, rowStride: stride } = value as Readonly<Record<string, unknown>>;
  const dtype = checkDtype(check, name, data, said), elements = data as MatrixData;
  if (!Array.isArray(shape) || shape.length !== 2) {
    throw check.typeError(`${name}.shape is ${show(shape)}, not [rows, columns]`);
  }
  const rows = check.number(`${name}.shape[0]`, shape[0], { least: 0, integer: true });
  if (shape[1] !== columns) {
    throw check.typeError(`${name}.shape[1] is ${show(shape[1])}, the file has ${columns} columns`);
  }
  const isOneForAll = isInput && stride === 0;
  const least = isOneForAll ? 0 : columns;
  const rowStride = check.number(`${name}.rowStride`, stride, { fallback: columns, least, integer: true });
  const needed = rows === 0 ? 0 : (rows - 1) * rowStride + columns;
  if (elements.length < needed) {
    throw check.typeError(`${name}.data has ${elements.length} elements, its shape takes ${needed}`);
  }
  return { data: elements, dtype, rows, columns, rowStride };
}

function checkDtype(check: ValueChecker, name: string, data: unknown, said: unknown): DType {
  if (data instanceof Uint16Array) {
    if (said === "bf16" || said === "f16") return said;
    throw check.typeError(`${name}.dtype is ${show(said)}: a Uint16Array is "bf16" or "f16"`);
  }
  const dtype = data instanceof Float32Array ? "f32" : data instanceof Float16Array ? "f16" : undefined;
  if (dtype === undefined) {
    throw check.typeError(`${name}.data is ${show(data)}, not a Float32Array, Float16Array or Uint16Array`);
  }
  if (said === undefined || said === dtype) return dtype;
  throw check.typeError(`${name}.dtype is ${show(said)}, its data are ${dtype}`);
}

/** The bytes of the elements from one index to another. */
export function bytesOf(data: MatrixData, from: number, to: number): Uint8Array {
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = data;
  return new Uint8Array(buffer, byteOffset + from * BYTES_PER_ELEMENT, (to - from) * BYTES_PER_ELEMENT);
}
