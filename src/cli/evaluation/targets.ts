/** The tokens that came at the rows of a block, and the rows that their evaluation leaves out. */
import type { Block } from "./blocks.ts";

/** Targets of a block, or none. */
export interface Targets {
  /** A class for each row, 0 for rows that are left out; absent where there are no targets. */
  readonly classes?: Int32Array;
  /** Which of the block's rows count. */
  readonly kept: Int32Array;
}

/** The targets of a block's rows among those of all rows; those that are `ignoreIndex` leave their row out. */
export function targetsOf({ from, rows }: Block, all: Int32Array | undefined, ignoreIndex: number): Targets {
  const every = Int32Array.from({ length: rows }, (_, row) => row);
  if (all === undefined) return { kept: every };
  const targets = all.slice(from, from + rows);
  return {
    classes: targets.map((target) => target === ignoreIndex ? 0 : target),
    kept: every.filter((row) => targets[row] !== ignoreIndex),
  };
}

/** An array that has a number for each row. */
type Numbers<Self> = { readonly length: number; filter(test: (value: number, row: number) => boolean): Self };

/** The numbers of the rows that count. */
export function pick<A extends Numbers<A>>(numbers: A, { kept }: Targets): A {
  if (kept.length === numbers.length) return numbers;
  const counts = new Uint8Array(numbers.length);
  for (const row of kept) counts[row] = 1;
  return numbers.filter((_, row) => counts[row] === 1);
}

/** Which rows of the files the rows that count are. */
export function placesOf({ from }: Block, { kept }: Targets): Float64Array {
  return Float64Array.from(kept, (row) => from + row);
}
