import { ValueChecker } from "../check.ts";
import { encodeNpyHeader } from "./npy_header.ts";
import type { NpyContents, RowWriter, Target } from "./types.ts";
import { checkContents, createWriter, encodePlain } from "./writer.ts";

/** How NumPy calls the types; it does not know bf16, whose codes are numbers to it. */
const DESCRS = { f32: "<f4", f16: "<f2", bf16: "<u2" } as const;

/**
 * Creates a `.npy` file, with the header that NumPy would write.
 *
 * @param target A path or `file:` URL, whose file is made or emptied, or a stream.
 * @param contents `shape` [rows, columns], and `dtype`: bf16 is stored as u2, for NumPy does not know it.
 * @returns The writer, which takes all the rows and then must be closed.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a size or the type is out of range.
 *
 * @example A matrix to bytes
 * ```ts
 * import { createNpy } from "@surprisal/core/io";
 * import { assertEquals } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(), bytes = new Response(readable).bytes();
 * const writer = await createNpy(writable, { shape: [1, 2], dtype: "f32" });
 * await writer.write({ data: Float32Array.of(1, 2), shape: [1, 2] });
 * await writer.close();
 * assertEquals((await bytes).length, 128 + 8);
 * ```
 */
export async function createNpy(target: Target, contents: NpyContents): Promise<RowWriter> {
  const check = new ValueChecker("create an .npy file"), { shape, dtype } = checkContents(check, contents);
  const [rows, columns] = shape, head = [encodeNpyHeader(DESCRS[dtype], shape)];
  return await createWriter(check, target, { rows, columns, dtype, head, encode: encodePlain });
}
