/** Time on the GPU's own clock, where the device has one: a pair of timestamps a pass. */
import { RESOLVE } from "./pool.ts";

/** Passes that can be timed at once: those that two calls of many steps may have waiting. */
const PAIRS = 512;

/** Bytes between the places of two resolved pairs, which WebGPU prescribes. */
const SLOT_BYTES = 256;

/** Timestamps of passes. */
export class Stopwatch {
  readonly #queries?: GPUQuerySet;
  readonly #resolved?: GPUBuffer;
  readonly #free: number[] = [];

  constructor(device: GPUDevice) {
    if (!device.features.has("timestamp-query")) return;
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * PAIRS });
    this.#resolved = device.createBuffer({ size: PAIRS * SLOT_BYTES, usage: RESOLVE });
    this.#free.push(...Array(PAIRS).keys());
  }

  /** A pair of timestamps, if the device has a clock and one is free. */
  take(): Timing | undefined {
    const queries = this.#queries, buffer = this.#resolved, pair = queries && this.#free.pop();
    if (queries === undefined || buffer === undefined || pair === undefined) return undefined;
    return {
      writes: { querySet: queries, beginningOfPassWriteIndex: 2 * pair, endOfPassWriteIndex: 2 * pair + 1 },
      source: { buffer, offset: pair * SLOT_BYTES, bytes: 16 },
      resolve: (encoder) => encoder.resolveQuerySet(queries, 2 * pair, 2, buffer, pair * SLOT_BYTES),
      free: () => void this.#free.push(pair),
    };
  }
}

/** The timestamps of one pass. */
export interface Timing {
  /** What the pass is begun with. */
  readonly writes: GPUComputePassTimestampWrites;
  /** Where they are to be read, once resolved. */
  readonly source: { readonly buffer: GPUBuffer; readonly offset: number; readonly bytes: number };
  /** Brings them there. */
  resolve(encoder: GPUCommandEncoder): void;
  /** Gives them back. */
  free(): void;
}

/** Seconds between two timestamps. */
export function secondsOf(bytes: Uint8Array<ArrayBuffer>): number {
  const [begin, end] = new BigUint64Array(bytes.buffer, bytes.byteOffset, 2);
  return Math.max(0, Number(end - begin)) / 1e9;
}
