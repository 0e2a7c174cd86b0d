/** Rows of files, block by block: while one is computed the next is read. */
import { allocate, type Matrix } from "../../../mod.ts";
import { FileError } from "../command.ts";
import { reading, type Source } from "./source.ts";

/** Rows of every file. */
export interface Block {
  /** Which row of the files is the first. */
  readonly from: number;
  /** How many there are. */
  readonly rows: number;
  /** The logits of each file: the first columns, as many of each. */
  readonly logits: readonly Matrix[];
  /** Where the logits of the first file lie equally far apart in each row, how far. */
  readonly spacings?: Float32Array;
}

/** How to go through rows. */
export interface Passage {
  /** The first row, from 0. */
  readonly from: number;
  /** The row after the last. */
  readonly to: number;
  /** Rows of a block. */
  readonly block: number;
  /** Columns of each row that are looked at, from the first. */
  readonly columns: number;
}

/**
 * Does some work for each block in order, until it returns that it wants no more.
 *
 * @returns The row after the last that was worked on.
 * @throws {FileError} If a file cannot be read, or ends early.
 */
export async function forBlocks(
  sources: readonly Source[],
  { from, to, block, columns }: Passage,
  work: (block: Block) => Promise<boolean>,
): Promise<number> {
  using stack = new DisposableStack();
  const room = Math.min(block, to - from);
  const newMatrices = () => sources.map(({ reader }) => stack.use(allocate([room, reader.columns], reader.dtype)));
  const load = (into: readonly Matrix[], at: number) => loadBlock(sources, into, at, Math.min(block, to - at), columns);
  await Promise.all(sources.map(({ reader, name }) => reading(name, () => reader.skip(from))));

  let here = newMatrices(), there = to - from > block ? newMatrices() : here;
  let ahead: Promise<Block> | undefined = from < to ? load(here, from) : undefined, at = from;
  try {
    while (ahead !== undefined) {
      const current: Block = await ahead;
      at = current.from + current.rows;
      ahead = at < to ? load(there, at) : undefined;
      [here, there] = [there, here];
      if (await work(current) === false) break;
    }
    return at;
  } finally {
    // What is still being read into must not be given back
    await Promise.allSettled([ahead]);
  }
}

async function loadBlock(
  sources: readonly Source[],
  matrices: readonly Matrix[],
  from: number,
  rows: number,
  columns: number,
): Promise<Block> {
  const wholes = matrices.map((matrix) => firstRows(matrix, rows));
  await Promise.all(sources.map(async ({ reader, name }, i) => {
    const read = await reading(name, () => reader.read(wholes[i]));
    if (read < rows) throw new FileError(`Cannot read '${name}': it ends before row ${from + rows - 1}`);
  }));
  const logits = wholes.map(({ data, dtype, shape: [, width] }): Matrix => (
    { data, dtype, shape: [rows, columns], rowStride: width }
  ));
  return { from, rows, logits, spacings: sources[0].reader.spacings?.slice(0, rows) };
}

function firstRows({ data, dtype, shape: [, columns] }: Matrix, rows: number): Matrix {
  return { data: data.subarray(0, rows * columns), dtype, shape: [rows, columns] };
}
