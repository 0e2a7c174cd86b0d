/**
 * Headers of safetensors files: a length of 8 bytes, then as much JSON. All of a header is checked, as the format asks.
 * https://github.com/huggingface/safetensors#format
 *
 * @module
 */
import { show } from "../check.ts";
import type { FileFormatError } from "./file_format_error.ts";
import type { Input } from "./input.ts";
import { jsonKeys, tooDeepAt } from "./json_keys.ts";
import { product } from "./sizes.ts";

const METADATA = "__metadata__";

/** Bytes that a header may have: thousands of tensors. The format allows 100 MB, which as JSON would be gigabytes. */
const MOST_BYTES = 2 ** 19;

/** Objects and lists within one another: all tensors, one of them, its shape. */
const MOST_DEPTH = 3;

/** Bits of an element. */
const BITS: ReadonlyMap<unknown, number> = new Map([
  ["F4", 4],
  ...["F6_E2M3", "F6_E3M2"].map((name): [string, number] => [name, 6]),
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"].map(
    (name): [string, number] => [name, 8],
  ),
  ...["I16", "U16", "F16", "BF16"].map((name): [string, number] => [name, 16]),
  ...["I32", "U32", "F32"].map((name): [string, number] => [name, 32]),
  ...["I64", "U64", "F64", "C64"].map((name): [string, number] => [name, 64]),
]);

/** A tensor of a file. */
export interface StoredTensor {
  /** The type of its elements: "BF16". */
  readonly dtype: string;
  /** Its dimensions. */
  readonly shape: readonly number[];
  /** Its bytes, from the end of the header. */
  readonly begin: number;
  /** The byte after the last. */
  readonly end: number;
  /** Where in the file its name is. */
  readonly offset: number;
  /** Whether the file ends with it. */
  readonly isLast: boolean;
}

/** Reads a header, of which the first eight bytes have been read, and passes over what comes before the tensor. */
export async function openTensor(input: Input, head: Uint8Array, name: string | undefined): Promise<StoredTensor> {
  const [low, high] = new Uint32Array(head.buffer, head.byteOffset, 2), length = high * 2 ** 32 + low;
  input.checkHeader(length, 0, MOST_BYTES);
  const start = input.position, bytes = await input.take(length, "the header");
  const header = new Header(input, bytes, start), tensors = header.tensors();
  const names = [...tensors.keys()], found = name ?? (names.length === 1 ? names[0] : undefined);
  const tensor = found === undefined ? undefined : tensors.get(found);
  if (tensor === undefined) {
    const wanted = name === undefined ? "which tensor is not said" : `there is no tensor ${JSON.stringify(name)}`;
    throw input.error(`${wanted}: the file has ${listed(names)}`, start);
  }
  await input.skip(tensor.begin, "the tensors before");
  return tensor;
}

function listed(names: readonly string[]): string {
  const some = names.slice(0, 8).map((name) => JSON.stringify(name)).join(", ");
  return names.length > 8 ? `${some} and ${names.length - 8} more` : some || "none";
}

class Header {
  readonly #input: Input;
  readonly #bytes: Uint8Array;
  readonly #start: number;

  constructor(input: Input, bytes: Uint8Array, start: number) {
    this.#input = input;
    this.#bytes = bytes;
    this.#start = start;
    if (bytes[0] !== 0x7b) throw input.error("the header does not begin with '{'", start);
    const deep = tooDeepAt(bytes, MOST_DEPTH);
    if (deep !== undefined) throw this.#error(`the header nests more than ${MOST_DEPTH} deep`, deep);
  }

  tensors(): Map<string, StoredTensor> {
    const entries = Object.entries(this.#parsed()), offsets = this.#offsets();
    const found = entries.flatMap(([name, value]): [string, StoredTensor][] => {
      const offset = offsets.get(name) ?? 0;
      if (name !== METADATA) return [[name, this.#tensor(name, value, offset)]];
      const isMap = isObject(value) && Object.values(value).every((text) => typeof text === "string");
      if (!isMap) throw this.#error(`${METADATA} is not an object of strings`, offset);
      return [];
    }).sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
    let end = 0;
    for (const [name, tensor] of found) {
      if (tensor.begin !== end) {
        const problem = tensor.begin < end ? "overlaps what is before it" : "leaves a hole before it";
        throw this.#input.error(
          `tensor ${JSON.stringify(name)} begins at ${tensor.begin}, not ${end}: it ${problem}`,
          tensor.offset,
        );
      }
      ({ end } = tensor);
    }
    this.#input.checkEnd(this.#input.position + end, "its tensors");
    return new Map(found.map(([name, tensor]) => [name, { ...tensor, isLast: tensor.end === end }]));
  }

  #parsed(): object {
    try {
      return Object(JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#bytes)));
    } catch (error) {
      if (error instanceof SyntaxError) throw this.#error(`the header is no JSON: ${error.message}`);
      throw this.#error("the header is not UTF-8");
    }
  }

  /** Where the names of tensors are; a key that comes twice would hide what the first one says. */
  #offsets(): Map<string, number> {
    const offsets = new Map<string, number>();
    for (const { name, depth, offset, isRepeated } of jsonKeys(this.#bytes)) {
      if (isRepeated) throw this.#error(`the key ${JSON.stringify(name)} comes again`, offset);
      if (depth === 1) offsets.set(name, offset);
    }
    return offsets;
  }

  #tensor(name: string, value: unknown, offset: number): StoredTensor {
    const refuse = (problem: string) => this.#error(`tensor ${JSON.stringify(name)}: ${problem}`, offset);
    if (!isObject(value)) throw refuse(`it is ${show(value)}, not an object`);
    const { dtype, shape, data_offsets: offsets } = value, bits = BITS.get(dtype);
    if (bits === undefined || typeof dtype !== "string") throw refuse(`dtype ${show(dtype)} is unknown`);
    const dimensions = sizes(shape), range = sizes(offsets);
    if (dimensions === undefined) throw refuse(`shape ${show(shape)} is no array of whole numbers below 2^53`);
    if (range?.length !== 2) throw refuse(`data_offsets ${show(offsets)} are not two whole numbers below 2^53`);
    const [begin, end] = range, allBits = product([...dimensions, bits]);
    if (begin > end) throw refuse(`data_offsets ${show(offsets)} end before they begin`);
    const available = (this.#input.size ?? Number.MAX_SAFE_INTEGER) - this.#input.position;
    if (end > available) throw refuse(`data_offsets ${show(offsets)} are beyond the ${available} bytes of data`);
    if (allBits === undefined) throw refuse(`shape ${show(shape)} takes more than 2^53 - 1 bits`);
    if (allBits !== 8 * (end - begin)) {
      throw refuse(`shape ${show(shape)} of ${dtype} takes ${allBits / 8} bytes, data_offsets say ${end - begin}`);
    }
    return { dtype, shape: dimensions, begin, end, offset: this.#start + offset, isLast: false };
  }

  #error(problem: string, offset = 0): FileFormatError {
    return this.#input.error(problem, this.#start + offset);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list of whole numbers from 0 on, if it is one. */
function sizes(value: unknown): readonly number[] | undefined {
  const isList = Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
  return isList ? value : undefined;
}
