/**
 * How long a call takes on each backend, by arithmetic: rates of the machine times sizes of the call.
 *
 * On a CPU, t threads: the kernel's arithmetic divided by how much faster t threads are, or the bytes over what t threads
 * read from memory, whichever is more; and what must be copied: by the caller, meanwhile if the threads leave it a core, or
 * by the threads themselves where they see it. On a GPU: the copies there and back, the larger of arithmetic and memory,
 * and what it takes to be told. A composed call is a call and all its steps, whose weights move for each chunk of rows.
 *
 * @module
 */
import type { BackendName, Dims } from "../operation.ts";
import { answersOf, type Cut, cutOf, type Journeys, journeysOf, paddedMatrixFlops } from "./composed.ts";
import { bytesOf, type Demand, type Held, matrixFlops, optionalOutputs, traffic } from "./demand.ts";
import { divide, type Division, SEGMENT, STAGING_LIMIT_BYTES } from "./division.ts";
import type { Machine, Rate } from "./machine.ts";

/** Work that is not worth leaving the caller's thread for, in seconds. */
export const INLINE_SECONDS = 1e-3;

/** A row that is staged once with all others, not a block at a time. */
export const SMALL_ROW_BYTES = 64;

/** The share of the lesser of arithmetic and memory that the other does not hide, as seen on one thread. */
const EXPOSED = 0.3;

/**
 * A new array up to this size as a rule has the memory of one that is gone, and is cleared as fast as it is written; a larger
 * one asks the system for its pages (the most that M_MMAP_THRESHOLD comes to by itself, mallopt(3)).
 */
const RECYCLED_BYTES = 32 * 2 ** 20;

/** Parts of a prediction, in seconds. */
export interface Prediction {
  /** All of it. */
  readonly seconds: number;
  /** The kernel's arithmetic, on as many threads as compute. */
  readonly computeSeconds: number;
  /** What moving its bytes through memory takes at least; hidden behind the arithmetic or the other way round. */
  readonly memorySeconds: number;
  /** Copies to where the kernel reads and from where it writes. */
  readonly copySeconds: number;
  /** What does not depend on the sizes. */
  readonly fixedSeconds: number;
}

/** How a call is run on the CPU. */
export interface Manner {
  /** Threads that compute. */
  readonly threads: number;
  /** Whether it is the plain SIMD build. */
  readonly isPlain: boolean;
  /** Whether it is a call without a promise, whose caller computes too. */
  readonly isSync: boolean;
}

/** WebAssembly. */
export function predictWasm(demand: Demand, { threads, isPlain, isSync }: Manner, machine: Machine): Prediction {
  const { cores, callSeconds, handOffSeconds } = machine, cut = cutOf(demand, "wasm");
  const division = divisionOf(demand, threads), { parts } = division;
  const alone = (isPlain ? machine.plainFactor : 1) * kernelSeconds("wasm", demand, machine);
  const slowdown = unevenness(dividedDims(demand, cut), division) * (parts > 1 ? machine.meetingFactor : 1);
  const computeSeconds = alone / faster(machine, division.threads) * slowdown;
  const memorySeconds = movedBytes(demand, cut) / readRate(machine, division.threads);
  const copySeconds = copies(demand, cut, machine);
  const { products, sweeps } = cut ?? { products: 1, sweeps: 0 };
  const isHere = division.threads === 1 && (isSync || alone < INLINE_SECONDS * products);
  const busy = together(computeSeconds, memorySeconds);
  // A row that is shared by threads is staged before they begin, and so is a factor that a product sums over; and a
  // caller without a core copies in the threads' time
  const isOverlapped = !isHere && parts === 1 && (isSync || division.threads < cores) && (cut?.readings ?? 1) === 1;
  const variable = isShared(demand)
    ? busy + copySeconds / faster(machine, division.threads)
    : isOverlapped
    ? Math.max(busy, copySeconds)
    : busy + copySeconds;
  // A sweep is handed over where threads share its rows
  const isSweepShared = Math.min(division.threads, cut?.tile.rows ?? 1) > 1;
  const handOffs = isHere ? 0 : products + (isSweepShared ? sweeps : 0);
  const fixedSeconds = handOffs * handOffSeconds + (products + sweeps + (cut ? 1 : 0)) * callSeconds;
  return { seconds: variable + fixedSeconds, computeSeconds, memorySeconds, copySeconds, fixedSeconds };
}

/** The reference. */
export function predictReference(demand: Demand, machine: Machine): Prediction {
  const computeSeconds = kernelSeconds("reference", demand, machine), fixedSeconds = machine.callSeconds;
  return { seconds: computeSeconds + fixedSeconds, computeSeconds, memorySeconds: 0, copySeconds: 0, fixedSeconds };
}

/** A GPU that is open. */
export function predictWebgpu(demand: Demand, machine: Machine): Prediction {
  const { gpu } = machine, cut = cutOf(demand, "webgpu");
  const computeSeconds = kernelSeconds("webgpu", demand, machine);
  const memorySeconds = movedBytes(demand, cut) / gpu.memoryBytesPerSecond;
  const copySeconds = demand.tensors.reduce((sum, tensor) => {
    if (tensor.place === "gpu") return sum;
    const { reads, writes } = journeysOf(tensor, cut), bytes = bytesOf(tensor);
    const there = bytes * reads / gpu.uploadBytesPerSecond, back = bytes * writes / gpu.downloadBytesPerSecond;
    return sum + there + back + (tensor.isNew ? writing(tensor, machine) : 0);
  }, 0);
  const fixedSeconds = gpu.answerSeconds * answersOf(demand, cut);
  const seconds = together(computeSeconds, memorySeconds) + copySeconds + fixedSeconds;
  return { seconds, computeSeconds, memorySeconds, copySeconds, fixedSeconds };
}

/** Arithmetic and memory at the same time, but for what one cannot hide of the other. */
function together(computeSeconds: number, memorySeconds: number): number {
  return Math.max(computeSeconds, memorySeconds) + EXPOSED * Math.min(computeSeconds, memorySeconds);
}

/** How WebAssembly shares a call out among so many threads: of a composed one, a tile of its logits. */
export function divisionOf(demand: Demand, threads: number): Division {
  const cut = cutOf(demand, "wasm");
  const rowBytes = (of: readonly Held[]) => of.reduce((sum, tensor) => sum + tensor.rowBytes, 0);
  const divided = demand.tensors.filter(({ hasRows, shape }) => cut ? !hasRows && shape.length === 2 : hasRows);
  const stagedRowBytes = rowBytes(divided.filter(isStaged)), { rows, vocab } = dividedDims(demand, cut);
  return divide(
    { rows, vocab, rowBytes: rowBytes(divided), stagedRowBytes, limitBytes: STAGING_LIMIT_BYTES },
    threads,
  );
}

/** What threads share: rows, or the classes of a tile, which are the rows of the product that makes it. */
function dividedDims({ dims }: Demand, cut: Cut | undefined): Dims {
  return cut ? { rows: cut.tile.classes, vocab: 1 } : dims;
}

/** Whether WebAssembly computes on a copy of a tensor. */
export function isStaged({ place }: Held): boolean {
  return place !== "wasm" && place !== "gpu";
}

/** Whether all that is staged a block at a time lies where every thread sees it. */
function isShared({ tensors }: Demand): boolean {
  const blocked = tensors.filter((tensor) => isStaged(tensor) && tensor.rowBytes > SMALL_ROW_BYTES);
  return blocked.length > 0 && blocked.every(({ place }) => place === "shared");
}

/** The name of a kernel's rate: the operation, its outputs that may be left out, how it reads and how it writes. */
export function kernelName(demand: Demand, outputs: readonly string[]): string {
  const read = demand.tensors[0].dtype;
  const written = demand.tensors.find(({ isOutput, rowBytes }) => isOutput && rowBytes > 8);
  const isMatrix = written !== undefined && ["f32", "f16", "bf16"].includes(written.dtype);
  return [[demand.operation.name, ...outputs].join("+"), read, ...(isMatrix ? [written.dtype] : [])].join(" ");
}

/** Seconds of one thread, or of a GPU, from the rate that was measured, or from the record's arithmetic. */
function kernelSeconds(backend: BackendName, demand: Demand, machine: Machine): number {
  const { rows, vocab } = demand.dims;
  const rate = rateOf(backend, demand, machine);
  if (rate !== undefined) return rows * (rate.secondsPerRow + vocab * rate.secondsPerCell);
  const { exps, flops } = traffic(demand), rates = machine.arithmetic[backend];
  const products = backend === "wasm" ? paddedMatrixFlops(demand) : matrixFlops(demand);
  return exps * rates.secondsPerExp + flops * rates.secondsPerFlop + products * rates.secondsPerMatrixFlop;
}

/** The measured rate of a call's kernel: without optional outputs, or with all, as one takes about as long as two. */
function rateOf(backend: BackendName, demand: Demand, { kernels }: Machine): Rate | undefined {
  const optional = optionalOutputs(demand.operation), hasSome = optional.some((name) => demand.present.has(name));
  const known = kernels[backend], name = kernelName(demand, hasSome ? optional : []);
  // That of f32 where the dtypes were not measured
  return known[name] ?? known[name.replaceAll(/ b?f(16|32)/g, " f32")];
}

/** How much longer the thread with most work takes than an equal share would. */
function unevenness({ rows, vocab }: Dims, { threads, parts, rowsPerBlock }: Division): number {
  const [all, piece] = parts > 1 ? [vocab, SEGMENT] : [rows, rowsPerBlock];
  if (all === 0) return 1;
  const pieces = Math.ceil(all / piece), last = all - (pieces - 1) * piece;
  // The last piece is shorter, and is missed where one thread alone has a piece more than the others
  const most = (Math.ceil(pieces / threads) - 1) * piece + (pieces % threads === 1 || threads === 1 ? last : piece);
  return most * threads / all;
}

/** How many times as fast so many threads compute as one. */
function faster({ cores, speedup }: Machine, threads: number): number {
  return cores === 1 ? 1 : 1 + (Math.min(threads, cores) - 1) * (speedup - 1) / (cores - 1);
}

/** Bytes a second that so many threads read. */
function readRate({ readBytesPerSecond: one, readBytesPerSecondOfAll: all }: Machine, threads: number): number {
  return Math.max(one, Math.min(threads * one, all));
}

/** Bytes through memory: what is written is read before. */
function movedBytes({ tensors }: Demand, cut: Cut | undefined): number {
  const moved = ({ reads, writes }: Journeys) => Math.max(reads, writes) + writes;
  return tensors.reduce((sum, tensor) => sum + bytesOf(tensor) * moved(journeysOf(tensor, cut)), 0);
}

/** Seconds to stage what must be, and to copy it back. */
function copies({ tensors }: Demand, cut: Cut | undefined, machine: Machine): number {
  return tensors.filter(isStaged).reduce((sum, tensor) => {
    const { reads, writes } = journeysOf(tensor, cut), bytes = bytesOf(tensor);
    const again = Math.max(0, writes - 1), first = writes > 0 ? writing(tensor, machine) : 0;
    return sum + bytes * (reads + again) / machine.copyBytesPerSecond + first;
  }, 0);
}

/** Seconds to write a tensor to its array. */
function writing(tensor: Held, { copyBytesPerSecond, newBytesPerSecond }: Machine): number {
  const bytes = bytesOf(tensor);
  if (!tensor.isNew) return bytes / copyBytesPerSecond;
  return bytes / (bytes > RECYCLED_BYTES ? newBytesPerSecond : copyBytesPerSecond / 2);
}
