/** What an operation's file in shaders/ says of it. */
import type { Dims } from "../operation.ts";

/** Classes of a segment, what a workgroup looks at. */
export const SEGMENT = 8192;

/** Segments of a row. */
export function segmentsOf(vocab: number): number {
  return Math.ceil(vocab / SEGMENT);
}

/**
 * A mergeable partial: the name of its WGSL struct, with `merge_Name` and `nothing_Name`, and its size.
 *
 * Sums of exponentials are against maxima. Those of a levelled partial are told by `levels_Name(partial) -> vec2` and changed
 * by `raise_Name(partial, levels)`: threads that are about to be merged agree on them first, so that none is rescaled twice.
 */
export interface PartialSpec {
  readonly name: string;
  /** Bytes of the struct in a storage buffer. */
  readonly bytes: number;
  /** Whether there are levels. */
  readonly isLevelled?: true;
}

/**
 * An operation in WGSL. `source` has, by these names, looks as many as `partials`:
 *
 * - `look1(row, segment, lane) -> Name`, a thread's share of the first look at a segment, and where there is a second one
 *   `look2(row, segment, lane, first) -> Name`, which knows what the first found of the whole row;
 * - `struct Row` and `settle(row, first[, second]) -> Row`, what follows for the row, computed by one thread;
 * - `finish(row, lane, state)`, which writes what is one number a row, run by a workgroup;
 * - if it has matrices for outputs `emit(row, at, inside, state)`, which writes four classes of them, those that are inside; all
 *   threads of a workgroup run it for a tile of classes at a time, and may wait there for one another.
 */
export interface Shader {
  /** WGSL that it shares with others, in order. */
  readonly uses: readonly string[];
  /** Its own. */
  readonly source: string;
  /** What each look at a segment leaves. */
  readonly partials: readonly PartialSpec[];
  /** 32-bit words that the last look leaves beside its partial, as `scratch`. */
  readonly scratchWords?: (dims: Dims) => number;
}
