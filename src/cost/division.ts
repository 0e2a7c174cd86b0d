/**
 * How a call is shared out among threads: blocks of rows, or, where there are fewer rows than threads, each row's segments.
 * Pure arithmetic.
 *
 * @module
 */

/** Elements of a segment, the least that a thread can take of a row (assembly/view.ts). */
export const SEGMENT = 8192;

/**
 * What a thread works on at a time: a fraction of a millisecond, and where rows are staged still in a second- or third-level
 * cache when the kernel reads it.
 */
const BLOCK_BYTES = 2 ** 20;

/** What a row takes beyond its bytes, as if it were bytes. */
const ROW_BYTES = 1024;

/** Blocks for each thread, if there are rows enough, so that none waits long for the last. */
const BLOCKS_PER_THREAD = 4;

/** What meeting costs: a row shared by two threads takes more than half as long. */
const MEETING = 1.1;

/** The most threads of a call: more would be a mistake, as each takes some 12 MB. */
export const MAX_THREADS = 128;

/** The most that staging may take, whatever the size of the input. */
export const STAGING_LIMIT_BYTES = 64 * 2 ** 20;

/** The sizes that a division follows from. */
export interface Sizes {
  readonly rows: number;
  readonly vocab: number;
  /** Bytes of a row of all tensors. */
  readonly rowBytes: number;
  /** Those of them that must be staged. */
  readonly stagedRowBytes: number;
  /** The most that staging may take. */
  readonly limitBytes: number;
}

/** Rows by blocks (`parts` 1), or all rows at once, each shared by `parts` threads. */
export interface Division {
  readonly threads: number;
  readonly parts: number;
  readonly rowsPerBlock: number;
}

/** Divides rows among `threads` threads, or fewer where there is not work enough for all. */
export function divide({ rows, vocab, rowBytes, stagedRowBytes, limitBytes }: Sizes, threads: number): Division {
  const segments = Math.ceil(vocab / SEGMENT), parts = Math.min(threads, segments);
  const byRows = Math.ceil(rows / threads), byParts = MEETING * rows * Math.ceil(segments / parts) / segments;
  if (parts > 1 && byParts < byRows && rows * stagedRowBytes <= limitBytes) {
    return { threads: parts, parts, rowsPerBlock: rows };
  }
  const fitting = BLOCK_BYTES / (rowBytes + ROW_BYTES);
  const fair = threads === 1 ? rows : Math.ceil(rows / (threads * BLOCKS_PER_THREAD));
  const rowsPerBlock = Math.max(1, Math.min(rows, Math.floor(fitting), fair));
  return { threads: Math.min(threads, Math.ceil(rows / rowsPerBlock)), parts: 1, rowsPerBlock };
}
