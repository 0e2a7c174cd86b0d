import type { Bytes } from "./bytes.ts";
import { FileFormatError } from "./file_format_error.ts";

/** Bytes read at a time where they are not read to where they belong. */
export const BUFFER_BYTES = 2 ** 20;

/** A file that is read from its start to its end. */
export class Input implements AsyncDisposable {
  readonly #bytes: Bytes;
  #position = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** What messages call it. */
  get name(): string {
    return this.#bytes.name;
  }

  /** Its size in bytes, where that is known. */
  get size(): number | undefined {
    return this.#bytes.size;
  }

  /** Bytes from its start to what is read next. */
  get position(): number {
    return this.#position;
  }

  /** An error about what is at an offset: about what comes next unless it is given. */
  error(problem: string, offset: number = this.#position): FileFormatError {
    return new FileFormatError(this.name, offset, problem);
  }

  /** Reads as much as there is, up to the length of an array: returns how much. */
  async readSome(into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const count = await this.#bytes.read(into.subarray(filled));
      if (count === 0) break;
      filled += count;
      this.#position += count;
    }
    return filled;
  }

  /** Fills an array with what messages call `what`. */
  async fill(into: Uint8Array, what: string): Promise<void> {
    const filled = await this.readSome(into);
    if (filled < into.length) throw this.#ends(into.length - filled, what);
  }

  /** Reads bytes into a new array: few, or as many as there are known to be. */
  async take(count: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    await this.fill(bytes, what);
    return bytes;
  }

  /** Passes over bytes. */
  async skip(count: number, what: string): Promise<void> {
    if (count === 0) return;
    if (this.#bytes.seek !== undefined) {
      await this.#bytes.seek(count);
      this.#position += count;
      return;
    }
    const buffer = new Uint8Array(Math.min(count, BUFFER_BYTES));
    for (let left = count; left > 0; left -= buffer.length) {
      const filled = await this.readSome(buffer.subarray(0, left));
      if (filled < Math.min(left, buffer.length)) throw this.#ends(left - filled, what);
    }
  }

  /** Checks that a header, whose length is said at an offset, can be there and is not larger than it may be. */
  checkHeader(length: number, offset: number, most: number): void {
    if (length > (this.size ?? Infinity) - this.#position) {
      throw this.error(`header length ${length} is beyond the file's ${this.size} bytes`, offset);
    }
    if (length > most) throw this.error(`header length ${length} is more than ${most}`, offset);
  }

  /** Checks that the file, where its size is known, ends where what it holds does. */
  checkEnd(end: number, what: string): void {
    const { size = end } = this;
    if (size < end) throw this.error(`the file ends here, ${end - size} bytes before ${what} do`, size);
    if (size > end) throw this.error(`${size - end} bytes follow ${what}`, end);
  }

  /** Checks that nothing follows. */
  async finish(what: string): Promise<void> {
    const offset = this.#position, count = await this.readSome(new Uint8Array(1));
    if (count > 0) throw this.error(`bytes follow ${what}`, offset);
  }

  /** Wakes a read that waits for a stream. */
  async cancel(): Promise<void> {
    await this.#bytes.cancel?.();
  }

  /** Gives up what is open; nothing may be reading. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
    this.#bytes.close();
  }

  #ends(missing: number, what: string): FileFormatError {
    return this.error(`the file ends here, ${missing} bytes before ${what} do`);
  }
}
