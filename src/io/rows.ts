import { ValueChecker } from "../check.ts";
import type { DType, Matrix } from "../operation.ts";
import { type CheckedMatrix, checkMatrix } from "./matrix.ts";
import type { Input } from "./input.ts";
import type { RowReader } from "./types.ts";

/** What a header says of rows. */
export interface RowsHeader extends Pick<RowReader, "format" | "rows" | "columns" | "shape" | "dtype" | "storedAs"> {
  /** Bytes of a row in the file. */
  readonly rowBytes: number;
  /** Whether the last row ends the file. */
  readonly isLast: boolean;
}

/** What readers of all formats share: whose turn it is, and what is left. The file stands at the first row. */
export abstract class Rows implements RowReader {
  readonly format: RowReader["format"];
  readonly rows: number;
  readonly columns: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly storedAs: string;
  /** The file. */
  protected readonly input: Input;
  readonly #header: RowsHeader;
  readonly #check: ValueChecker;
  #left: number;
  #pending: Promise<number> | undefined;
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;

  /** Reads rows from where the file stands. */
  constructor(input: Input, header: RowsHeader) {
    this.input = input;
    this.#header = header;
    this.#check = new ValueChecker(`read ${input.name}`);
    ({ format: this.format, rows: this.rows, columns: this.columns, shape: this.shape } = header);
    ({ dtype: this.dtype, storedAs: this.storedAs } = header);
    this.#left = header.rows;
  }

  async read(target: Matrix): Promise<number> {
    const matrix = checkMatrix(this.#check, "target", target, this.columns, false);
    if (matrix.dtype !== this.dtype && matrix.dtype !== "f32") {
      throw this.#check.typeError(`target is ${matrix.dtype}, the file has ${this.dtype}, which only f32 also takes`);
    }
    return await this.#turn(async () => {
      const rows = Math.min(matrix.rows, this.#left);
      if (rows > 0) await this.readRows(matrix, rows);
      else if (matrix.rows > 0 && this.#header.isLast) await this.input.finish(rowsOf(this));
      return rows;
    });
  }

  async skip(rows: number): Promise<number> {
    const wanted = this.#check.number("rows", rows, { least: 0, integer: true });
    return await this.#turn(async () => {
      const skipped = Math.min(wanted, this.#left);
      await this.input.skip(skipped * this.#header.rowBytes, rowsOf(this));
      return skipped;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.input.cancel();
    await Promise.allSettled([this.#pending]);
    await this.input[Symbol.asyncDispose]();
  }

  /** Reads rows, of which so many are left, into the first of a matrix. */
  protected abstract readRows(matrix: CheckedMatrix, rows: number): Promise<void>;

  async #turn(work: () => Promise<number>): Promise<number> {
    if (this.#isClosed) throw this.#check.typeError("the reader is disposed of");
    if (this.#pending !== undefined) throw this.#check.typeError("an earlier read() or skip() has not finished");
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      const rows = await (this.#pending = work());
      this.#left -= rows;
      return rows;
    } catch (error) {
      // What comes next need not be the start of a row
      this.#failure = { error: this.#isClosed ? this.#check.typeError("it was disposed of meanwhile") : error };
      throw this.#failure.error;
    } finally {
      this.#pending = undefined;
    }
  }
}

/** What messages call the rows of a file. */
export function rowsOf({ rows, columns, storedAs }: Pick<RowReader, "rows" | "columns" | "storedAs">): string {
  return `its ${rows} rows of ${columns} ${storedAs}`;
}
