import type { FileFormatError } from "./file_format_error.ts";
import { BUFFER_BYTES, type Input } from "./input.ts";
import { GrowingIntegers, isInt32, MOST_INTEGERS } from "./integers.ts";

const [MINUS, PLUS, COMMA, ZERO, NINE] = Array.from("-+,09", (char) => char.charCodeAt(0));
const SPACES: ReadonlySet<number> = new Set(Array.from(" \t\r\n\v\f", (char) => char.charCodeAt(0)));

/** Whether bytes may begin a text. Those of `.npy` and safetensors have a byte that no text has. */
export function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => SPACES.has(byte) || (byte > 0x20 && byte < 0x7f));
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** Reads whole numbers with spaces, a comma or both between them, of which the first bytes have been read. */
export async function readText(input: Input, head: Uint8Array): Promise<Int32Array<ArrayBuffer>> {
  const scanner = new Scanner(input), buffer = new Uint8Array(Math.min(BUFFER_BYTES, input.size ?? BUFFER_BYTES));
  scanner.scan(head, 0);
  for (;;) {
    const offset = input.position, count = await input.readSome(buffer);
    scanner.scan(buffer.subarray(0, count), offset);
    if (count < buffer.length || count === 0) break;
  }
  return scanner.finish();
}

class Scanner {
  readonly #input: Input;
  readonly #numbers: GrowingIntegers;
  #start = -1; // of the number that has begun
  #sign = 1;
  #digits = 0;
  #value = 0;
  #isNumberDue = true; // before a comma

  constructor(input: Input) {
    this.#input = input;
    this.#numbers = new GrowingIntegers(input, Math.ceil((input.size ?? 0) / 2)); // a digit and a space
  }

  scan(bytes: Uint8Array, offset: number): void {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i];
      if (isDigit(byte)) {
        if (this.#start < 0) this.#begin(offset + i, 1);
        this.#value = 10 * this.#value + byte - ZERO;
        this.#digits++;
      } else if ((byte === MINUS || byte === PLUS) && this.#start < 0) {
        this.#begin(offset + i, byte === MINUS ? -1 : 1);
      } else if (SPACES.has(byte)) {
        this.#end();
      } else if (byte === COMMA) {
        this.#end();
        if (this.#isNumberDue) throw this.#error("is missing before a comma", offset + i);
        this.#isNumberDue = true;
      } else {
        const char = JSON.stringify(String.fromCharCode(byte));
        throw this.#error(`is no whole number: it has ${char}`, offset + i);
      }
    }
  }

  finish(): Int32Array<ArrayBuffer> {
    this.#end();
    return this.#numbers.finish();
  }

  #begin(offset: number, sign: number): void {
    this.#start = offset;
    this.#sign = sign;
    this.#value = this.#digits = 0;
  }

  #end(): void {
    if (this.#start < 0) return;
    const value = this.#sign * this.#value;
    if (this.#digits === 0) throw this.#error("is a sign without digits", this.#start);
    if (!isInt32(value + 0)) throw this.#error(`is ${value}, more than an i32 holds`, this.#start);
    if (this.#numbers.length === MOST_INTEGERS) throw this.#error(`is more than ${MOST_INTEGERS} targets`, this.#start);
    this.#numbers.push(value);
    this.#start = -1;
    this.#isNumberDue = false;
  }

  #error(problem: string, offset: number): FileFormatError {
    return this.#input.error(`target ${this.#numbers.length} ${problem}`, offset);
  }
}
