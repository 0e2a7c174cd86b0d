// Files that others write: NumPy itself, safetensors and llama.cpp byte by byte.

import { assertEquals, assertRejects } from "@std/assert";
import { createKlBase, createNpy, openRows, readTargets } from "../src/io/mod.ts";
import { readGolden } from "./golden.ts";
import { inPieces, joined, readAll, safetensors, writeAll, written } from "./io_cases.ts";
import { matrix, normalRows } from "./matrices.ts";
import { Random } from "./random.ts";

const NPY = readGolden("npy").map((one) => ({ ...one, bytes: Uint8Array.fromBase64(one.base64) }));

Deno.test("openRows() reads what NumPy writes", async () => {
  for (const { name, descr, shape, bytes, values } of NPY.filter(({ descr }) => descr.includes("f"))) {
    const { reader, values: found } = await readAll(bytes, 2);
    assertEquals([reader.format, reader.storedAs, reader.shape], ["npy", descr, shape], name);
    assertEquals([reader.rows, reader.columns], [shape.slice(0, -1).reduce((a, b) => a * b, 1), shape.at(-1)], name);
    assertEquals(found, values, name);
  }
});

Deno.test("createNpy() writes what NumPy writes, to the byte", async () => {
  for (const [name, dtype] of [["f4", "f32"], ["f2", "f16"], ["no rows", "f32"]] as const) {
    const golden = NPY.find((one) => one.name === name), shape = golden?.shape as [number, number];
    const rows = Array.from({ length: shape[0] }, (_, i) => golden?.values.slice(3 * i, 3 * i + 3) ?? []);
    const bytes = await written(async (to) => {
      const writer = await createNpy(to, { shape, dtype });
      if (rows.length > 0) await writer.write(matrix(rows, dtype));
      await writer.close();
    });
    assertEquals(bytes, golden?.bytes, name);
  }
});

Deno.test("readTargets() reads NumPy's integers, tensors, texts and llama.cpp's tokens", async () => {
  for (const { name, bytes, values } of NPY.filter(({ descr }) => /[iu]/.test(descr))) {
    assertEquals([...await readTargets(bytes)], values, name);
    assertEquals([...await readTargets(inPieces(bytes, 3))], values, `${name} in pieces`);
  }
  const header = (dtype: string, bytes: number) => ({ t: { dtype, shape: [2], data_offsets: [0, bytes] } });
  assertEquals([...await readTargets(safetensors(header("I64", 16), joined(BigInt64Array.of(7n, -100n))))], [7, -100]);
  assertEquals([...await readTargets(safetensors(header("U8", 2), Uint8Array.of(7, 200)))], [7, 200]);
  assertEquals([...await readTargets(joined("12 7\n-100,\t3"))], [12, 7, -100, 3]);
  assertEquals([...await readTargets(new Uint8Array())], []);
  await assertRejects(() => readTargets(joined("12 7.5")), Error, 'at byte 4: target 1 is no whole number: it has "."');
  await assertRejects(
    () => readTargets(safetensors(header("I64", 16), joined(BigInt64Array.of(7n, 2n ** 40n)))),
    Error,
  );
});

Deno.test("openRows() picks a tensor of a safetensors file that was written by hand", async () => {
  const text = '{"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[1,2,2],"data_offsets":[8,16]},' +
    '"a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},"c":{"dtype":"I32","shape":[1],"data_offsets":[16,20]}} ';
  const bytes = safetensors(
    text,
    joined(Uint16Array.of(0x3f80, 0, 0xbf80, 0x4000, 0x3c00, 0xfc00, 0x4000, 0), Int32Array.of(3)),
  );
  const [a, b] = await Promise.all(["a", "b"].map((tensor) => readAll(bytes, 3, { tensor })));
  assertEquals([a.reader.storedAs, a.reader.shape, a.values], ["BF16", [2, 2], [1, 0, -1, 2]]);
  assertEquals([b.reader.storedAs, b.reader.shape, b.values], ["F16", [1, 2, 2], [1, -Infinity, 2, 0]]);
  assertEquals((await readAll(inPieces(bytes, 5), 1, { tensor: "b" })).values, b.values);
  await assertRejects(() => openRows(bytes), Error, 'which tensor is not said: the file has "a", "b", "c"');
  await assertRejects(() => openRows(bytes, { tensor: "d" }), Error, 'there is no tensor "d"');
  await assertRejects(() => openRows(bytes, { tensor: "c" }), Error, "the tensor is I32");
});

/** Two chunks of five tokens, three classes: rows 2 and 3 of each predict tokens 3 and 4. */
const TOKENS = Int32Array.of(0, 1, 2, 1, 0, 2, 2, 1, 2, 1);
const CODES = [[0, 65_535, 7], [65_535, 0, 1], [3, 2, 1], [0, 0, 0]];
const LEVELS = [[0.25, -16], [0.5, -12.5], [1e-4, -1.5], [0, -1.0986123]];

/** As llama.cpp lays it out: one code of padding, for three is odd. */
const KL_BASE = joined(
  ...["_logits_", Int32Array.of(5, 3, 2), TOKENS],
  ...CODES.flatMap((codes, row) => [Float32Array.from(LEVELS[row]), Uint16Array.from([...codes, 0])]),
);

Deno.test("openRows() reads llama.cpp's layout", async () => {
  const expected = CODES.flatMap((codes, row) => {
    const [spacing, least] = Float32Array.from(LEVELS[row]);
    return codes.map((code) => Math.fround(spacing * code + least));
  });
  for (const source of [() => KL_BASE, () => inPieces(KL_BASE, 9)]) {
    const { reader, values } = await readAll(source(), 4);
    assertEquals([reader.format, reader.rows, reader.columns, reader.storedAs], ["klBase", 4, 3, "16-bit codes"]);
    assertEquals([...reader.targets ?? []], [1, 0, 2, 1]);
    assertEquals(values, expected);
  }
  assertEquals([...await readTargets(KL_BASE)], [1, 0, 2, 1]);
  await using reader = await openRows(KL_BASE);
  await reader.skip(1);
  await reader.read({ data: new Float32Array(6), shape: [2, 3] });
  assertEquals(reader.spacings, Float32Array.of(0.5, 1e-4));
});

Deno.test("createKlBase() writes codes within half a spacing of ln p, and llama.cpp's layout", async () => {
  const rows = normalRows(new Random(62), 4, 3, 5).map((row, i) => i === 1 ? row.map((x) => 9 * x) : row);
  const contents = { context: 5, tokens: TOKENS, vocab: 3 };
  const bytes = await written(async (to) => await writeAll(await createKlBase(to, contents), matrix(rows)));
  assertEquals(bytes.length, KL_BASE.length);
  assertEquals(bytes.subarray(0, 60), KL_BASE.subarray(0, 60));
  await using reader = await openRows(bytes);
  const found = new Float32Array(12);
  await reader.read({ data: found, shape: [4, 3] });
  rows.forEach((row, i) => {
    const most = Math.max(...row), logSum = Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
    row.forEach((x, j) => {
      const expected = Math.max(x - most, -16) - logSum, off = Math.abs(found[3 * i + j] - expected);
      assertEquals(off <= 0.5001 * (reader.spacings?.[i] ?? 0) + 2e-6, true, `row ${i}, class ${j}: ${off}`);
    });
  });
  const flat = await written(async (to) => {
    await writeAll(await createKlBase(to, { context: 3, tokens: new Int32Array(3), vocab: 2 }), matrix([[4, 4]]));
  });
  assertEquals((await readAll(flat, 1)).values, [-Math.fround(Math.LN2), -Math.fround(Math.LN2)]);
});
