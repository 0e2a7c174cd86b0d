import { ValueChecker } from "../check.ts";
import { openBytes } from "./bytes.ts";
import { Input } from "./input.ts";
import { isKlBase, openKlBase } from "./kl_base.ts";
import { openNpy } from "./npy.ts";
import { NPY_MAGIC } from "./npy_header.ts";
import { openSafetensors } from "./safetensors.ts";
import type { OpenRowsOptions, RowReader, Source } from "./types.ts";

/** Bytes by which formats are told apart. */
export const HEAD_BYTES = 8;

/** The format that eight bytes begin. Those of safetensors are a length, of which the format allows 100 MB. */
export function formatOf(input: Input, head: Uint8Array): RowReader["format"] {
  if (String.fromCharCode(...head).startsWith(NPY_MAGIC)) return "npy";
  if (isKlBase(head)) return "klBase";
  if (head.subarray(4).every((byte) => byte === 0)) return "safetensors";
  throw input.error("this begins no .npy, safetensors or --kl-divergence-base file", 0);
}

/**
 * Opens a file of rows: NumPy's `.npy`, safetensors, or llama.cpp's `--kl-divergence-base`, told apart by their first bytes.
 *
 * The header is checked in full, and against the size where that is known. Of the rows no more is in memory than a buffer of
 * 1 MiB: those of the matrix's own type are read to where they belong. f64 is rounded to f32; codes of 16 bits become natural
 * logarithms of probabilities.
 *
 * @param source A path, `file:` URL, bytes (which must not change meanwhile) or a stream, which is the reader's from then on.
 * @param options `tensor` names a tensor of a safetensors file that has several; `dtype` says what the 16-bit codes of a
 * `.npy` file are.
 * @returns The reader, at the first row.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If `dtype` is neither.
 * @throws {FileFormatError} If the file is none of these, is at odds with itself or holds something else than rows.
 *
 * @example Two rows of three logits
 * ```ts
 * import { createNpy, openRows } from "@surprisal/core/io";
 * import { assertEquals } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(), bytes = new Response(readable).bytes();
 * const writer = await createNpy(writable, { shape: [2, 3], dtype: "f32" });
 * await writer.write({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
 * await writer.close();
 *
 * await using reader = await openRows(await bytes);
 * assertEquals([reader.storedAs, reader.rows, reader.columns], ["<f4", 2, 3]);
 * const row = new Float32Array(3);
 * while (await reader.read({ data: row, shape: [1, 3] }) > 0) console.log(row);
 * ```
 */
export async function openRows(source: Source, options: OpenRowsOptions = {}): Promise<RowReader> {
  const check = new ValueChecker("open rows");
  const { tensor, dtype } = check.bag<OpenRowsOptions>(options, ["tensor", "dtype"]);
  const codes = check.choice<OpenRowsOptions["dtype"]>("dtype", dtype, ["bf16", "f16"], undefined),
    name = checkName(check, tensor);
  await using stack = new AsyncDisposableStack();
  const input = stack.use(new Input(await openBytes(check, source)));
  const head = await input.take(HEAD_BYTES, "the first eight bytes");
  const format = formatOf(input, head);
  const reader =
    await (format === "npy"
      ? openNpy(input, head, codes)
      : format === "safetensors"
      ? openSafetensors(input, head, name)
      : openKlBase(input));
  stack.move(); // the reader's from now on
  return reader;
}

/** Checks the name of a tensor. */
export function checkName(check: ValueChecker, name: unknown): string | undefined {
  if (name === undefined || typeof name === "string") return name;
  throw check.typeError(`tensor is ${typeof name}, not a string`);
}
