// What the writers write, the readers read: every format and type, from bytes, streams and paths, whole and in blocks.

import { assertEquals, assertRejects } from "@std/assert";
import { allocate } from "../mod.ts";
import { createKlBase, createNpy, createSafetensors, openRows } from "../src/io/mod.ts";
import { inFolder } from "./folder.ts";
import { files, inPieces, readAll, writeAll, written } from "./io_cases.ts";
import { DTYPES, masked, matrix, normalRows, rounded, type Rows, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";

const ROWS: Rows = masked(normalRows(new Random(61), 5, 37, 4), 9);

/** What a file of a type holds, in f64; codes of 16 bits are another matter. */
function stored(name: string, dtype: (typeof DTYPES)[number]): number[] | undefined {
  return name === "klBase" ? undefined : rounded(ROWS, dtype).flatMap((row) => Array.from(row));
}

Deno.test("openRows() reads from bytes, streams and paths what was written", async () => {
  const all = await files(ROWS);
  await inFolder(async (folder) => {
    for (const { name, bytes, dtype } of all) {
      const options = { dtype: "bf16" } as const, whole = await readAll(bytes, 5, options);
      const { reader, values } = whole, expected = stored(name, dtype) ?? values;
      assertEquals([reader.rows, reader.columns, reader.dtype], [5, 37, dtype], name);
      assertEquals(values, expected, name);
      for (const block of [1, 2, 7]) assertEquals((await readAll(bytes, block, options)).values, expected, name);
      for (const size of [1, 7, 65_537]) {
        assertEquals(
          (await readAll(inPieces(bytes, size), 2, options)).values,
          expected,
          `${name} in pieces of ${size}`,
        );
      }
      await Deno.writeFile(`${folder}/file`, bytes);
      assertEquals((await readAll(`${folder}/file`, 2, options)).values, expected, `${name} by path`);
      const url = new URL(`file://${folder}/file`);
      assertEquals((await readAll(url, 3, options)).values, expected, `${name} by URL`);
    }
  });
});

Deno.test("read() fills rows that lie apart and matrices in wasm memory, and widens to f32", async () => {
  for (const { name, bytes, dtype } of await files(ROWS)) {
    const { values } = await readAll(bytes, 5, { dtype: "bf16" });
    for (const type of new Set([dtype, "f32"] as const)) {
      const blank = Array.from({ length: 6 }, () => new Float32Array(37)), apart = matrix(blank, type, 40);
      await using reader = await openRows(bytes, { dtype: "bf16" });
      assertEquals([await reader.skip(1), await reader.read(apart), await reader.read(apart)], [1, 4, 0], name);
      assertEquals([...valuesOf(apart)].slice(0, 4 * 37), values.slice(37), `${name} as ${type}`);
      using resident = allocate([5, 37], type);
      await using again = await openRows(bytes, { dtype: "bf16" });
      assertEquals(await again.read(resident), 5);
      assertEquals([...valuesOf(resident)], values, `${name} in wasm memory`);
    }
  }
});

Deno.test("write() takes rows that lie apart, one row for all, and rows in several calls", async () => {
  for (const dtype of DTYPES) {
    for (const create of [createNpy, createSafetensors]) {
      const contents = { shape: [5, 37], dtype } as const;
      const whole = await written(async (to) => await writeAll(await create(to, contents), matrix(ROWS, dtype)));
      const apart = await written(async (to) => {
        const writer = await create(to, contents);
        for (const part of [ROWS.slice(0, 2), ROWS.slice(2)]) await writer.write(matrix(part, dtype, 41));
        await writer.close();
      });
      assertEquals(apart, whole);
      const single = { ...matrix(ROWS.slice(0, 1), dtype), shape: [5, 37] as const, rowStride: 0 };
      const repeated = await written(async (to) => await writeAll(await create(to, contents), single));
      const { values } = await readAll(repeated, 5, { dtype: "bf16" }), [row] = rounded(ROWS.slice(0, 1), dtype);
      assertEquals(values, Array.from({ length: 5 }, () => Array.from(row)).flat());
    }
  }
});

Deno.test("writers refuse what does not fit, and a file that lacks rows", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/file.npy`, contents = { shape: [2, 3], dtype: "f32" } as const;
    const writer = await createNpy(path, contents), row = { data: new Float32Array(3), shape: [1, 3] as const };
    await assertRejects(
      () => writer.write({ ...row, data: new Float16Array(3) }),
      TypeError,
      "rows are f16, the file has f32",
    );
    await assertRejects(() => writer.write({ data: row.data, shape: [1, 2] }), TypeError, "the file has 3 columns");
    const three = { data: new Float32Array(9), shape: [3, 3] as const };
    await assertRejects(() => writer.write(three), RangeError, "rows.shape[0] is 3, the file has 2 rows left");
    await writer.write(row);
    await assertRejects(() => writer.close(), RangeError, "1 of 2 rows are missing");
    await assertRejects(() => writer.write(row), TypeError, "the writer is closed");
    await writer.close();
    const wrong = [
      [{ shape: [2, 0], dtype: "f32" }, RangeError, "shape[1] is 0, less than 1"],
      [{ shape: [2], dtype: "f32" }, TypeError, "shape is not [rows, columns]"],
      [{ shape: [2, 3], dtype: "f64" }, RangeError, 'dtype is "f64"'],
      [{ shape: [2, 3] }, TypeError, "dtype is undefined"],
      [{ shape: [2 ** 40, 2 ** 40], dtype: "f32" }, RangeError, "more than"],
      [{ shape: [2, 3], dtype: "f32", order: "C" }, TypeError, 'there is no content "order"'],
    ] as const;
    for (const [bad, error, message] of wrong) {
      await assertRejects(() => createNpy(path, bad as never), error, message);
      await assertRejects(() => createSafetensors(path, bad as never), error, message);
    }
    const base = { context: 4, tokens: new Int32Array(4), vocab: 3 };
    const wrongBases = [
      [{ ...base, context: 2 }, RangeError, "context is 2, less than 3"],
      [{ ...base, tokens: new Int32Array(5) }, TypeError, "tokens has 5 elements, no multiple of context, 4"],
      [{ ...base, tokens: Int32Array.of(0, 1, 2, 3) }, RangeError, "tokens[3] is 3, vocab is 3"],
      [{ ...base, vocab: 0 }, RangeError, "vocab is 0, less than 1"],
    ] as const;
    for (const [bad, error, message] of wrongBases) await assertRejects(() => createKlBase(path, bad), error, message);
    await assertRejects(() => createNpy(3 as never, contents), TypeError, "target is 3, not a path or a stream");
  });
});

Deno.test("readers refuse matrices that do not fit, and calls at the wrong time", async () => {
  const [{ bytes }] = await files(ROWS), data = new Float32Array(5 * 37), whole = { data, shape: [5, 37] as const };
  const reader = await openRows(bytes);
  await assertRejects(() => reader.read({ data, shape: [5, 36] }), TypeError, "target.shape[1] is 36, the file has 37");
  await assertRejects(() => reader.read({ data, shape: [6, 37] }), TypeError, "target.data has 185 elements");
  const half = { data: new Float16Array(37), shape: [1, 37] as const };
  await assertRejects(() => reader.read(half), TypeError, "target is f16, the file has f32");
  await assertRejects(() => reader.skip(-1), RangeError, "rows is -1, less than 0");
  const first = reader.read(whole);
  await assertRejects(() => reader.read(whole), TypeError, "an earlier read() or skip() has not finished");
  assertEquals([await first, await reader.read(whole), await reader.skip(3)], [5, 0, 0]);
  await reader[Symbol.asyncDispose]();
  await assertRejects(() => reader.read(whole), TypeError, "the reader is disposed of");
  await assertRejects(() => openRows(7 as never), TypeError, "source is 7, not a path, bytes or a stream");
  await assertRejects(() => openRows("/nowhere/at/all"), Deno.errors.NotFound);
});
