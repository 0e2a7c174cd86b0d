/**
 * From a checked call to a job: where each tensor is for the kernel, and what must be copied.
 *
 * A tensor in wasm memory is used where it is. Of any other, one row that all share and what is small is staged once; the rest
 * a block of rows at a time, through slots that stay in cache and never exceed {@link STAGING_LIMIT_BYTES} together.
 *
 * @module
 */
import { dimensionNames, scalarNames, tensorNames } from "../arguments.ts";
import type { CheckedCall, Tensor } from "../operation.ts";
import { type Division, STAGING_LIMIT_BYTES } from "../cost/division.ts";
import type { Kernels } from "./kernels.ts";
import { give, isResident, take, wasmBuffer, wasmMemory } from "./memory.ts";
import { addressOf, copyRows, type Job, type Place, type Progress, type Word } from "./thread.ts";
import { isBlocked, isOneRow, rowBytes, stagedStride, type Use, uses } from "./uses.ts";

/** Codes of the element types (assembly/view.ts); vectors have one type each. */
const DTYPE_CODES: Readonly<Record<Tensor["dtype"], number>> = { f32: 0, f16: 1, bf16: 2, f64: 0, i32: 0 };

/** Bytes of a machine word, and of a cache line. */
const WORD = 8;
const LINE = 64;

/** A job, the memory that it holds until it is disposed of, and its copies. */
export class Plan implements Disposable {
  /** The job as this thread runs it. */
  readonly job: Job;
  /** The job as other threads are told of it: without what only the caller copies. */
  readonly message: Job;
  readonly #spans: (readonly [address: number, bytes: number])[] = [];
  readonly #once: { readonly place: Place; readonly rows: number }[] = [];

  /** Lays a call out, and copies in what is staged once. `others` is how many threads there are beside the caller's. */
  constructor(call: CheckedCall, { build, functions }: Kernels, { parts, rowsPerBlock }: Division, others: number) {
    const { operation, dims, params } = call;
    const all = uses(call), blocked = parts === 1 ? all.filter(isBlocked) : [];
    const { slots, ring } = slotsOf(blocked, rowsPerBlock, others);
    try {
      const boardBytes = parts > 1 ? functions.boardBytes(dims.vocab) as number : 0;
      const board = boardBytes > 0 ? this.#room(boardBytes) : 0;
      new Uint8Array(wasmBuffer(), board, boardBytes).fill(0);
      const places = all.map((use) =>
        blocked.includes(use) ? this.#placeBlocks(use, slotBytes(use, rowsPerBlock), slots) : this.#place(use)
      );
      const numbers = dimensionNames(operation).map((name) => dims[name] ?? 0);
      const total = parts > 1 ? parts : Math.ceil(dims.rows / rowsPerBlock);
      this.job = {
        build,
        kernel: operation.name,
        places,
        viewCount: tensorNames(operation).length,
        numbers: [...numbers, ...scalarNames(operation).map((name) => params[name])],
        rowsIndex: dimensionNames(operation).indexOf("rows"),
        rows: dims.rows,
        rowsPerBlock,
        total,
        parts,
        board,
        helpers: others,
        ring,
        progress: begin(ring, ring > 0 ? 0 : total, others > 0),
        memoryBytes: wasmMemory().buffer.byteLength,
      };
      this.message = ring === 0 ? this.job : { ...this.job, places: places.map(withoutBuffer) };
      this.#copyOnce(true);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Copies a block of rows into its slot of the ring, or back. */
  copy(block: number, inward: boolean): void {
    const { places, rows, rowsPerBlock, ring } = this.job;
    const firstRow = block * rowsPerBlock, count = Math.min(rowsPerBlock, rows - firstRow);
    for (const place of places) {
      if (!(inward ? place.home?.input : place.home?.output)) continue;
      copyRows(place, wasmMemory(), addressOf(place, firstRow, block % ring), firstRow, count, inward);
    }
  }

  /** Copies back what was staged once. */
  finish(): void {
    this.#copyOnce(false);
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const [address, bytes] of this.#spans.splice(0)) give(address, bytes);
  }

  #room(bytes: number): number {
    const address = take(bytes);
    this.#spans.push([address, bytes]);
    return address;
  }

  #copyOnce(inward: boolean): void {
    for (const { place, rows } of this.#once) {
      if (!(inward ? place.home?.input : place.home?.output)) continue;
      copyRows(place, wasmMemory(), place.address, 0, rows, inward);
    }
  }

  /** Where it lies, or a copy of all of it. */
  #place(use: Use): Place {
    const { tensor: { data, dtype, rows, columns, rowStride }, tensor, views, axis } = use;
    const isOne = isOneRow(tensor);
    const placed = (address: number, bytes: number): Place => {
      const stride = isOne ? 0 : bytes,
        step = axis === "rows" ? stride : axis === "columns" ? data.BYTES_PER_ELEMENT : 0;
      return { views, dtype: DTYPE_CODES[dtype], columns, slotBytes: 0, address, stride, step };
    };
    if (isResident(data)) return placed(data.byteOffset, rowStride * data.BYTES_PER_ELEMENT);
    const held = isOne ? 1 : rows, stride = stagedStride(tensor);
    const address = this.#room(stride * held + WORD) + data.byteOffset % WORD, place = placed(address, stride);
    this.#once.push({ place: { ...place, stride, home: homeOf(use) }, rows: held });
    return place;
  }

  /** Slots for blocks of its rows. */
  #placeBlocks(use: Use, slotBytes: number, slots: number): Place {
    const { tensor, views } = use;
    const address = this.#room(slotBytes * slots), stride = stagedStride(tensor);
    return {
      views,
      dtype: DTYPE_CODES[tensor.dtype],
      columns: tensor.columns,
      address,
      stride,
      step: stride,
      slotBytes,
      home: homeOf(use),
    };
  }
}

function homeOf({ tensor, input, output }: Use): Required<Place>["home"] {
  const { data, rowStride } = tensor;
  const pitch = rowStride * data.BYTES_PER_ELEMENT;
  return { buffer: data.buffer, offset: data.byteOffset, pitch, rowBytes: rowBytes(tensor), input, output };
}

function slotBytes({ tensor }: Use, rows: number): number {
  return Math.ceil((stagedStride(tensor) * rows + WORD) / LINE) * LINE;
}

/**
 * How many slots: one a thread where every thread copies for itself (they all see shared arrays), else a ring that the caller
 * fills while the others compute.
 */
function slotsOf(blocked: readonly Use[], rows: number, others: number): { slots: number; ring: number } {
  if (blocked.length === 0 || others === 0) return { slots: 1, ring: 0 };
  const most = Math.floor(STAGING_LIMIT_BYTES / blocked.reduce((sum, use) => sum + slotBytes(use, rows), 0));
  const isShared = blocked.every(({ tensor }) => tensor.data.buffer instanceof SharedArrayBuffer);
  if (isShared && others < most) return { slots: others + 1, ring: 0 };
  const ring = Math.max(1, Math.min(2 * others + 1, most));
  return { slots: ring, ring };
}

/** Fresh counters: in shared memory, if anybody is to share them. */
function begin(ring: number, available: number, isShared: boolean): Progress {
  const bytes = 16 + 4 * ring;
  const buffer = isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  const word = (index: number, length = 1) => new Int32Array(buffer, 4 * index, length) as Word;
  const progress = { next: word(0), available: word(1), done: word(2), failed: word(3), slots: word(4, ring) };
  progress.available[0] = available;
  return progress;
}

function withoutBuffer({ home, ...place }: Place): Place {
  return home === undefined ? place : { ...place, home: { ...home, buffer: undefined } };
}
