/**
 * Elements as files hold them, and on their way into a matrix.
 *
 * @module
 */
import type { DType, MatrixData } from "../operation.ts";

/** How a file holds its elements. */
export interface Encoding {
  /** What they are. */
  readonly type: DType | "f64";
  /** Whether the byte that counts most comes first. */
  readonly isBigEndian: boolean;
  /** How the file calls them. */
  readonly name: string;
}

/** Bytes of an element. */
export function bytesPerElement(type: DType | "f64"): 2 | 4 | 8 {
  return type === "f64" ? 8 : type === "f32" ? 4 : 2;
}

/** Reverses the bytes of each element in place; elements lie at multiples of their size, or of 4. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  const { buffer, byteOffset, length } = bytes;
  if (size === 2) {
    const codes = new Uint16Array(buffer, byteOffset, length / 2);
    for (let i = 0; i < codes.length; i++) codes[i] = codes[i] << 8 | codes[i] >>> 8;
  } else if (size > 2) {
    const words = new Uint32Array(buffer, byteOffset, length / 4);
    for (let i = 0; i < words.length; i++) words[i] = reversed(words[i]);
    if (size === 8) { for (let i = 0; i < words.length; i += 2) [words[i], words[i + 1]] = [words[i + 1], words[i]]; }
  }
}

function reversed(word: number): number {
  return word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24;
}

/** Reads elements out of a buffer: all of it is there at an offset of 0. */
export interface ElementBuffer {
  /** The bytes of the first elements. */
  bytes(count: number): Uint8Array;
  /** Writes the elements from one index to another into a matrix's array, at an index. */
  copy(from: number, to: number, into: MatrixData, at: number): void;
}

/** A buffer of elements of a type that go into arrays of another one: the same, or f32. */
export function newElementBuffer(type: DType | "f64", into: DType, capacity: number): ElementBuffer {
  const buffer = new ArrayBuffer(capacity * bytesPerElement(type));
  const bytes = (count: number) => new Uint8Array(buffer, 0, count * bytesPerElement(type));
  if (type === "bf16" && into === "f32") {
    const codes = new Uint16Array(buffer);
    return { bytes, copy: (from, to, data, at) => widen(codes.subarray(from, to), data, at) };
  }
  if (type === "f16" && into === "f16") { // as codes, so that no NaN loses its payload
    const codes = new Uint16Array(buffer);
    return { bytes, copy: (from, to, data, at) => codesOf(data).set(codes.subarray(from, to), at) };
  }
  const elements = new ({ f64: Float64Array, f32: Float32Array, f16: Float16Array, bf16: Uint16Array })[type](buffer);
  return { bytes, copy: (from, to, data, at) => data.set(elements.subarray(from, to), at) };
}

/** The bits of a bf16 are the upper half of those of an f32. */
function widen(codes: Uint16Array, into: MatrixData, at: number): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset + 4 * at, codes.length);
  for (let i = 0; i < codes.length; i++) bits[i] = codes[i] << 16;
}

function codesOf({ buffer, byteOffset, length }: MatrixData): Uint16Array {
  return new Uint16Array(buffer, byteOffset, length);
}
