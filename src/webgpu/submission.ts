/** Work that has been submitted to a device: its buffers, from the copies there to the copies back. */
import type { Gpu } from "./device.ts";
import { guard } from "./guard.ts";
import type { Source } from "./reader.ts";
import { secondsOf, type Timing } from "./stopwatch.ts";

/** What is to be read of it, and what becomes of that. */
interface Reading {
  readonly source: Source;
  set(bytes: Uint8Array<ArrayBuffer>): void;
}

/** How it is submitted. */
export interface Terms {
  /** What is attempted: "compute something". */
  readonly doing: string;
  /** Whether it is timed even if nothing is read of it. */
  readonly isTimed: boolean;
}

/** A pass of a call. */
export class Submission {
  readonly #gpu: Gpu;
  readonly #isTimed: boolean;
  /** Buffers that others may use once all is submitted, and those that are read. */
  readonly #passing: GPUBuffer[] = [];
  readonly #lasting: GPUBuffer[] = [];
  readonly #readings: Reading[] = [];
  #timing?: Timing;

  /** Bytes of all its buffers, and of those that it keeps until they are read. */
  bytes = 0;
  keptBytes = 0;
  /** What the GPU took for it, once that has been read, if it was timed. */
  seconds?: number;

  private constructor(gpu: Gpu, isTimed: boolean) {
    this.#gpu = gpu;
    this.#isTimed = isTimed;
  }

  /** Submits what an action takes, copies and encodes. */
  static async begin(gpu: Gpu, { doing, isTimed }: Terms, action: (work: Submission) => void): Promise<Submission> {
    const work = new Submission(gpu, isTimed);
    const undo = () => work.#release((buffer) => gpu.pool.drop(buffer));
    await guard(gpu.device, () => ({ doing, bytes: work.bytes }), () => action(work), undo);
    for (const buffer of work.#passing.splice(0)) gpu.pool.give(buffer);
    return work;
  }

  /** Waits for works, sets their results, and frees them; reads so many bytes at a time. Returns whether anything was read. */
  static async readAll(gpu: Gpu, works: readonly Submission[], mostBytes: number): Promise<boolean> {
    const readings = works.flatMap((work) => work.#readings);
    if (readings.length > 0) {
      const parts = await gpu.reader.readInPieces(readings.map(({ source }) => source), mostBytes);
      parts.forEach((part, i) => readings[i].set(part));
    }
    for (const work of works) work.free();
    return readings.length > 0;
  }

  /** Gives its buffers back. */
  free(): void {
    this.#release((buffer) => this.#gpu.pool.give(buffer));
  }

  #release(release: (buffer: GPUBuffer) => void): void {
    for (const buffer of [...this.#passing.splice(0), ...this.#lasting.splice(0)]) release(buffer);
    this.#timing?.free();
    this.#timing = undefined;
  }

  /** A buffer that it has until it is submitted, or until it is read. */
  take(bytes: number, usage: number, isRead = false): GPUBuffer {
    const buffer = this.#gpu.pool.take(bytes, usage);
    (isRead ? this.#lasting : this.#passing).push(buffer);
    this.bytes += buffer.size;
    if (isRead) this.keptBytes += buffer.size;
    return buffer;
  }

  /** Copies bytes to a buffer, before anything is computed. */
  write(buffer: GPUBuffer, offset: number, bytes: BufferSource): void {
    // Nothing at all makes Deno 2.9 panic
    if (bytes.byteLength > 0) this.#gpu.device.queue.writeBuffer(buffer, offset, bytes);
  }

  /** Has a part of a buffer read when all is computed. */
  read(source: Source, set: (bytes: Uint8Array<ArrayBuffer>) => void): void {
    this.#readings.push({ source, set });
  }

  /** Submits a pass. */
  compute(encode: (pass: GPUComputePassEncoder) => void): void {
    const { device, stopwatch } = this.#gpu;
    const timing = this.#isTimed || this.#readings.length > 0 ? stopwatch.take() : undefined;
    this.#timing = timing;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass({ timestampWrites: timing?.writes });
    encode(pass);
    pass.end();
    if (timing) {
      timing.resolve(encoder);
      this.read(timing.source, (bytes) => void (this.seconds = secondsOf(bytes)));
    }
    device.queue.submit([encoder.finish()]);
  }
}
