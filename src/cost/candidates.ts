/**
 * The ways to run a call, each with its prediction, and which is chosen.
 *
 * @module
 */
import type { BackendName, Traffic } from "../operation.ts";
import { type Cut, cutOf } from "./composed.ts";
import { bytesOf, type Demand, sumBytes, traffic } from "./demand.ts";
import { SEGMENT, STAGING_LIMIT_BYTES } from "./division.ts";
import type { Machine } from "./machine.ts";
import {
  divisionOf,
  isStaged,
  type Manner,
  type Prediction,
  predictReference,
  predictWasm,
  predictWebgpu,
  SMALL_ROW_BYTES,
} from "./predict.ts";
import { formatSeconds } from "./units.ts";

/** A way to run a call. */
export interface Candidate extends Prediction, Pick<Traffic, "bytesRead" | "bytesWritten"> {
  /** Who computes. */
  readonly backend: BackendName;
  /** On how many threads. */
  readonly threads: number;
  /** How the work is cut up. */
  readonly chunking: string;
  /** Bytes taken beyond the caller's: new outputs, and copies for the backend. */
  readonly peakBytes: number;
}

/** A gain below this share is not worth another thread, which costs what others may need, and may wake late. */
const WORTHWHILE = 0.15;

/** What a GPU holds at a time of a call that is copied there (src/webgpu/job.ts). */
const GPU_BYTES = 320 * 2 ** 20;

/** A way to run a call with WebAssembly. */
export function onWasm(demand: Demand, manner: Manner, machine: Machine): Candidate {
  const { threads, parts, rowsPerBlock } = divisionOf(demand, manner.threads), cut = cutOf(demand, "wasm");
  const chunking = cut
    ? describeCut(cut)
    : parts > 1
    ? `each row shared by ${parts} threads`
    : rowsPerBlock === demand.dims.rows
    ? "all rows at once"
    : `blocks of ${count(rowsPerBlock, "row")}`;
  const staged = demand.tensors.filter((tensor) => isStaged(tensor) && tensor.rowBytes > SMALL_ROW_BYTES);
  const blockBytes = staged.reduce((sum, { rowBytes }) => sum + rowBytes * rowsPerBlock, 0);
  const whole = staged.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  const slots = threads === 1 && manner.isSync ? 1 : 2 * threads + 1;
  return {
    backend: "wasm",
    threads,
    chunking,
    ...predictWasm(demand, manner, machine),
    ...moved(demand),
    peakBytes: newBytes(demand) + (cut ? cut.bytes : Math.min(whole, slots * blockBytes, STAGING_LIMIT_BYTES)),
  };
}

/**
 * The WebAssembly candidate that is chosen: with the threads that are asked for, else the fewest among those that are about as
 * fast as the fastest.
 */
export function bestOnWasm(
  demand: Demand,
  manner: Omit<Manner, "threads">,
  machine: Machine,
  wanted?: number,
): Candidate {
  if (wanted !== undefined) return onWasm(demand, { ...manner, threads: wanted }, machine);
  const alone = onWasm(demand, { ...manner, threads: 1 }, machine);
  if (alone.seconds <= machine.handOffSeconds) return alone; // over before another thread has begun
  const more = threadCounts(machine.cores).slice(1);
  const candidates = [alone, ...more.map((threads) => onWasm(demand, { ...manner, threads }, machine))];
  const least = Math.min(...candidates.map(({ seconds }) => seconds));
  return candidates.find(({ seconds }) => seconds <= (1 + WORTHWHILE) * least) ?? candidates[0];
}

/** A way to run a call on the GPU. */
export function onWebgpu(demand: Demand, machine: Machine): Candidate {
  const copied = sumBytes(demand, ({ place }) => place !== "gpu"), cut = cutOf(demand, "webgpu");
  return {
    backend: "webgpu",
    threads: 1,
    chunking: cut ? describeCut(cut) : `segments of ${SEGMENT} classes`,
    ...predictWebgpu(demand, machine),
    ...moved(demand),
    peakBytes: newBytes(demand) + (cut ? cut.bytes : Math.min(copied, GPU_BYTES)),
  };
}

/** A way to run a call with the reference. */
export function onReference(demand: Demand, machine: Machine): Candidate {
  return {
    backend: "reference",
    threads: 1,
    chunking: "a few rows at a time",
    ...predictReference(demand, machine),
    ...moved(demand),
    peakBytes: newBytes(demand) + doubleBytes(demand),
  };
}

/** One, two, four … and all cores. */
export function threadCounts(cores: number): number[] {
  const powers = Array.from({ length: Math.ceil(Math.log2(cores)) }, (_, i) => 2 ** i);
  return [...powers, cores];
}

/** Whether a call goes to a GPU that opens in so many seconds, and both predictions in half a sentence. */
export function compare(
  cpu: Candidate,
  gpu: Candidate,
  openSeconds: number,
): { readonly pays: boolean; readonly finding: string } {
  const threads = cpu.threads === 1 ? "" : ` on ${cpu.threads} threads`;
  const answer = `${formatSeconds(gpu.copySeconds)} of copies and ${formatSeconds(gpu.fixedSeconds)} until it answers`;
  const pays = gpu.seconds + openSeconds < cpu.seconds;
  return {
    pays,
    finding: pays
      ? `predicted ${formatSeconds(gpu.seconds)} with ${answer}, WebAssembly ${formatSeconds(cpu.seconds)}${threads}`
      : `predicted ${formatSeconds(cpu.seconds)}${threads}, a GPU ${formatSeconds(gpu.seconds)} with ${answer}`,
  };
}

function moved(demand: Demand): Pick<Traffic, "bytesRead" | "bytesWritten"> {
  const { bytesRead, bytesWritten } = traffic(demand);
  return { bytesRead, bytesWritten };
}

function describeCut({ tile: { rows, classes } }: Cut): string {
  return `tiles of ${count(rows, "row")} by ${count(classes, "class", "classes")}`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Bytes of what all rows share, as the reference has it in f64: inputs twice while they are multiplied, and sums. */
function doubleBytes({ tensors }: Demand): number {
  return tensors.filter(({ hasRows }) => !hasRows).reduce((sum, tensor) => {
    const elements = bytesOf(tensor) / (tensor.dtype.endsWith("16") ? 2 : 4);
    return sum + elements * Float64Array.BYTES_PER_ELEMENT * (tensor.isInput ? 2 : 1);
  }, 0);
}

function newBytes(demand: Demand): number {
  return sumBytes(demand, ({ isNew }) => isNew);
}
