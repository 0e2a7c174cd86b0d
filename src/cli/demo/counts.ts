/** Counts of n-grams. */

/** The distinct n-grams of one length, sorted, so that all successors of a context lie side by side. */
export interface Counts {
  /** Distinct tokens. */
  readonly vocab: number;
  /** The n-grams as numbers whose digits in base `vocab` are their tokens, ascending. */
  readonly keys: Float64Array;
  /** How many n-grams were seen before each of `keys`; the last element is how many were seen at all. */
  readonly before: Uint32Array;
}

/** A range of {@linkcode Counts}: the n-grams that begin with one context. */
export interface Span {
  /** Index of the first. */
  readonly start: number;
  /** Index after the last. */
  readonly end: number;
  /** How often the context was seen with a successor. */
  readonly total: number;
}

/** Counts the n-grams of `order` tokens, at most 3 where the vocabulary is below 2¹⁷: keys must be exact integers. */
export function countNgrams(tokens: Uint32Array, order: number, vocab: number): Counts {
  const seen = new Float64Array(Math.max(0, tokens.length - order + 1));
  for (let i = 0; i < seen.length; i++) seen[i] = ngramKey(tokens, i, order, vocab);
  seen.sort();
  const before = new Uint32Array(seen.length + 1);
  let distinct = 0;
  for (let i = 0; i < seen.length; i++) if (seen[i] !== seen[i - 1]) before[distinct++] = i;
  before[distinct] = seen.length;
  const keys = Float64Array.from(before.subarray(0, distinct), (i) => seen[i]);
  return { vocab, keys, before: before.slice(0, distinct + 1) };
}

/** The number that stands for `tokens[start]` … `tokens[start + order - 1]`. */
export function ngramKey(tokens: Uint32Array, start: number, order: number, vocab: number): number {
  let key = 0;
  for (let i = start; i < start + order; i++) key = key * vocab + tokens[i];
  return key;
}

/** The n-grams that begin with a context, given the context's own key; empty where it was never seen. */
export function successors({ keys, before, vocab }: Counts, context: number): Span {
  const start = lowerBound(keys, context * vocab);
  const end = lowerBound(keys, (context + 1) * vocab);
  return { start, end, total: before[end] - before[start] };
}

/** How often an n-gram was seen. */
export function countOf({ keys, before }: Counts, key: number): number {
  const i = lowerBound(keys, key);
  return keys[i] === key ? before[i + 1] - before[i] : 0;
}

/** The first index whose key is no less than `key`. */
function lowerBound(keys: Float64Array, key: number): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
