import { show, ValueChecker } from "../check.ts";
import { MOST_INTEGERS } from "./integers.ts";
import { codesPerRow, KL_BASE_MAGIC, LEAST_CONTEXT, PREFIX_CODES, rowsPerChunk } from "./kl_base.ts";
import type { CheckedMatrix } from "./matrix.ts";
import type { KlBaseContents, RowWriter, Target } from "./types.ts";
import { createWriter } from "./writer.ts";

/** How far below the greatest logit codes reach. */
const REACH = 16;

/** The largest code. */
const MOST_CODE = 65_535;

/** An f32 of this size has no fraction: adding it rounds, ties to even. */
const ROUNDER = 1.5 * 2 ** 23;

/**
 * Creates a file for llama.cpp's `--kl-divergence-base`, with the codes that llama.cpp writes.
 *
 * A row of logits x becomes ln p = spacing · code + least: least is that of the smallest logit or of what is 16 below the
 * greatest, and 65,535 codes reach from there to the greatest. Only ln Σ e^x may differ from llama.cpp's in its last bit,
 * for exponentials are f64 here. A row with NaN, of −∞ or with +∞ becomes one of NaN.
 *
 * @param target A path or `file:` URL, whose file is made or emptied, or a stream.
 * @param contents `context`, all `tokens` [chunks · context] and `vocab`; rows are then those of the second half of each
 * chunk but for its last token, in order.
 * @returns The writer, which takes all the rows, logits or their logarithms of any type, and then must be closed.
 * @throws {TypeError} If an argument has the wrong type or length.
 * @throws {RangeError} If a size or a token is out of range.
 *
 * @example One chunk of four tokens, of which the third predicts the fourth
 * ```ts
 * import { createKlBase, openRows } from "@surprisal/core/io";
 * import { assertEquals } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(), bytes = new Response(readable).bytes();
 * const writer = await createKlBase(writable, { context: 4, tokens: Int32Array.of(0, 1, 1, 0), vocab: 2 });
 * await writer.write({ data: Float32Array.of(0, 0), shape: [1, 2] });
 * await writer.close();
 *
 * await using reader = await openRows(await bytes);
 * const row = new Float32Array(2);
 * await reader.read({ data: row, shape: [1, 2] });
 * assertEquals([...reader.targets ?? [], ...row], [0, -Math.fround(Math.LN2), -Math.fround(Math.LN2)]);
 * ```
 */
export async function createKlBase(target: Target, contents: KlBaseContents): Promise<RowWriter> {
  const check = new ValueChecker("create a --kl-divergence-base file");
  const { context, tokens, vocab } = checkKlBase(check, contents), chunks = tokens.length / context;
  const sizes = Int32Array.of(context, vocab, chunks), all = Int32Array.from(tokens);
  const head = [new TextEncoder().encode(KL_BASE_MAGIC), new Uint8Array(sizes.buffer), new Uint8Array(all.buffer)];
  return await createWriter(check, target, {
    rows: chunks * rowsPerChunk(context),
    columns: vocab,
    head,
    encode: encodeRows,
  });
}

function checkKlBase(check: ValueChecker, value: KlBaseContents): KlBaseContents {
  const { context: wantedContext, tokens, vocab: wantedVocab } = check.bag<KlBaseContents>(
    value,
    ["context", "tokens", "vocab"],
    "contents are",
    "content",
  );
  const context = check.number("context", wantedContext, { least: LEAST_CONTEXT, most: MOST_INTEGERS, integer: true });
  const vocab = check.number("vocab", wantedVocab, { least: 1, most: 2 ** 31 - 1, integer: true });
  if (!(tokens instanceof Int32Array)) throw check.typeError(`tokens is ${show(tokens)}, not an Int32Array`);
  if (tokens.length % context !== 0) {
    throw check.typeError(`tokens has ${tokens.length} elements, no multiple of context, ${context}`);
  }
  if (tokens.length > MOST_INTEGERS) {
    throw check.rangeError(`tokens has ${tokens.length} elements, more than ${MOST_INTEGERS}`);
  }
  const wrong = tokens.findIndex((token) => token < 0 || token >= vocab);
  if (wrong >= 0) throw check.rangeError(`tokens[${wrong}] is ${tokens[wrong]}, vocab is ${vocab}`);
  return { context, tokens, vocab };
}

function* encodeRows({ data, dtype, rows, columns, rowStride }: CheckedMatrix): Generator<Uint8Array> {
  const codes = new Uint16Array(codesPerRow(columns)), logits = new Float32Array(columns);
  const bits = new Uint32Array(logits.buffer), prefix = new Float32Array(codes.buffer, 0, PREFIX_CODES / 2);
  for (let row = 0; row < rows; row++) {
    const raw = data.subarray(row * rowStride, row * rowStride + columns);
    if (dtype === "bf16") { for (let i = 0; i < columns; i++) bits[i] = raw[i] << 16; }
    else if (raw instanceof Uint16Array) logits.set(new Float16Array(raw.buffer, raw.byteOffset, columns));
    else logits.set(raw);
    encodeRow(logits, prefix, codes);
    yield new Uint8Array(codes.buffer);
  }
}

/** In llama.cpp's arithmetic, which is f32 but for the sum, so that its codes come out. */
function encodeRow(logits: Float32Array, prefix: Float32Array, codes: Uint16Array): void {
  let most = -Infinity, lowest = Infinity;
  for (const x of logits) {
    if (x > most) most = x;
    if (x < lowest) lowest = x;
  }
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - most);
  const least = Math.max(lowest, Math.fround(most - REACH));
  prefix[0] = Math.fround(most - least) / MOST_CODE;
  prefix[1] = Math.fround(least - most) - Math.fround(Math.log(sum));
  codes.fill(0, PREFIX_CODES);
  if (Number.isNaN(sum)) prefix.fill(NaN);
  const [spacing] = prefix, inverse = Math.fround(1 / spacing);
  if (!(spacing > 0)) return;
  for (let i = 0; i < logits.length; i++) {
    if (!(logits[i] > least)) continue;
    const place = Math.fround(inverse * Math.fround(logits[i] - least));
    codes[PREFIX_CODES + i] = Math.fround(place + ROUNDER) - ROUNDER;
  }
}
