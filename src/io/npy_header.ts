/**
 * Headers of NumPy's `.npy` files: a magic number, a version, a length and a literal of Python.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @module
 */
import { FileFormatError } from "./file_format_error.ts";
import type { Input } from "./input.ts";

/** The first six bytes. */
export const NPY_MAGIC = "\x93NUMPY";

/** Bytes that a header may have: NumPy itself reads no more than 10,000 unless told to. */
const MOST_BYTES = 2 ** 16;

/** Dimensions that NumPy's arrays may have. */
const MOST_DIMENSIONS = 64;

/** NumPy leaves room in a header for the first dimension to grow to so many digits. */
const GROWTH_DIGITS = 21;

/** Headers end at multiples of this. */
const ALIGNMENT = 64;

/** What a header says. */
export interface NpyHeader {
  /** The type of the elements: "<f4". */
  readonly descr: string;
  /** Where in the file it is said. */
  readonly descrOffset: number;
  /** The dimensions. */
  readonly shape: readonly number[];
  /** Where in the file they are said. */
  readonly shapeOffset: number;
}

/** Reads the rest of a header, of which the first eight bytes have been read. */
export async function readNpyHeader(input: Input, head: Uint8Array): Promise<NpyHeader> {
  const [major, minor] = head.subarray(6);
  if (major < 1 || major > 3 || minor !== 0) throw input.error(`version ${major}.${minor} is none of 1.0, 2.0, 3.0`, 6);
  const at = input.position, field = await input.take(major === 1 ? 2 : 4, "the header's length");
  const length = field.reduceRight((sum, byte) => 256 * sum + byte, 0);
  input.checkHeader(length, at, MOST_BYTES);
  const start = input.position, bytes = await input.take(length, "the header");
  // Nothing but ASCII is of use to us, in whichever encoding
  return new Literal(input.name, new TextDecoder("latin1").decode(bytes), start).header();
}

/** Python's literal of a dictionary, read by those of its rules that NumPy's headers need. */
class Literal {
  readonly #file: string;
  readonly #text: string;
  readonly #start: number;
  #at = 0;

  constructor(file: string, text: string, start: number) {
    this.#file = file;
    this.#text = text;
    this.#start = start;
  }

  header(): NpyHeader {
    let descr: string | undefined, shape: readonly number[] | undefined, isFortran: boolean | undefined;
    let descrOffset = 0, shapeOffset = 0;
    this.#take(/\{/y, "'{'");
    while (this.#accept(/\}/y) === undefined) {
      const keyOffset = this.#offset(), key = this.#string();
      this.#take(/:/y, "':'");
      const offset = this.#offset();
      if (key === "descr" && descr === undefined) [descr, descrOffset] = [this.#string(), offset];
      else if (key === "shape" && shape === undefined) [shape, shapeOffset] = [this.#tuple(), offset];
      else if (key === "fortran_order" && isFortran === undefined) isFortran = this.#boolean();
      else throw this.#error(`the key ${JSON.stringify(key)} is unknown, or comes again`, keyOffset);
      if (isFortran) throw this.#error("fortran_order is True: only rows that lie together can be read", offset);
      if (this.#accept(/,/y) === undefined) this.#take(/(?=\})/y, "',' or '}'");
    }
    this.#take(/$/y, "the end of the header");
    if (descr === undefined || shape === undefined || isFortran === undefined) {
      throw this.#error("the header lacks one of descr, fortran_order and shape", this.#start);
    }
    return { descr, descrOffset, shape, shapeOffset };
  }

  #string(): string {
    return this.#take(/'[^'\\\n]*'|"[^"\\\n]*"/y, "a plain string").slice(1, -1);
  }

  #boolean(): boolean {
    return this.#take(/True\b|False\b/y, "True or False") === "True";
  }

  /** Dimensions, which Python 2 wrote with an L. */
  #tuple(): number[] {
    this.#take(/\(/y, "'('");
    const sizes: number[] = [];
    while (this.#accept(/\)/y) === undefined) {
      const offset = this.#offset(), size = Number(this.#take(/\d+(?=L?[\s,)])/y, "a dimension, or ')'"));
      if (!Number.isSafeInteger(size)) throw this.#error(`the dimension ${size} is beyond 2^53 - 1`, offset);
      if (sizes.length === MOST_DIMENSIONS) throw this.#error(`more than ${MOST_DIMENSIONS} dimensions`, offset);
      this.#accept(/L/y);
      sizes.push(size);
      const isFollowed = this.#accept(/,/y) !== undefined;
      if (!isFollowed && sizes.length === 1) this.#take(/,/y, "','");
      if (!isFollowed) this.#take(/(?=\))/y, "',' or ')'");
    }
    return sizes;
  }

  /** What comes next, if it is what a sticky pattern matches. */
  #accept(pattern: RegExp): string | undefined {
    this.#passSpace();
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #take(pattern: RegExp, wanted: string): string {
    const found = this.#accept(pattern);
    if (found !== undefined) return found;
    const next = this.#text.slice(this.#at, this.#at + 12);
    throw this.#error(`the header has ${next === "" ? "its end" : JSON.stringify(next)} where ${wanted} should be`);
  }

  #offset(): number {
    this.#passSpace();
    return this.#start + this.#at;
  }

  #passSpace(): void {
    const space = /[ \t\r\n\f]*/y;
    space.lastIndex = this.#at;
    space.test(this.#text);
    this.#at = space.lastIndex;
  }

  #error(problem: string, offset = this.#start + this.#at): FileFormatError {
    return new FileFormatError(this.#file, offset, problem);
  }
}

/** The bytes that NumPy writes before a matrix. */
export function encodeNpyHeader(descr: string, [rows, columns]: readonly [number, number]): Uint8Array<ArrayBuffer> {
  const literal = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const text = literal + " ".repeat(GROWTH_DIGITS - String(rows).length), prefix = NPY_MAGIC.length + 4;
  const used = prefix + text.length + 1, bytes = new Uint8Array(used + ALIGNMENT - used % ALIGNMENT).fill(0x20);
  const begin = `${NPY_MAGIC}\x01\x00`,
    write = (part: string, at: number) => {
      for (let i = 0; i < part.length; i++) bytes[at + i] = part.charCodeAt(i);
    };
  write(begin, 0);
  new DataView(bytes.buffer).setUint16(begin.length, bytes.length - prefix, true);
  write(text, prefix);
  write("\n", bytes.length - 1);
  return bytes;
}
