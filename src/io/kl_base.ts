/**
 * llama.cpp's files for `--kl-divergence-base`: tokens, then logarithms of probabilities in 16 bits. Of each row the codes are
 * equally far apart, ln p = spacing · code + least; what is more than 16 below the greatest is raised to that.
 * https://github.com/ggml-org/llama.cpp/blob/master/tools/perplexity/perplexity.cpp
 *
 * @module
 */
import { BUFFER_BYTES, type Input } from "./input.ts";
import { forPieces, GrowingIntegers, MOST_INTEGERS } from "./integers.ts";
import type { CheckedMatrix } from "./matrix.ts";
import { Rows, type RowsHeader, rowsOf } from "./rows.ts";

/** The first eight bytes. */
export const KL_BASE_MAGIC = "_logits_";

/** Whether these are they. */
export function isKlBase(head: Uint8Array): boolean {
  return String.fromCharCode(...head) === KL_BASE_MAGIC;
}

/** Units of 16 bits before the codes of a row: two f32, spacing and least. */
export const PREFIX_CODES = 4;

/** The least context in which a token is predicted. */
export const LEAST_CONTEXT = 3;

/** Units of 16 bits of a row; of an odd number of codes, one more is there. */
export function codesPerRow(vocab: number): number {
  return 2 * Math.ceil(vocab / 2) + PREFIX_CODES;
}

/** The first token of a chunk that predicts; the last does not. */
export function firstOf(context: number): number {
  return Math.floor(context / 2);
}

/** Rows of a chunk. */
export function rowsPerChunk(context: number): number {
  return context - 1 - firstOf(context);
}

/** Reads the rows of a file, of which the first eight bytes have been read. */
export async function openKlBase(input: Input): Promise<KlBaseRows> {
  const start = input.position, fields = await input.take(12, "n_ctx, n_vocab and n_chunk");
  const [context] = new Uint32Array(fields.buffer, 0, 1), [vocab, chunks] = new Int32Array(fields.buffer, 4, 2);
  if (context < LEAST_CONTEXT) throw input.error(`n_ctx is ${context}, less than ${LEAST_CONTEXT}`, start);
  if (vocab < 1) throw input.error(`n_vocab is ${vocab}, less than 1`, start + 4);
  if (chunks < 0) throw input.error(`n_chunk is ${chunks}, less than 0`, start + 8);
  if (context * chunks > MOST_INTEGERS) {
    throw input.error(`n_ctx * n_chunk are ${context * chunks} tokens, more than ${MOST_INTEGERS}`, start + 8);
  }
  const rows = chunks * rowsPerChunk(context), rowBytes = 2 * codesPerRow(vocab);
  const header = { format: "klBase", rows, columns: vocab, shape: [rows, vocab], dtype: "f32" } as const;
  const whole = { ...header, storedAs: "16-bit codes", rowBytes, isLast: true };
  input.checkEnd(input.position + 4 * context * chunks + rows * rowBytes, rowsOf(whole));
  return new KlBaseRows(input, whole, await readTargets(input, context, chunks, vocab));
}

/** Of all tokens those that are predicted. */
async function readTargets(
  input: Input,
  context: number,
  chunks: number,
  vocab: number,
): Promise<Int32Array<ArrayBuffer>> {
  const targets = new GrowingIntegers(input, chunks * rowsPerChunk(context)), first = firstOf(context);
  let at = 0;
  await forPieces(input, context * chunks, 4, "its tokens", (piece, offset) => {
    const tokens = new Int32Array(piece.buffer, piece.byteOffset, piece.length / 4);
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i];
      if (token < 0 || token >= vocab) {
        throw input.error(`token ${at} is ${token}, n_vocab is ${vocab}`, offset + 4 * i);
      }
      if (at++ % context > first) targets.push(token);
    }
  });
  return targets.finish();
}

class KlBaseRows extends Rows {
  readonly targets: Int32Array<ArrayBuffer>;
  #spacings = new Float32Array();
  #codes: Uint16Array<ArrayBuffer> | undefined;
  #spacing = 0;
  #least = 0;

  constructor(input: Input, header: RowsHeader, targets: Int32Array<ArrayBuffer>) {
    super(input, header);
    this.targets = targets;
  }

  get spacings(): Float32Array<ArrayBuffer> {
    return this.#spacings;
  }

  protected override async readRows({ data, rowStride }: CheckedMatrix, rows: number): Promise<void> {
    const width = codesPerRow(this.columns), most = BUFFER_BYTES / 2, spacings = new Float32Array(rows);
    const codes = this.#codes ??= new Uint16Array(Math.min(most, this.rows * width));
    const rowsAtOnce = Math.max(1, Math.floor(most / width));
    for (let row = 0; row < rows; row += rowsAtOnce) {
      const all = Math.min(rowsAtOnce, rows - row) * width;
      for (let start = 0; start < all; start += most) { // pieces of one row, or some whole rows
        const offset = this.input.position, count = Math.min(most, all - start);
        await this.input.fill(new Uint8Array(codes.buffer, 0, 2 * count), rowsOf(this));
        for (let from = 0; from < count; from += width) {
          const at = row + from / width;
          if (start === 0) spacings[at] = this.#begin(codes, from, offset + 2 * from);
          const skipped = start === 0 ? PREFIX_CODES : 0, column = start + skipped - PREFIX_CODES;
          const wanted = Math.min(this.columns - column, Math.min(width, count - from) - skipped);
          this.#decode(codes.subarray(from + skipped, from + skipped + wanted), data, at * rowStride + column);
        }
      }
    }
    this.#spacings = spacings;
  }

  /** NaN is what llama.cpp writes of logits that are: it becomes a row of NaN. */
  #begin({ buffer }: Uint16Array<ArrayBuffer>, from: number, offset: number): number {
    const [spacing, least] = new Float32Array(buffer, 2 * from, 2);
    if (spacing < 0 || spacing === Infinity) throw this.input.error(`the spacing of a row is ${spacing}`, offset);
    [this.#spacing, this.#least] = [spacing, least];
    return spacing;
  }

  #decode(codes: Uint16Array, into: CheckedMatrix["data"], at: number): void {
    const spacing = this.#spacing, least = this.#least;
    for (let i = 0; i < codes.length; i++) into[at + i] = spacing * codes[i] + least;
  }
}
