import { show, ValueChecker } from "../check.ts";
import type { RowWriter, SafetensorsContents, Target } from "./types.ts";
import { checkContents, createWriter, encodePlain } from "./writer.ts";

/** How the format calls the types. */
const TYPES = { f32: "F32", f16: "F16", bf16: "BF16" } as const;

/** What the name of a tensor cannot be. */
const METADATA = "__metadata__";

/**
 * Creates a safetensors file of one tensor.
 *
 * @param target A path or `file:` URL, whose file is made or emptied, or a stream.
 * @param contents `shape` [rows, columns] and `dtype`; the tensor's name, "logits" unless given, and metadata.
 * @returns The writer, which takes all the rows and then must be closed.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a size, the type or the name is out of range.
 *
 * @example A matrix to bytes and back
 * ```ts
 * import { createSafetensors, openRows } from "@surprisal/core/io";
 * import { assertEquals } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(), bytes = new Response(readable).bytes();
 * const writer = await createSafetensors(writable, { shape: [1, 2], dtype: "bf16" });
 * await writer.write({ data: Uint16Array.of(0x3f80, 0x4000), shape: [1, 2], dtype: "bf16" });
 * await writer.close();
 *
 * await using reader = await openRows(await bytes);
 * const row = new Float32Array(2);
 * await reader.read({ data: row, shape: [1, 2] });
 * assertEquals([reader.storedAs, ...row], ["BF16", 1, 2]);
 * ```
 */
export async function createSafetensors(target: Target, contents: SafetensorsContents): Promise<RowWriter> {
  const check = new ValueChecker("create a safetensors file");
  const { shape, dtype } = checkContents(check, contents, ["tensor", "metadata"]);
  const { tensor = "logits", metadata } = contents, [rows, columns] = shape;
  if (typeof tensor !== "string") throw check.typeError(`tensor is ${show(tensor)}, not a string`);
  if (tensor === METADATA) throw check.rangeError(`tensor is ${show(tensor)}, which means something else`);
  const end = rows * columns * (dtype === "f32" ? 4 : 2);
  const header = {
    ...metadata !== undefined && { [METADATA]: checkMetadata(check, metadata) },
    [tensor]: { dtype: TYPES[dtype], shape, data_offsets: [0, end] },
  };
  return await createWriter(check, target, { rows, columns, dtype, head: [encodeHeader(header)], encode: encodePlain });
}

function checkMetadata(check: ValueChecker, metadata: unknown): object {
  if (typeof metadata !== "object" || metadata === null) {
    throw check.typeError(`metadata is ${show(metadata)}, not an object`);
  }
  for (const [name, text] of Object.entries(metadata)) {
    if (typeof text !== "string") throw check.typeError(`metadata.${name} is ${show(text)}, not a string`);
  }
  return metadata;
}

/** The length of the header, and the header, with spaces up to where elements of 8 bytes may begin. */
function encodeHeader(header: object): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header)), length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}
