/**
 * Headers of safetensors files: a length of 8 bytes, then as much JSON. All of a header is checked, as the format asks.
 * https://github.com/huggingface/safetensors#format
 *
 * @module
 */
import { show } from "../check.ts";
import type { FileFormatError } from "./file_format_error.ts";
import type { Input } from "./input.ts";
import { jsonKeys } from "./json_keys.ts";
import { product } from "./sizes.ts";

const METADATA = "__metadata__";

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
  input.checkHeader(length, 0);
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
  readonly #text: string;
  readonly #start: number;

  constructor(input: Input, bytes: Uint8Array, start: number) {
    this.#input = input;
    this.#start = start;
    if (bytes[0] !== 0x7b) throw input.error("the header does not begin with '{'", start);
    try {
      this.#text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw input.error("the header is not UTF-8", start);
    }
  }

  tensors(): Map<string, StoredTensor> {
    const entries = Object.entries(this.#parsed()), indices = this.#indices();
    const found = entries.flatMap(([name, value]): [string, StoredTensor][] => {
      const index = indices.get(name) ?? 0;
      if (name !== METADATA) return [[name, this.#tensor(name, value, index)]];
      const isMap = isObject(value) && Object.values(value).every((text) => typeof text === "string");
      if (!isMap) throw this.#error(`${METADATA} is not an object of strings`, index);
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
      return Object(JSON.parse(this.#text));
    } catch (error) {
      throw this.#error(`the header is no JSON: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Where the names of tensors are; a key that comes twice would hide what the first one says. */
  #indices(): Map<string, number> {
    const indices = new Map<string, number>(), seen = new Set<string>();
    for (const { path, index } of jsonKeys(this.#text)) {
      const key = JSON.stringify(path);
      if (seen.has(key)) throw this.#error(`the key ${JSON.stringify(path.at(-1))} comes again`, index);
      seen.add(key);
      if (path.length === 1) indices.set(path[0], index);
    }
    return indices;
  }

  #tensor(name: string, value: unknown, index: number): StoredTensor {
    const refuse = (problem: string) => this.#error(`tensor ${JSON.stringify(name)}: ${problem}`, index);
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
    return { dtype, shape: dimensions, begin, end, offset: this.#offset(index), isLast: false };
  }

  #offset(index: number): number {
    return this.#start + new TextEncoder().encode(this.#text.slice(0, index)).length;
  }

  #error(problem: string, index = 0): FileFormatError {
    return this.#input.error(problem, this.#offset(index));
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
