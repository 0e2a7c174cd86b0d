/**
 * How many rows a GPU works on at a time where it looks at each of them more than once.
 *
 * @module
 */

/**
 * What a second look finds again in a last-level cache: a round figure, half of what a data-centre GPU of 2023 has. Fewer
 * bytes at a time would cost more in waiting for the last workgroup than memory saves.
 */
const CACHE_BYTES = 24 * 2 ** 20;

/** Rows whose logits stay in cache between two looks; all rows where there is but one look. */
export function rowsInFlight(rows: number, rowBytes: number, looks: number): number {
  return looks === 1 ? rows : Math.max(1, Math.floor(CACHE_BYTES / rowBytes));
}
