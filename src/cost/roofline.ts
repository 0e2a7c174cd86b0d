/**
 * What bounds a piece of work on a device, by the roofline model (Williams, Waterman and Patterson, "Roofline", 2009,
 * doi:10.1145/1498765.1498785) with a roof for exponentials and with what comes before and after.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";
import type { DType, Traffic } from "../operation.ts";
import type { Device } from "./devices.ts";

/** What a device is to do. */
export interface DeviceWork extends Traffic {
  /** Floating-point operations of matrix products, which are not among `flops`; 0 unless given. */
  readonly matrixFlops?: number;
  /** Type of the factors of those products; f32 unless given. */
  readonly dtype?: DType;
  /** Kernels started one after the other; 1 unless given. */
  readonly launches?: number;
  /** How often the host waits for a result; 0 unless given. */
  readonly readBacks?: number;
  /** Bytes over the link to the host, there and back; 0 unless given. */
  readonly bytesCopied?: number;
}

/** What can bound a piece of work; `floor` is what launches and read-backs take even without any. */
export type Bound = "memory" | "matrix" | "vector" | "exp" | "copy" | "floor";

/** How long a piece of work takes at least, and why. */
export interface Roofline {
  /** The longest of memory, matrix, vector and exponentials, which overlap, plus copies plus floor, which do not. */
  readonly seconds: number;
  /** Bytes read and written at the memory's rate. */
  readonly memorySeconds: number;
  /** Matrix products at their rate for the dtype. */
  readonly matrixSeconds: number;
  /** Other floating-point operations at the vector rate. */
  readonly vectorSeconds: number;
  /** Exponentials at their rate. */
  readonly expSeconds: number;
  /** Bytes copied at the rate of the link to the host. */
  readonly copySeconds: number;
  /** Launches and read-backs. */
  readonly floorSeconds: number;
  /** What takes longest; of equals the first in the order of {@linkcode Bound}. */
  readonly bound: Bound;
  /** How many times as long as the next longest it takes; Infinity where nothing else takes any time. */
  readonly factor: number;
  /**
   * Operations per byte of memory traffic: matrix products, other arithmetic and exponentials, each exponential as one.
   * Infinity without bytes, 0 without either.
   */
  readonly intensity: number;
}

const BOUNDS: readonly Bound[] = ["memory", "matrix", "vector", "exp", "copy", "floor"];

const DTYPES: readonly DType[] = ["f32", "f16", "bf16"];

const AMOUNTS = ["bytesRead", "bytesWritten", "exps", "flops", "matrixFlops", "bytesCopied"] as const;

const COUNTS = ["launches", "readBacks"] as const;

const POSITIVE = [
  "memoryBytesPerSecond",
  "memoryBytes",
  "cacheBytes",
  "vectorFlopsPerSecond",
  "expsPerSecond",
  "hostBytesPerSecond",
] as const;

const WAITS = ["launchSeconds", "readBackSeconds"] as const;

/**
 * The least time that a device needs for a piece of work, part by part.
 *
 * seconds = max(bytes / memory rate, matrix flops / matrix rate, flops / vector rate, exps / exp rate) + bytes copied /
 * host rate + launches · launch time + read-backs · read-back time. The parts of the maximum are taken to happen at the
 * same time; on a CPU, where exponentials are vector arithmetic, its last two may add. No work takes the floor alone.
 *
 * @param work Amounts from 0 on; they need not be whole, as expectations are not, but launches and read-backs do.
 * @param device One of {@linkcode DEVICES}, or one of your own.
 * @returns Seconds, what bounds them, and by how much.
 * @throws {TypeError} If an amount or a figure of the device is missing or not a number, or a name is unknown.
 * @throws {RangeError} If one is negative, not finite or beyond f32, a count fractional, a rate 0, the dtype unknown.
 *
 * @example Cross-entropy of 1,024 rows of GPT-2's vocabulary, from f32 logits
 * ```ts
 * import { device, roofline } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = 1024 * 50_257;
 * const work = { bytesRead: 4 * logits, bytesWritten: 4 * 1024, exps: logits, flops: 3 * logits };
 * const { bound, memorySeconds, expSeconds } = roofline(work, device("a100-80gb"));
 * assertEquals([bound, Math.round(memorySeconds * 1e6), Math.round(expSeconds * 1e6)], ["memory", 101, 21]);
 * ```
 */
export function roofline(work: DeviceWork, device: Device): Roofline {
  const check = new ValueChecker("compute roofline");
  const amounts = checkWork(check, work);
  checkDevice(check, device);
  const bytes = amounts.bytesRead + amounts.bytesWritten;
  const operations = amounts.matrixFlops + amounts.flops + amounts.exps;
  const parts: Readonly<Record<Bound, number>> = {
    memory: bytes / device.memoryBytesPerSecond,
    matrix: amounts.matrixFlops / device.matrixFlopsPerSecond[amounts.dtype],
    vector: amounts.flops / device.vectorFlopsPerSecond,
    exp: amounts.exps / device.expsPerSecond,
    copy: amounts.bytesCopied / device.hostBytesPerSecond,
    floor: amounts.launches * device.launchSeconds + amounts.readBacks * device.readBackSeconds,
  };
  const [bound, next] = BOUNDS.toSorted((a, b) => parts[b] - parts[a]);
  return {
    seconds: Math.max(parts.memory, parts.matrix, parts.vector, parts.exp) + parts.copy + parts.floor,
    memorySeconds: parts.memory,
    matrixSeconds: parts.matrix,
    vectorSeconds: parts.vector,
    expSeconds: parts.exp,
    copySeconds: parts.copy,
    floorSeconds: parts.floor,
    bound,
    factor: parts[next] === 0 ? Infinity : parts[bound] / parts[next],
    intensity: operations === 0 ? 0 : operations / bytes,
  };
}

/**
 * The intensity at which matrix products take as long as memory: matrix rate / memory rate. Products of fewer
 * operations per byte are bound by memory.
 *
 * @param device One of {@linkcode DEVICES}, or one of your own.
 * @param dtype Type of the factors; f32 unless given.
 * @returns Floating-point operations per byte.
 * @throws {TypeError} If a figure of the device is missing or not a number, or a name is unknown.
 * @throws {RangeError} If one is out of range, or the dtype is unknown.
 *
 * @example
 * ```ts
 * import { device, ridge } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Math.round(ridge(device("a100-40gb"), "bf16")), 201);
 * ```
 */
export function ridge(device: Device, dtype?: DType): number {
  const check = new ValueChecker("compute ridge");
  checkDevice(check, device);
  return device.matrixFlopsPerSecond[check.choice("dtype", dtype, DTYPES, "f32")] / device.memoryBytesPerSecond;
}

function checkWork(check: ValueChecker, value: unknown): Required<DeviceWork> {
  const work = check.bag<DeviceWork>(value, [...AMOUNTS, ...COUNTS, "dtype"], "work is", "amount");
  const amount = (name: typeof AMOUNTS[number], fallback?: number) =>
    check.number(name, work[name], { fallback, least: 0 });
  const count = (name: typeof COUNTS[number], fallback: number) =>
    check.number(name, work[name], { fallback, least: 0, integer: true });
  return {
    bytesRead: amount("bytesRead"),
    bytesWritten: amount("bytesWritten"),
    exps: amount("exps"),
    flops: amount("flops"),
    matrixFlops: amount("matrixFlops", 0),
    bytesCopied: amount("bytesCopied", 0),
    dtype: check.choice("dtype", work.dtype, DTYPES, "f32"),
    launches: count("launches", 1),
    readBacks: count("readBacks", 0),
  };
}

function checkDevice(check: ValueChecker, value: unknown): void {
  const known = ["name", "kind", "sources", "matrixFlopsPerSecond", ...POSITIVE, ...WAITS];
  const device = check.bag<Device>(value, known, "device is", "device figure");
  for (const name of POSITIVE) check.number(name, device[name], { above: 0 });
  for (const name of WAITS) check.number(name, device[name], { least: 0 });
  const rates = check.bag<Device["matrixFlopsPerSecond"]>(
    device.matrixFlopsPerSecond,
    DTYPES,
    "matrixFlopsPerSecond is",
    "matrix rate",
  );
  for (const dtype of DTYPES) check.number(`matrixFlopsPerSecond.${dtype}`, rates[dtype], { above: 0 });
}
