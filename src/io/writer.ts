import { ValueChecker } from "../check.ts";
import type { DType, Matrix } from "../operation.ts";
import { BUFFER_BYTES } from "./input.ts";
import { bytesOf, type CheckedMatrix, checkMatrix } from "./matrix.ts";
import { openSink, type Sink } from "./sink.ts";
import type { NpyContents, RowWriter, Target } from "./types.ts";

/** What a writer of any format does: it begins the file, and turns some rows into bytes. */
export interface Format {
  readonly rows: number;
  readonly columns: number;
  /** The type that rows must have; any unless given. */
  readonly dtype?: DType;
  /** What comes before the rows. */
  readonly head: readonly Uint8Array[];
  /** The bytes of rows, piece by piece; each may have the memory of the one before. */
  encode(matrix: CheckedMatrix): Iterable<Uint8Array>;
}

/** Begins a file. */
export async function createWriter(check: ValueChecker, target: Target, format: Format): Promise<RowWriter> {
  const sink = await openSink(check, target);
  try {
    for (const bytes of format.head) await sink.write(bytes);
  } catch (error) {
    await sink.abort(error);
    throw error;
  }
  return new Writer(sink, format);
}

class Writer implements RowWriter {
  readonly #sink: Sink;
  readonly #format: Format;
  readonly #check: ValueChecker;
  #left: number;
  #isBusy = false;
  #isClosed = false;
  #isBroken = false;

  constructor(sink: Sink, format: Format) {
    this.#sink = sink;
    this.#format = format;
    this.#check = new ValueChecker(`write ${sink.name}`);
    this.#left = format.rows;
  }

  async write(rows: Matrix): Promise<void> {
    const { columns, dtype } = this.#format, matrix = checkMatrix(this.#check, "rows", rows, columns, true);
    if (dtype !== undefined && matrix.dtype !== dtype) {
      throw this.#check.typeError(`rows are ${matrix.dtype}, the file has ${dtype}`);
    }
    if (matrix.rows > this.#left) {
      throw this.#check.rangeError(`rows.shape[0] is ${matrix.rows}, the file has ${this.#left} rows left`);
    }
    if (this.#isClosed) throw this.#check.typeError("the writer is closed");
    if (this.#isBusy) throw this.#check.typeError("an earlier write() has not finished");
    if (this.#isBroken) throw this.#check.typeError("an earlier write() has failed");
    this.#isBusy = true;
    this.#isBroken = true; // until all of it is written
    try {
      for (const bytes of this.#format.encode(matrix)) await this.#sink.write(bytes);
      this.#left -= matrix.rows;
      this.#isBroken = false;
    } finally {
      this.#isBusy = false;
    }
  }

  async close(): Promise<void> {
    if (this.#isBusy) throw this.#check.typeError("an earlier write() has not finished");
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#left === 0 && !this.#isBroken) return await this.#sink.close();
    const error = this.#check.rangeError(`${this.#left} of ${this.#format.rows} rows are missing`);
    await this.#sink.abort(error);
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#left === 0 && !this.#isBroken) await this.#sink.close();
    else await this.#sink.abort(new Error(`${this.#left} rows are missing`));
  }
}

/** The shape and type of what is to be written. */
export function checkContents(check: ValueChecker, value: unknown, known: readonly string[] = []): NpyContents {
  const { shape, dtype } = check.bag<NpyContents>(value, ["shape", "dtype", ...known], "contents are", "content");
  if (!Array.isArray(shape) || shape.length !== 2) throw check.typeError("shape is not [rows, columns]");
  const rows = check.number("shape[0]", shape[0], { least: 0, integer: true });
  const columns = check.number("shape[1]", shape[1], { least: 1, integer: true });
  if (!Number.isSafeInteger(4 * rows * columns)) {
    throw check.rangeError(`shape is [${rows}, ${columns}], more than 2^53 - 1 bytes`);
  }
  if (dtype === undefined) throw check.typeError('dtype is undefined, not one of "f32", "f16", "bf16"');
  return { shape: [rows, columns], dtype: check.choice("dtype", dtype, ["f32", "f16", "bf16"], "f32") };
}

/** Rows as they are: all at once where nothing lies between them, and otherwise through a buffer. */
export function* encodePlain({ data, rows, columns, rowStride }: CheckedMatrix): Generator<Uint8Array> {
  if (rowStride === columns || rows === 1) return yield bytesOf(data, 0, rows * columns);
  const rowBytes = columns * data.BYTES_PER_ELEMENT, rowsAtOnce = Math.max(1, Math.floor(BUFFER_BYTES / rowBytes));
  if (rowsAtOnce === 1) {
    for (let row = 0; row < rows; row++) yield bytesOf(data, row * rowStride, row * rowStride + columns);
    return;
  }
  const buffer = new Uint8Array(Math.min(rows, rowsAtOnce) * rowBytes);
  for (let first = 0; first < rows; first += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - first);
    for (let i = 0; i < count; i++) {
      const from = (first + i) * rowStride;
      buffer.set(bytesOf(data, from, from + columns), i * rowBytes);
    }
    yield buffer.subarray(0, count * rowBytes);
  }
}
