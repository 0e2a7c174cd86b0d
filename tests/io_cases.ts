/**
 * Small files, as bytes and as streams of pieces, and what is read of them.
 *
 * @module
 */
import { createKlBase, createNpy, createSafetensors, openRows, type RowReader, type RowWriter } from "../src/io/mod.ts";
import type { DType, Matrix, OpenRowsOptions, Source, Target } from "../src/io/mod.ts";
import { matrix, type Rows, valuesOf } from "./matrices.ts";

/** What is written through a stream. */
export async function written(write: (target: Target) => Promise<void>): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const [bytes] = await Promise.all([new Response(readable).bytes(), write(writable)]);
  return bytes;
}

/** Writes all rows, then closes. */
export async function writeAll(writer: RowWriter, rows: Matrix): Promise<void> {
  await writer.write(rows);
  await writer.close();
}

/** A file of each format and type, all of two rows. */
export async function files(rows: Rows): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer>; dtype: DType }[]> {
  const shape = [rows.length, rows[0].length] as const, found = [];
  for (const dtype of ["f32", "f16", "bf16"] as const) {
    for (const [format, create] of Object.entries({ npy: createNpy, safetensors: createSafetensors })) {
      const bytes = await written(async (to) =>
        await writeAll(await create(to, { shape, dtype }), matrix(rows, dtype))
      );
      found.push({ name: `${format} ${dtype}`, bytes, dtype });
    }
  }
  const contents = { context: 2 * rows.length + 1, tokens: new Int32Array(2 * rows.length + 1), vocab: shape[1] };
  const bytes = await written(async (to) => await writeAll(await createKlBase(to, contents), matrix(rows)));
  return [...found, { name: "klBase", bytes, dtype: "f32" }];
}

/** Bytes as a stream of pieces of so many. */
export function inPieces(bytes: Uint8Array<ArrayBuffer>, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += size));
    },
  });
}

/** Everything of a file, `block` rows at a time, widened. */
export async function readAll(source: Source, block: number, options?: OpenRowsOptions): Promise<Contents> {
  await using reader = await openRows(source, options);
  const { columns, dtype } = reader, rows: number[] = [];
  const target = matrix(Array.from({ length: block }, () => new Float32Array(columns)), dtype);
  for (let count; (count = await reader.read(target)) > 0;) rows.push(...valuesOf(target).subarray(0, count * columns));
  return { reader, values: rows };
}

/** What was read. */
export interface Contents {
  readonly reader: RowReader;
  readonly values: readonly number[];
}

/** Bytes of parts one after the other: texts, bytes, and numbers as little-endian arrays. */
export function joined(...parts: readonly (string | ArrayBufferView<ArrayBuffer>)[]): Uint8Array<ArrayBuffer> {
  const all = parts.map((part) =>
    typeof part === "string"
      ? Uint8Array.from(part, (char) => char.charCodeAt(0))
      : new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
  );
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of all) bytes.set(part, at), at += part.length;
  return bytes;
}

/** A safetensors file with this header, as text or what becomes it. */
export function safetensors(
  header: unknown,
  data: Uint8Array<ArrayBuffer> = new Uint8Array(),
): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  return joined(BigUint64Array.of(BigInt(text.length)), text, data);
}

/** A version 1 `.npy` file with this header. */
export function npy(header: string, data: Uint8Array<ArrayBuffer> = new Uint8Array()): Uint8Array<ArrayBuffer> {
  return joined("\x93NUMPY\x01\x00", Uint16Array.of(header.length), header, data);
}
