import type { Encoding } from "./elements.ts";
import type { Input } from "./input.ts";
import type { IntegerList } from "./integers.ts";
import { PlainRows } from "./plain_rows.ts";
import type { Rows } from "./rows.ts";
import { openTensor } from "./safetensors_header.ts";
import { product } from "./sizes.ts";

const TYPES: ReadonlyMap<string, Encoding["type"]> = new Map([
  ["F32", "f32"],
  ["F16", "f16"],
  ["BF16", "bf16"],
  ["F64", "f64"],
]);

/** Reads the rows of a tensor, of whose file the first eight bytes have been read. */
export async function openSafetensors(input: Input, head: Uint8Array, name?: string): Promise<Rows> {
  const { dtype, shape, offset, isLast } = await openTensor(input, head, name), type = TYPES.get(dtype);
  if (type === undefined) throw input.error(`the tensor is ${dtype}, not F32, F16, BF16 or F64`, offset);
  if (shape.length === 0) throw input.error("the shape is []: a scalar has no rows", offset);
  const columns = shape[shape.length - 1], rows = product(shape.slice(0, -1));
  if (columns === 0 || rows === undefined) {
    throw input.error(`the shape is [${shape.join(", ")}]: rows of nothing`, offset);
  }
  const encoding = { type, isBigEndian: false, name: dtype };
  return new PlainRows(input, { format: "safetensors", rows, columns, shape, isLast }, encoding);
}

/** Finds the integers of a tensor, of whose file the first eight bytes have been read. */
export async function openTensorIntegers(input: Input, head: Uint8Array, name?: string): Promise<IntegerList> {
  const { dtype, begin, end, offset, isLast } = await openTensor(input, head, name);
  const [, kind, bits] = /^([IU])(\d+)$/.exec(dtype) ?? [], bytes = Number(bits) / 8;
  if (kind === undefined) throw input.error(`the tensor is ${dtype}, no type of integers`, offset);
  return { count: (end - begin) / bytes, offset, isLast, bytes, isSigned: kind === "I", isBigEndian: false };
}
