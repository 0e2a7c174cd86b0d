/**
 * What a stranger sees of files of rows. Types only.
 *
 * @module
 */
import type { DType, Matrix } from "../operation.ts";

/** Where bytes come from: a path, a `file:` URL, the bytes themselves (which are not copied), or a stream of them. */
export type Source = string | URL | Uint8Array | ArrayBuffer | ReadableStream<Uint8Array>;

/** Where bytes go: a path or `file:` URL, whose file is made or emptied, or a stream, which gets copies. */
export type Target = string | URL | WritableStream<Uint8Array>;

/** The rows of a file, in order. Disposing closes the file, or cancels the stream. */
export interface RowReader extends AsyncDisposable {
  /** Which format the file has. */
  readonly format: "npy" | "safetensors" | "klBase";
  /** All dimensions but the last, multiplied: 1 where there is no other. */
  readonly rows: number;
  /** The last dimension. */
  readonly columns: number;
  /** The dimensions as the file says them. */
  readonly shape: readonly number[];
  /** What `read()` fills as it lies in the file. Files of f64, and of codes, are converted to "f32". */
  readonly dtype: DType;
  /** How the file calls its elements: "<f8", "BF16", "16-bit codes". */
  readonly storedAs: string;
  /** The token that came, for each row; a `klBase` file has them. */
  readonly targets?: Int32Array<ArrayBuffer>;
  /** How far apart two neighbouring logarithms lie, for each of the rows last read; a `klBase` file has them. */
  readonly spacings?: Float32Array<ArrayBuffer>;
  /**
   * Fills a matrix, of `columns` columns and of type `dtype` or f32, with the rows that come next. Bytes after the last row
   * are an error: at opening where the size is known, else when there are no rows left to read.
   *
   * @param target The matrix; rows after those that are left stay as they are.
   * @returns How many rows were read: 0 at the end.
   * @throws {TypeError} If the matrix does not fit, an earlier call has not finished or the reader is disposed of.
   * @throws {RangeError} If a size of the matrix is out of range.
   * @throws {FileFormatError} If the file ends too early or too late; so do all calls after it.
   */
  read(target: Matrix): Promise<number>;
  /**
   * Passes over rows.
   *
   * @param rows How many, at most as many as are left.
   * @returns How many were left to pass over.
   * @throws {TypeError} If it is no number, an earlier call has not finished or the reader is disposed of.
   * @throws {RangeError} If it is negative or not whole.
   * @throws {FileFormatError} If a stream ends too early.
   */
  skip(rows: number): Promise<number>;
}

/** A file that is written row by row. Disposing closes it; a stream that lacks rows is aborted. */
export interface RowWriter extends AsyncDisposable {
  /**
   * Writes the rows of a matrix after those before.
   *
   * @param rows The matrix, of the file's columns and type; a `klBase` file takes any type.
   * @returns When the matrix may be changed.
   * @throws {TypeError} If it does not fit, an earlier call has not finished or the writer is closed.
   * @throws {RangeError} If there are more rows than the file has left.
   */
  write(rows: Matrix): Promise<void>;
  /**
   * Closes the file.
   *
   * @returns When it is closed.
   * @throws {RangeError} If rows are missing; it is closed none the less.
   */
  close(): Promise<void>;
}

/** What to read of a file. */
export interface OpenRowsOptions extends ReadTargetsOptions {
  /** What 16-bit codes are in a file that cannot say (a `.npy` of u2, or of V2). It decides nothing in others. */
  readonly dtype?: "bf16" | "f16";
}

/** Where the targets of a file are. */
export interface ReadTargetsOptions {
  /** The name of a tensor of a safetensors file: the only one unless given. It decides nothing in others. */
  readonly tensor?: string;
}

/** What a `.npy` file is to hold. */
export interface NpyContents {
  /** `[rows, columns]`. */
  readonly shape: readonly [rows: number, columns: number];
  /** The type of its elements; bf16 is stored as u2, for NumPy does not know it. */
  readonly dtype: DType;
}

/** What a safetensors file is to hold. */
export interface SafetensorsContents extends NpyContents {
  /** The name of the tensor: "logits" unless given. */
  readonly tensor?: string;
  /** Texts by name: none unless given. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a file for llama.cpp's `--kl-divergence-base` is to hold. */
export interface KlBaseContents {
  /** Tokens of a chunk, n_ctx. Of n tokens, n − 1 − ⌊n / 2⌋ predict: the second half, but for the last. */
  readonly context: number;
  /** The tokens of all chunks, `[chunks · context]`. */
  readonly tokens: Int32Array;
  /** Classes: columns of the rows. */
  readonly vocab: number;
}
