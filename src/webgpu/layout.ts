/**
 * How a call is cut up. Pure arithmetic.
 *
 * A *chunk* of rows is what is copied to the device at a time. Its *windows* are what can be bound at a time: rows of all
 * matrices, or of a row that is itself too long some of its segments. Their *waves* are rows that are dispatched at a time.
 *
 * @module
 */
import { SEGMENT, segmentsOf } from "./shader.ts";
import type { MatrixUse } from "./storage.ts";

/** What a device allows. */
export interface Limits {
  /** Bytes that a binding may show. */
  readonly bindingBytes: number;
  /** Where a binding may begin: a multiple of so many bytes. */
  readonly alignment: number;
}

/** The most workgroups of a dimension. */
export const MAX_WORKGROUPS = 65_535;

/** What partials may take. */
const PARTIALS_BYTES = 64 * 2 ** 20;

/** A run of numbers: from `first` on, below `end`. */
export interface Span {
  readonly first: number;
  readonly end: number;
}

/** Rows of a chunk that are bound together: windows of their segments, which are all one unless a row is too long for that. */
export interface Window {
  readonly rows: Span;
  readonly segments: readonly Span[];
  readonly waves: readonly Span[];
}

/** Cuts `end - first` things into runs of at most `most`. */
export function cut({ first, end }: Span, most: number): Span[] {
  const count = Math.ceil((end - first) / most);
  return Array.from(
    { length: count },
    (_, i) => ({ first: first + i * most, end: Math.min(end, first + (i + 1) * most) }),
  );
}

/** Windows and waves of rows of a chunk. */
export function windowsOf(
  rows: number,
  vocab: number,
  matrices: readonly MatrixUse[],
  limits: Limits,
  /** Bytes that a segment of a row leaves in one buffer at most. */
  partialBytes: number,
  /** The most rows of a wave, for the sake of caches. */
  cachedRows: number,
): Window[] {
  const segments = segmentsOf(vocab), room = limits.bindingBytes - limits.alignment;
  const rowsBound = matrices.map(({ stride, width }) =>
    stride === 0 ? (vocab * width <= room ? rows : 0) : 1 + Math.floor((room / width - vocab) / stride)
  );
  const most = Math.min(rows, ...rowsBound);
  const byRow = most >= 1;
  const segmentsBound = byRow
    ? segments
    : Math.min(...matrices.map(({ width }) => Math.floor(room / (SEGMENT * width))));
  const segmentSpans = cut({ first: 0, end: segments }, Math.min(segmentsBound, MAX_WORKGROUPS));
  const fitting = Math.floor(Math.min(PARTIALS_BYTES, limits.bindingBytes) / (segments * partialBytes));
  const waveRows = Math.max(1, Math.min(MAX_WORKGROUPS, cachedRows, fitting));
  return cut({ first: 0, end: rows }, Math.max(1, most)).map((span) => ({
    rows: span,
    segments: segmentSpans,
    waves: cut(span, waveRows),
  }));
}

/** A part of a matrix as it is bound. */
export interface View {
  /** Where the binding begins and how long it is, in bytes of the matrix's rows of the chunk. */
  readonly offset: number;
  readonly bytes: number;
  /** The index that row 0 of the window has of class 0, from the binding's beginning: below 0 where class 0 is not bound. */
  readonly base: number;
}

/** The part of a matrix that a window binds; `firstRow` is the chunk's first row of what the buffer holds. */
export function viewOf(
  use: MatrixUse,
  vocab: number,
  rows: Span,
  segments: Span,
  firstRow: number,
  limits: Limits,
): View {
  const { stride, width, tensor: { columns } } = use;
  // Of classes that a matrix lacks something else is bound, which nobody looks at
  const firstClass = Math.min(segments.first * SEGMENT, columns - 1);
  const endClass = Math.min(vocab, columns, segments.end * SEGMENT);
  const row = (firstRow + rows.first) * stride, last = (firstRow + rows.end - 1) * stride;
  const begin = (row + firstClass) * width, end = (last + endClass) * width;
  const offset = Math.floor(begin / limits.alignment) * limits.alignment;
  return { offset, bytes: Math.ceil((end - offset) / 4) * 4, base: row - offset / width };
}
