/**
 * Integers of files, as an Int32Array.
 *
 * @module
 */
import { swapBytes } from "./elements.ts";
import { BUFFER_BYTES, type Input } from "./input.ts";

/** Integers that are read at once. */
export const MOST_INTEGERS = 2 ** 23;

/** Integers that lie one after the other. */
export interface IntegerList {
  /** How many. */
  readonly count: number;
  /** Where in the file that is said. */
  readonly offset: number;
  /** Whether the file ends with them. */
  readonly isLast: boolean;
  /** Bytes of one: 1, 2, 4 or 8. */
  readonly bytes: number;
  /** Whether they may be negative. */
  readonly isSigned: boolean;
  /** Whether the byte that counts most comes first. */
  readonly isBigEndian: boolean;
}

/** Numbers that become more: memory is taken for those that are there, not for those that a file promises. */
export class GrowingIntegers {
  #numbers: Int32Array<ArrayBuffer>;
  #length = 0;

  /** None yet, and room for so many as the size of a file lets there be; where that is not known it will grow. */
  constructor({ size }: Input, count: number) {
    this.#numbers = new Int32Array(size === undefined ? 1024 : Math.min(count, MOST_INTEGERS));
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds one. */
  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      this.#numbers = new Int32Array(this.#numbers.buffer.transfer(2 * this.#numbers.byteLength + 4));
    }
    this.#numbers[this.#length++] = value;
  }

  /** All of them, in the memory that they are in; no more can be added. */
  finish(): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#numbers.buffer.transfer(4 * this.#length));
  }
}

/** Whether an i32 holds a number. */
export function isInt32(value: number): boolean {
  return value === (value | 0);
}

/** Reads integers from where a file stands. */
export async function readIntegers(input: Input, list: IntegerList): Promise<Int32Array<ArrayBuffer>> {
  const { count, bytes, offset } = list, what = `its ${count} integers`;
  if (count > MOST_INTEGERS) throw input.error(`${count} integers are more than ${MOST_INTEGERS}`, offset);
  const numbers = new GrowingIntegers(input, count);
  await forPieces(input, count, bytes, what, (piece, start) => {
    if (list.isBigEndian) swapBytes(piece, bytes);
    const valueAt = reader(piece, list);
    for (let i = 0; i < piece.length / bytes; i++) {
      const value = valueAt(i);
      if (!isInt32(Number(value))) {
        throw input.error(`target ${numbers.length} is ${value}, more than an i32 holds`, start + i * bytes);
      }
      numbers.push(Number(value));
    }
  });
  if (list.isLast) await input.finish(what);
  return numbers.finish();
}

/** Reads elements from where a file stands, about a MiB at a time. */
export async function forPieces(
  input: Input,
  count: number,
  bytes: number,
  what: string,
  work: (piece: Uint8Array<ArrayBuffer>, offset: number) => void,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(BUFFER_BYTES, count * bytes));
  for (let left = count * bytes; left > 0;) {
    const piece = buffer.subarray(0, left), offset = input.position;
    await input.fill(piece, what);
    work(piece, offset);
    left -= piece.length;
  }
}

function reader(
  { buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>,
  list: IntegerList,
): (i: number) => number | bigint {
  const { bytes, isSigned } = list;
  if (bytes === 8) {
    const all = new (isSigned ? BigInt64Array : BigUint64Array)(buffer, byteOffset, byteLength / 8);
    const words = new Int32Array(buffer, byteOffset, byteLength / 4);
    return (i) => { // a bigint is memory: only what an i32 does not hold becomes one
      const low = words[2 * i], isSmall = words[2 * i + 1] === low >> 31 && (isSigned || low >= 0);
      return isSmall ? low : all[i];
    };
  }
  const Numbers = isSigned
    ? { 1: Int8Array, 2: Int16Array, 4: Int32Array }[bytes]
    : { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[bytes];
  const all = new (Numbers ?? Uint8Array)(buffer, byteOffset, byteLength / bytes);
  return (i) => all[i];
}
