/**
 * From a checked call to a job: where each tensor is for the kernel, and what must be copied.
 *
 * A tensor in wasm memory is used where it is. Of any other, one row that all share and what is small is staged once; the rest
 * a block of rows at a time, through slots that stay in cache and never exceed {@link STAGING_LIMIT_BYTES} together.
 *
 * @module
 */
import { dimensionNames, tensorNames } from "../arguments.ts";
import type { CheckedCall, Tensor } from "../operation.ts";
import type { Build, Kernels } from "./kernels.ts";
import { type Division, type Sizes } from "./division.ts";
import { give, isResident, take, wasmBuffer, wasmMemory } from "./memory.ts";
import { addressOf, copyRows, type Job, type Place } from "./thread.ts";

/** The most that staging may take, whatever the size of the input. */
export const STAGING_LIMIT_BYTES = 64 * 2 ** 20;

/** What is staged once although it has rows: vectors of a few numbers a row. */
const SMALL_ROW_BYTES = 64;
const SMALL_BYTES = 2 ** 20;

const DTYPE_CODES: Readonly<Record<Tensor["dtype"], number>> = { f32: 0, f16: 1, bf16: 2, f64: 0, i32: 0 };

/** A tensor of a call; an output that is also an input (in place) is one use. */
interface Use {
  readonly tensor: Tensor;
  readonly input: boolean;
  readonly output: boolean;
  readonly views: readonly number[];
}

/** A job and the memory that it holds. */
export interface Plan extends Disposable {
  /** The job as this thread runs it. */
  readonly job: Job;
  /** The job as other threads are told of it: without what only the caller copies. */
  readonly message: Job;
  /** Copies a block of rows into its slot of the ring, or back. */
  copy(block: number, inward: boolean): void;
  /** Copies back what was staged once. */
  finish(): void;
}

function uses(call: CheckedCall): Use[] {
  const inputs = call.operation.inputs.length;
  const found: Use[] = [];
  tensorNames(call.operation).forEach((name, index) => {
    const tensor = call.tensors[name];
    if (tensor === undefined) return;
    const input = index < inputs;
    const same = found.findIndex((use) => isSame(use.tensor, tensor));
    if (same < 0) found.push({ tensor, input, output: !input, views: [index] });
    else found[same] = { ...found[same], output: found[same].output || !input, views: [...found[same].views, index] };
  });
  return found;
}

function isSame(a: Tensor, b: Tensor): boolean {
  return a.data.buffer === b.data.buffer && a.data.byteOffset === b.data.byteOffset &&
    a.rowStride === b.rowStride && a.columns === b.columns && a.dtype === b.dtype;
}

function isOneRow({ rows, rowStride }: Tensor): boolean {
  return rows === 1 || rowStride === 0;
}

function rowBytes({ columns, data }: Tensor): number {
  return columns * data.BYTES_PER_ELEMENT;
}

function isSmall(tensor: Tensor): boolean {
  return rowBytes(tensor) <= SMALL_ROW_BYTES && rowBytes(tensor) * tensor.rows <= SMALL_BYTES;
}

/** Bytes from one staged row to the next: packed, but for what keeps rows on their machine words. */
function stagedStride({ columns, rowStride, data }: Tensor): number {
  const elements = 8 / data.BYTES_PER_ELEMENT;
  return (columns + (rowStride > columns ? (rowStride - columns) % elements : 0)) * data.BYTES_PER_ELEMENT;
}

/** What a division of the call's work follows from. */
export function sizesOf(call: CheckedCall): Sizes {
  const tensors = uses(call).map(({ tensor }) => tensor);
  const sum = (of: readonly Tensor[]) => of.reduce((total, tensor) => total + rowBytes(tensor), 0);
  const staged = tensors.filter((tensor) => !isResident(tensor.data) && !isOneRow(tensor) && !isSmall(tensor));
  const { rows, vocab } = call.dims;
  return { rows, vocab, rowBytes: sum(tensors), stagedRowBytes: sum(staged), limitBytes: STAGING_LIMIT_BYTES };
}

/** Bytes of staging that one row of the call takes at least. */
export function leastStaging(call: CheckedCall): number {
  const staged = uses(call).filter(({ tensor }) => !isResident(tensor.data));
  return staged.reduce((total, { tensor }) => total + stagedStride(tensor), 0);
}

/** Lays a call out in wasm memory, and copies in what is staged once. `others` is how many threads there are beside this. */
export function layOut(call: CheckedCall, { build, functions }: Kernels, division: Division, others: number): Plan {
  const { operation, dims, params } = call;
  const { parts, rowsPerBlock } = division;
  const all = uses(call);
  const isBlocked = ({ tensor }: Use) =>
    parts === 1 && !isResident(tensor.data) && !isOneRow(tensor) && !isSmall(tensor);
  const blocked = all.filter(isBlocked);
  const isShared = blocked.every(({ tensor }) => tensor.data.buffer instanceof SharedArrayBuffer);
  const slotBytes = (tensor: Tensor) => align(stagedStride(tensor) * rowsPerBlock + 8);
  const blockBytes = blocked.reduce((total, { tensor }) => total + slotBytes(tensor), 0);
  const slots = others === 0
    ? 1
    : Math.max(1, Math.min(isShared ? others + 1 : 2 * others + 1, Math.floor(STAGING_LIMIT_BYTES / blockBytes)));
  const ring = others === 0 || blocked.length === 0 || (isShared && slots === others + 1) ? 0 : slots;

  const spans: [address: number, bytes: number][] = [];
  const room = (bytes: number) => {
    const address = take(bytes);
    spans.push([address, bytes]);
    return address;
  };
  const release = () => spans.forEach(([address, bytes]) => give(address, bytes));
  try {
    const board = parts > 1 ? room(functions.boardBytes(dims.vocab) as number) : 0;
    if (board !== 0) new Uint8Array(wasmBuffer(), board, spans[0][1]).fill(0);
    const once: { readonly place: Place; readonly rows: number }[] = [];
    const places = all.map((use): Place => {
      const { tensor: { data, dtype, rows, rowStride }, tensor, input, output, views } = use;
      const pitch = rowStride * data.BYTES_PER_ELEMENT, stride = isOneRow(tensor) ? 0 : pitch;
      const resident = { views, dtype: DTYPE_CODES[dtype], address: data.byteOffset, stride, slotBytes: 0 };
      if (isResident(data)) return resident;
      const home = { buffer: data.buffer, offset: data.byteOffset, pitch, rowBytes: rowBytes(tensor), input, output };
      if (isBlocked(use)) {
        const bytes = slotBytes(tensor);
        return { ...resident, address: room(bytes * slots), stride: stagedStride(tensor), slotBytes: bytes, home };
      }
      const held = isOneRow(tensor) ? 1 : rows;
      const address = room(stagedStride(tensor) * held + 8) + data.byteOffset % 8;
      once.push({ place: { ...resident, address, stride: stagedStride(tensor), home }, rows: held });
      return { ...resident, address, stride: isOneRow(tensor) ? 0 : stagedStride(tensor) };
    });
    const numbers = dimensionNames(operation).map((name) => dims[name] ?? 0);
    const job: Job = {
      build,
      kernel: operation.name,
      places,
      viewCount: tensorNames(operation).length,
      numbers: [...numbers, ...operation.params.map((name) => params[name])],
      rowsIndex: dimensionNames(operation).indexOf("rows"),
      rows: dims.rows,
      rowsPerBlock,
      total: parts > 1 ? parts : Math.ceil(dims.rows / rowsPerBlock),
      parts,
      board,
      ring,
      progress: progress(ring, others > 0),
    };
    job.progress.available[0] = ring > 0 ? 0 : job.total;
    const copyOnce = (inward: boolean) => {
      for (const { place, rows } of once) {
        if (inward ? place.home?.input : place.home?.output) {
          copyRows(place, wasmMemory(), place.address, 0, rows, inward);
        }
      }
    };
    copyOnce(true);
    return {
      job,
      message: ring === 0 ? job : { ...job, places: places.map(withoutBuffer) },
      copy(block, inward) {
        const firstRow = block * rowsPerBlock, count = Math.min(rowsPerBlock, dims.rows - firstRow);
        for (const place of places) {
          if (!(inward ? place.home?.input : place.home?.output)) continue;
          copyRows(place, wasmMemory(), addressOf(place, firstRow, block % ring), firstRow, count, inward);
        }
      },
      finish: () => copyOnce(false),
      [Symbol.dispose]: release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

function withoutBuffer({ home, ...place }: Place): Place {
  return home === undefined ? place : { ...place, home: { ...home, buffer: undefined } };
}

/** Fresh counters: shared, if anybody is to share them. */
function progress(ring: number, isShared: boolean): Job["progress"] {
  const buffer = isShared ? new SharedArrayBuffer(16 + 4 * ring) : new ArrayBuffer(16 + 4 * ring);
  const word = (index: number, length = 1) => new Int32Array(buffer, 4 * index, length) as Job["progress"]["next"];
  return { next: word(0), available: word(1), done: word(2), failed: word(3), slots: word(4, ring) };
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
