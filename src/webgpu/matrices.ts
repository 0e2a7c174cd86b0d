/** Matrices of a call on the device. */
import { isOnDevice } from "../arguments.ts";
import { packRows, unpackRows } from "./copies.ts";
import type { Span } from "./layout.ts";
import { STORAGE } from "./pool.ts";
import type { MatrixUse } from "./storage.ts";
import type { Submission } from "./submission.ts";

/** Rows of a matrix on the device: their buffer, and which of its rows the first of them is. */
export interface Brought {
  readonly buffer: GPUBuffer;
  readonly firstRow: number;
}

/** Rows of a matrix where they are, or a copy of them, which is read if it is an output. */
export function bringMatrix(work: Submission, use: MatrixUse, { first, end }: Span): Brought {
  const { tensor, stride, width, input, output } = use, rows = end - first;
  if (isOnDevice(tensor)) {
    if (tensor.buffer === undefined) throw new Error(`The output ${use.name} was not made`);
    return { buffer: tensor.buffer, firstRow: (tensor.firstRow ?? 0) + first };
  }
  const bytes = Math.ceil((stride === 0 ? tensor.columns : rows * stride) * width / 8) * 8;
  const buffer = work.take(bytes, STORAGE, output);
  if (input) work.write(buffer, 0, packRows(use, tensor, first, rows));
  if (output) work.read({ buffer, offset: 0, bytes }, (part) => unpackRows(use, tensor, first, rows, part));
  return { buffer, firstRow: 0 };
}
