/**
 * Files of logits and of targets, read and written row by row: NumPy's `.npy`, safetensors, and llama.cpp's
 * `--kl-divergence-base`, of any size, from paths, streams and bytes.
 *
 * Whatever is wrong with a file is a {@linkcode FileFormatError} that says where. No more is in memory than a header of at most
 * 512 KiB, a buffer of 1 MiB, and targets.
 *
 * @example A file in blocks of rows
 * ```ts
 * import { createNpy, openRows } from "@surprisal/core/io";
 * import { logSumExp } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(), bytes = new Response(readable).bytes();
 * const writer = await createNpy(writable, { shape: [3, 2], dtype: "f32" });
 * await writer.write({ data: new Float32Array(6), shape: [3, 2] });
 * await writer.close();
 *
 * await using reader = await openRows(await bytes);
 * const block = { data: new Float32Array(2 * reader.columns), shape: [2, reader.columns] as const };
 * for (let rows; (rows = await reader.read(block)) > 0;) {
 *   const { logSumExp: values } = await logSumExp({ ...block, shape: [rows, reader.columns] });
 *   assertAlmostEquals(values[rows - 1], Math.LN2, 1e-6);
 * }
 * ```
 *
 * @module
 */
export { createKlBase } from "./create_kl_base.ts";
export { createNpy } from "./create_npy.ts";
export { createSafetensors } from "./create_safetensors.ts";
export { FileFormatError } from "./file_format_error.ts";
export { openRows } from "./open_rows.ts";
export { readTargets } from "./read_targets.ts";
export type * from "./types.ts";
export type { AnyData, DType, Matrix, MatrixData } from "../operation.ts";
