import type { Encoding } from "./elements.ts";
import { bytesPerElement, type ElementBuffer, newElementBuffer, swapBytes } from "./elements.ts";
import { BUFFER_BYTES, type Input } from "./input.ts";
import { bytesOf, type CheckedMatrix } from "./matrix.ts";
import { Rows, type RowsHeader, rowsOf } from "./rows.ts";

/** Rows that are worth a read of their own. */
const WORTHWHILE_BYTES = 2 ** 16;

/** Rows of numbers that lie one after the other. */
export class PlainRows extends Rows {
  readonly #encoding: Encoding;
  readonly #buffers = new Map<string, ElementBuffer>();

  /** Reads rows from where the file stands. */
  constructor(input: Input, header: Omit<RowsHeader, "dtype" | "storedAs" | "rowBytes">, encoding: Encoding) {
    const dtype = encoding.type === "f64" ? "f32" : encoding.type;
    const rowBytes = header.columns * bytesPerElement(encoding.type);
    super(input, { ...header, dtype, storedAs: encoding.name, rowBytes });
    this.#encoding = encoding;
  }

  /** Straight into the matrix where it has the file's type, else through a buffer. */
  protected override async readRows(matrix: CheckedMatrix, rows: number): Promise<void> {
    const { columns } = this, { data, dtype, rowStride } = matrix, size = data.BYTES_PER_ELEMENT;
    if (dtype !== this.#encoding.type) return await this.#convert(matrix, rows);
    if (rowStride === columns || rows === 1) return await this.#fill(bytesOf(data, 0, rows * columns));
    if (columns * size < WORTHWHILE_BYTES) return await this.#convert(matrix, rows);
    for (let row = 0; row < rows; row++) {
      await this.#fill(bytesOf(data, row * rowStride, row * rowStride + columns));
    }
  }

  async #fill(bytes: Uint8Array): Promise<void> {
    await this.input.fill(bytes, rowsOf(this));
    if (this.#encoding.isBigEndian) swapBytes(bytes, bytesPerElement(this.#encoding.type));
  }

  async #convert({ data, dtype, rowStride }: CheckedMatrix, rows: number): Promise<void> {
    const { columns } = this, { type } = this.#encoding, all = rows * columns;
    const capacity = BUFFER_BYTES / bytesPerElement(type);
    const buffer = this.#buffers.getOrInsertComputed(dtype, () => (
      newElementBuffer(type, dtype, Math.min(capacity, this.rows * columns))
    ));
    for (let start = 0; start < all; start += capacity) {
      const count = Math.min(capacity, all - start);
      await this.#fill(buffer.bytes(count));
      for (let from = 0; from < count;) {
        const row = Math.floor((start + from) / columns), column = start + from - row * columns;
        const to = rowStride === columns ? count : Math.min(count, from + columns - column);
        buffer.copy(from, to, data, row * rowStride + column);
        from = to;
      }
    }
  }
}
