import { ValueChecker } from "../check.ts";
import { openBytes } from "./bytes.ts";
import { Input } from "./input.ts";
import { readIntegers } from "./integers.ts";
import { isKlBase, openKlBase } from "./kl_base.ts";
import { openNpyIntegers } from "./npy.ts";
import { checkName, formatOf, HEAD_BYTES } from "./open_rows.ts";
import { openTensorIntegers } from "./safetensors.ts";
import { isText, readText } from "./text_targets.ts";
import type { ReadTargetsOptions, Source } from "./types.ts";

/**
 * Reads all targets of a file: a `.npy` or a tensor of integers of any shape, those of llama.cpp's `--kl-divergence-base`, or
 * a text of whole numbers with spaces, a comma or both between them. A text without numbers has no targets.
 *
 * @param source A path, `file:` URL, bytes or a stream.
 * @param options `tensor` names a tensor of a safetensors file that has several.
 * @returns The targets, at most 2²³, in the file's order.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {FileFormatError} If the file is none of these, is at odds with itself or has a number that an i32 cannot hold.
 *
 * @example
 * ```ts
 * import { readTargets } from "@surprisal/core/io";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await readTargets(new TextEncoder().encode("3, 1\n-100")), Int32Array.of(3, 1, -100));
 * ```
 */
export async function readTargets(
  source: Source,
  options: ReadTargetsOptions = {},
): Promise<Int32Array<ArrayBuffer>> {
  const check = new ValueChecker("read targets");
  const { tensor } = check.bag<ReadTargetsOptions>(options, ["tensor"]), name = checkName(check, tensor);
  await using input = new Input(await openBytes(check, source));
  const buffer = new Uint8Array(HEAD_BYTES), head = buffer.subarray(0, await input.readSome(buffer));
  if (isText(head) && !isKlBase(head)) return await readText(input, head);
  await input.fill(buffer.subarray(head.length), "the first eight bytes");
  switch (formatOf(input, buffer)) {
    case "npy":
      return await readIntegers(input, await openNpyIntegers(input, buffer));
    case "safetensors":
      return await readIntegers(input, await openTensorIntegers(input, buffer, name));
    case "klBase":
      return (await openKlBase(input)).targets;
  }
}
