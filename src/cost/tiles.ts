/**
 * How products that are never whole are cut up: rows and classes of a tile of logits. Pure arithmetic.
 *
 * @module
 */

/**
 * What the room of a composed call may take: 16 MiB on a CPU, less what is copied there for a step and staged ahead of its
 * threads; 64 MiB on a GPU, less what is being read back, and an eighth, which buffers may be larger than asked for.
 */
export const ROOM_BYTES = { wasm: 10 * 2 ** 20, webgpu: 48 * 2 ** 20 } as const;

/** Bytes of a composed call that a GPU reads back at a time. */
export const READ_BYTES = 4 * 2 ** 20;

/** The sizes that tiles follow from. */
export interface TileSizes {
  readonly rows: number;
  readonly vocab: number;
  /** Numbers of a state; of all heads together. */
  readonly width: number;
  /** How many products have tiles of logits at the same time: one unless given. */
  readonly heads?: number;
  /** What all tiles may take, in bytes. */
  readonly limitBytes: number;
  /** The most rows that are worth it: a CPU's unless given. */
  readonly mostRows?: number;
}

/** A tile's most rows and classes. */
export interface Tile {
  readonly rows: number;
  readonly classes: number;
}

/** The share of the limit that rows may take before there are any logits. */
const ROWS_SHARE = 0.4;

/**
 * Rows that share a pass over the weights: for each of their numbers a CPU does as many multiplications and additions in which it
 * could read 64 times the number from memory. On a GPU a pass must also take long beside the read-back that ends it.
 */
export const MOST_ROWS = { wasm: 512, webgpu: 4096 } as const;

/** Classes beyond which a tile has no more to gain; a segment, so that threads share its rows and not its classes. */
const MOST_CLASSES = 8192;

/** Classes of a tile are a multiple of the first of these that fits: of a run that a filter leaves out, or of a panel's columns. */
const CLASSES_STEPS = [256, 64, 8] as const;

/**
 * The tiles of so many rows and classes: as large as the limit allows beside the rows' states, copies of the classes' weights,
 * and the gradients of both, whether there are such or not. The classes do not follow from the rows or from what is wanted of them: so
 * each row's sums are of the same pieces in any call.
 */
export function tileOf({ rows, vocab, width, heads = 1, limitBytes, mostRows = MOST_ROWS.wasm }: TileSizes): Tile {
  const limit = limitBytes / 4, perRow = 2 * width;
  const fitting = Math.max(1, Math.min(mostRows, Math.floor(ROWS_SHARE * limit / Math.max(1, perRow))));
  const room = Math.min(MOST_CLASSES, (limit - fitting * perRow) / (heads * fitting + 2 * width));
  const step = CLASSES_STEPS.find((step) => step <= room) ?? 1;
  const classes = Math.max(step, Math.floor(room / step) * step);
  return { rows: Math.max(1, Math.min(rows, fitting)), classes: Math.min(vocab, classes) };
}

/** Rows of a tile of sums that WebAssembly keeps in registers (assembly/product.ts). */
const SUMS_HEIGHT = 6;

/** What a product by so many rows takes there, in rows: whole tiles, and one more for what is packed of the weights. */
export function productRows(rows: number): number {
  return SUMS_HEIGHT * (Math.ceil(rows / SUMS_HEIGHT) + 1);
}
