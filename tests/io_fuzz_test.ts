// A hundred thousand damaged files: each an error of a declared class or a read of no more than there is.

import { assert, assertEquals, assertLess } from "@std/assert";
import { FileFormatError, openRows, readTargets } from "../src/io/mod.ts";
import { files, inPieces, joined } from "./io_cases.ts";
import { matrix, normalRows } from "./matrices.ts";
import { Random } from "./random.ts";

const SEED = 20_261_125, COUNT = 100_000;

/** One stream in so many. */
const STREAMED = 40;

const MOST_GROWTH_BYTES = 64 * 2 ** 20;

/** Lengths and counts that parsers stumble over. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A few bytes of a file changed, moved or lost. */
function damaged(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  let result = Uint8Array.from(bytes);
  for (let changes = 1 + random.integer(3); changes > 0 && result.length > 0; changes--) {
    // Most of what can go wrong is where a header is
    const at = random.integer(random.integer(2) === 0 ? Math.min(160, result.length) : result.length);
    const kind = random.integer(6);
    if (kind === 0) result = result.slice(0, at);
    else if (kind === 1) {
      result = joined(result.subarray(0, at), Uint8Array.of(random.integer(256)), result.subarray(at));
    } else if (kind === 2) result = joined(result.subarray(0, at), result.subarray(at + 1 + random.integer(8)));
    else if (kind === 3 && at + 4 <= result.length) {
      new DataView(result.buffer, at).setUint32(0, NUMBERS[random.integer(NUMBERS.length)], random.integer(2) === 0);
    } else if (kind === 4) result[at] = "0123456789-,[]{}()'\" ".charCodeAt(random.integer(21));
    else result[at] ^= 1 << random.integer(8);
  }
  return result;
}

/** Reads a file to its end if it can be; returns whether it could. */
async function isReadable(bytes: Uint8Array<ArrayBuffer>, isStream: boolean): Promise<boolean> {
  const source = isStream ? inPieces(bytes, 29) : bytes;
  await using reader = await openRows(source, { dtype: "bf16" });
  const { rows, columns, shape, dtype } = reader, bits = dtype === "f32" ? 16 : 8;
  assertEquals(rows, shape.slice(0, -1).reduce((a, b) => a * b, 1));
  assertEquals(columns, shape.at(-1));
  if (!isStream) {
    assert(rows * columns * bits <= 8 * bytes.length, `${rows} rows of ${columns} in ${bytes.length} bytes`);
  }
  // A stream may promise rows that no test has room for
  if (columns > 8 * bytes.length) return false;
  const block = matrix([new Float32Array(columns), new Float32Array(columns)], dtype);
  let found = 0;
  for (let count; (count = await reader.read(block)) > 0;) found += count;
  assertEquals(found, rows);
  return true;
}

Deno.test(`${COUNT} damaged files give an error or are read, in little memory`, async () => {
  const whole = await files(normalRows(new Random(SEED), 3, 6, 2)), random = new Random(SEED);
  const texts = [joined("1 2 3\n-100, 5\n12"), joined("7\n")];
  const before = Deno.memoryUsage().rss;
  let read = 0, refused = 0;
  for (let i = 0; i < COUNT; i++) {
    const isText = i % 16 === 15, original = isText ? texts[i % 2] : whole[random.integer(whole.length)].bytes;
    const bytes = damaged(original, random);
    try {
      if (isText || i % 16 === 14) {
        const targets = await readTargets(bytes);
        assert(targets.length <= bytes.length, `${targets.length} targets of ${bytes.length} bytes`);
        read++;
      } else if (await isReadable(bytes, i % STREAMED === 0)) read++;
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw new Error(`Seed ${SEED}, file ${i}: ${bytes}`, { cause: error });
      assert(error.offset >= 0 && error.offset <= bytes.length, `file ${i}: offset ${error.offset} of ${bytes.length}`);
      refused++;
    }
  }
  assertLess(0.05 * COUNT, read);
  assertLess(0.2 * COUNT, refused);
  assertLess(Deno.memoryUsage().rss - before, MOST_GROWTH_BYTES);
});
