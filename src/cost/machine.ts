/**
 * A machine as the planner sees it: a few rates, in seconds and bytes. What is not measured yet are round figures.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";
import type { BackendName } from "../operation.ts";

/** What a kernel takes: per row and class, and beyond that per row. */
export interface Rate {
  /** Seconds of one thread per row and class, from cache. */
  readonly secondsPerCell: number;
  /** Seconds of one thread per row. */
  readonly secondsPerRow: number;
}

/** What arithmetic takes in matrix products, and where the kernel itself was not measured. */
export interface Arithmetic {
  /** Seconds of an exponential. */
  readonly secondsPerExp: number;
  /** Seconds of any other operation of a record's `flops`. */
  readonly secondsPerFlop: number;
  /** Seconds of an operation of a matrix product. */
  readonly secondsPerMatrixFlop: number;
}

/** Rates of a GPU and of the way there. */
export interface GpuRates {
  /** What it is called; "" where it was not measured. */
  readonly name: string;
  /** Whether it is a CPU in disguise. */
  readonly isFallback: boolean;
  /** Bytes a second from arrays to its buffers. */
  readonly uploadBytesPerSecond: number;
  /** Bytes a second from its buffers to arrays. */
  readonly downloadBytesPerSecond: number;
  /** Bytes a second of its memory. */
  readonly memoryBytesPerSecond: number;
  /** Seconds of a call however small: until it is heard of. */
  readonly answerSeconds: number;
  /** Seconds to find it and to compile the first program. */
  readonly openSeconds: number;
}

/** Rates of a machine, for the planner. It holds numbers and texts only: `JSON.stringify` saves it. */
export interface Machine {
  /** Whether it was measured, by {@linkcode calibrate}. */
  readonly isMeasured: boolean;
  /** Processors that threads run on at once. */
  readonly cores: number;
  /** How many times as fast all of them compute as one. */
  readonly speedup: number;
  /** Seconds of a call however small, on the caller's thread. */
  readonly callSeconds: number;
  /** Seconds until other threads have begun, and until they are heard of. */
  readonly handOffSeconds: number;
  /** How many times as long a row takes that threads share as their shares of it would: they wait for the last to wake. */
  readonly meetingFactor: number;
  /** Bytes a second that one thread reads from memory. */
  readonly readBytesPerSecond: number;
  /** Bytes a second that all threads read from memory together. */
  readonly readBytesPerSecondOfAll: number;
  /** Bytes a second from an array to another one. */
  readonly copyBytesPerSecond: number;
  /** Bytes a second to an array that is new, whose pages are touched for the first time. */
  readonly newBytesPerSecond: number;
  /** How many times as long the plain SIMD build takes as the one that was measured. */
  readonly plainFactor: number;
  /** Rates of kernels by backend, operation, outputs and dtypes, such as `wasm` and "crossEntropy+gradient f16 f32". */
  readonly kernels: Readonly<Record<BackendName, Readonly<Record<string, Rate>>>>;
  /** Rates of arithmetic by backend, for what is composed of products and for kernels that were not measured. */
  readonly arithmetic: Readonly<Record<BackendName, Arithmetic>>;
  /** The GPU. */
  readonly gpu: GpuRates;
}

/** Round figures: of a server's core of 2023, of a GPU between a laptop's and a data centre's. */
export const UNMEASURED: Machine = {
  isMeasured: false,
  cores: globalThis.navigator?.hardwareConcurrency ?? 1,
  speedup: 0.95 * (globalThis.navigator?.hardwareConcurrency ?? 1) + 0.05,
  callSeconds: 15e-6,
  handOffSeconds: 200e-6,
  meetingFactor: 1.2,
  readBytesPerSecond: 10e9,
  readBytesPerSecondOfAll: 30e9,
  copyBytesPerSecond: 10e9,
  newBytesPerSecond: 2e9,
  plainFactor: 2,
  kernels: { wasm: {}, webgpu: {}, reference: {} },
  arithmetic: {
    wasm: { secondsPerExp: 0.35e-9, secondsPerFlop: 0.06e-9, secondsPerMatrixFlop: 0.03e-9 },
    webgpu: { secondsPerExp: 10e-12, secondsPerFlop: 0.5e-12, secondsPerMatrixFlop: 0.3e-12 },
    reference: { secondsPerExp: 12e-9, secondsPerFlop: 2e-9, secondsPerMatrixFlop: 5e-9 },
  },
  gpu: {
    name: "",
    isFallback: false,
    uploadBytesPerSecond: 4e9,
    downloadBytesPerSecond: 3e9,
    memoryBytesPerSecond: 500e9,
    answerSeconds: 11e-3,
    openSeconds: 0.3,
  },
};

let current = UNMEASURED;

/**
 * The machine that `backend: "auto"` and the number of threads go by: what was calibrated or set last, or round figures.
 *
 * @returns Its rates.
 * @throws {never} Nothing.
 *
 * @example
 * ```ts
 * import { machine } from "@surprisal/core/cost";
 * import { assert } from "@std/assert";
 *
 * assert(machine().cores >= 1);
 * ```
 */
export function machine(): Machine {
  return current;
}

/**
 * Sets the machine that `backend: "auto"` and the number of threads go by, such as one that was saved.
 *
 * @param value A machine, as `JSON.parse` of a saved one gives it; `undefined` for round figures.
 * @returns The same.
 * @throws {TypeError} If a number is missing or not one, or a name is unknown.
 * @throws {RangeError} If a number is not finite or out of range.
 *
 * @example Measure once, and not at every start
 * ```ts
 * import { machine, useMachine } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const saved = JSON.stringify(machine());
 * assertEquals(useMachine(JSON.parse(saved)), machine());
 * ```
 */
export function useMachine(value: Machine | undefined): Machine {
  return current = value === undefined
    ? UNMEASURED
    : structuredClone(checkMachine(new ValueChecker("use machine"), value));
}

/** A machine whose every number is there and makes sense. */
export function checkMachine(check: ValueChecker, value: unknown): Machine {
  like(check, "machine", value, UNMEASURED);
  return value as Machine;
}

const RATE: Rate = { secondsPerCell: 0, secondsPerRow: 0 };

/** Checks that a value has the properties of a pattern, with numbers that are at least 0, and above where they divide. */
function like(check: ValueChecker, name: string, value: unknown, pattern: unknown): void {
  if (typeof pattern === "number") {
    const divides = /PerSecond|speedup|cores/.test(name);
    check.number(name, value, divides ? { above: 0 } : { least: 0 });
  } else if (typeof pattern === "string" || typeof pattern === "boolean") {
    if (typeof value !== typeof pattern) throw check.typeError(`${name} is not a ${typeof pattern}`);
  } else {
    const entries = Object.entries(pattern as object);
    const names = /kernels\.\w+$/.test(name) ? undefined : entries.map(([key]) => key);
    if (names === undefined && typeof value === "object" && value !== null) {
      for (const [key, rate] of Object.entries(value)) like(check, `${name}["${key}"]`, rate, RATE);
    } else {
      const given = check.bag<Record<string, unknown>>(value, names ?? [], `${name} is`, `property of ${name}`);
      for (const [key, part] of entries) like(check, `${name}.${key}`, given[key], part);
    }
  }
}
