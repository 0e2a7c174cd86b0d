/**
 * How a call is cut that is composed of products: into chunks of rows, each of which goes through all weights, a span of
 * classes at a time. Its tiles stay in cache; what its rows share moves anew for each chunk. Pure arithmetic.
 *
 * @module
 */
import { bytesOf, type Demand, type Held, matrixFlops } from "./demand.ts";
import { MOST_ROWS, productRows, READ_BYTES, ROOM_BYTES, type Tile, tileOf } from "./tiles.ts";

/** How a composed call is cut. */
export interface Cut {
  readonly tile: Tile;
  /** How many chunks of rows there are. */
  readonly chunks: number;
  /** How often each of them reads the weights. */
  readonly readings: number;
  /** Products of all tiles, each a call. */
  readonly products: number;
  /** Sweeps over all tiles, each a call. */
  readonly sweeps: number;
  /** Bytes of what is kept from one step to the next, and of what is copied for one. */
  readonly bytes: number;
}

/** How often a tensor is read and written. */
export interface Journeys {
  readonly reads: number;
  readonly writes: number;
}

/** How a call is cut, if it is composed. */
export function cutOf(demand: Demand, backend: "wasm" | "webgpu"): Cut | undefined {
  const { operation, dims, tensors, present } = demand;
  if (operation.compose === undefined) return undefined;
  const matrices = tensors.filter(({ shape }) => shape.length === 2 && shape[1] !== "vocab");
  const width = (of: readonly Held[]) => of.reduce((total, { shape }) => total + Number(dims[shape[1]]), 0);
  const states = matrices.filter(({ hasRows, isInput }) => hasRows && isInput);
  const sizes = { rows: dims.rows, vocab: dims.vocab, width: width(states), heads: states.length };
  const tile = tileOf({ ...sizes, limitBytes: ROOM_BYTES[backend], mostRows: MOST_ROWS[backend] });
  // What lies on the GPU is used where it lies
  const copied = matrices.filter(({ place }) => place !== "gpu"),
    moved = width(copied.filter(({ hasRows }) => hasRows));
  const { exps, matrixFlops: all = 0 } = operation.work(present, dims);
  const products = all / (operation.work(new Set(), dims).matrixFlops ?? all);
  const isSummed = tensors.some(({ isOutput, hasRows, shape }) => isOutput && !hasRows && shape.length === 2);
  const chunks = Math.ceil(dims.rows / tile.rows), tiles = chunks * Math.ceil(dims.vocab / tile.classes);
  const staged = copied.filter(({ hasRows, place }) => !hasRows && place !== "wasm");
  return {
    tile,
    chunks,
    readings: products - (isSummed ? 1 : 0),
    products: tiles * products,
    sweeps: tiles * exps,
    bytes: 4 * (tile.rows * (states.length * tile.classes + moved) + tile.classes * width(staged)),
  };
}

/** How often a tensor is read and written: once, but by each chunk of a composed call if its rows share it. */
export function journeysOf({ isInput, isOutput, hasRows }: Held, cut: Cut | undefined): Journeys {
  const reads = isInput ? 1 : 0, writes = isOutput ? 1 : 0;
  if (cut === undefined || hasRows) return { reads, writes };
  const { chunks, readings } = cut, again = Math.max(0, chunks - 1);
  return { reads: reads * chunks * readings + writes * again, writes: writes * chunks };
}

/**
 * How often a GPU is waited for: once, or in a composed call for what each chunk's rows come to, for its gradient by states
 * and for what is read of sums.
 */
export function answersOf({ tensors }: Demand, cut: Cut | undefined): number {
  if (cut === undefined) return 1;
  const read = tensors.filter(({ isOutput, place, shape }) => isOutput && place !== "gpu" && shape.length === 2);
  const sums = read.filter(({ hasRows }) => !hasRows), rows = read.length - sums.length;
  const bytes = sums.reduce((total, tensor) => total + bytesOf(tensor) * journeysOf(tensor, cut).writes, 0);
  return Math.max(1, cut.chunks * (1 + rows) + Math.ceil(bytes / READ_BYTES));
}

/** Operations of a call's products as WebAssembly computes them: rows by tiles, weights packed for each chunk. */
export function paddedMatrixFlops(demand: Demand): number {
  const { rows, outer = 1 } = demand.dims, flops = matrixFlops(demand), cut = cutOf(demand, "wasm");
  if (cut === undefined) return flops * productRows(outer) / outer;
  if (rows === 0) return 0;
  const { chunks, tile } = cut, last = rows - (chunks - 1) * tile.rows;
  return flops * ((chunks - 1) * productRows(tile.rows) + productRows(last)) / rows;
}
