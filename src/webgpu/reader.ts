/**
 * Reading back from the GPU. Mapping a buffer holds the caller's thread until the queue is idle and then sleeps: some 11 ms,
 * however little is read. So what all calls want that are under way is copied to one buffer, which is mapped once.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { guard } from "./guard.ts";
import { type Pool, READ_BACK } from "./pool.ts";

/** GPUMapMode.READ. */
const READ = 1;

/** A part of a buffer. */
export interface Source {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

interface Request {
  readonly sources: readonly Source[];
  readonly bytes: number;
  resolve(parts: Uint8Array<ArrayBuffer>[]): void;
  reject(error: unknown): void;
}

/** Reads for all calls at once. */
export class Reader {
  readonly #device: GPUDevice;
  readonly #pool: Pool;
  readonly #loss: Promise<never>;
  #waiting: Request[] = [];
  #isBusy = false;

  constructor(device: GPUDevice, pool: Pool, loss: Promise<never>) {
    this.#device = device;
    this.#pool = pool;
    this.#loss = loss;
  }

  /** Copies of parts of buffers, as they are when all that has been submitted is done. */
  read(sources: readonly Source[]): Promise<Uint8Array<ArrayBuffer>[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        sources,
        bytes: sources.reduce((sum, { bytes }) => sum + aligned(bytes), 0),
        resolve,
        reject,
      });
      if (this.#isBusy) return;
      this.#isBusy = true;
      // Whoever else is about to compute has its turn first: then the GPU is at it while others still prepare
      setImmediate(() => this.#readAll());
    });
  }

  /** The same by requests of so many bytes at most, for which a buffer is needed each. */
  async readInPieces(sources: readonly Source[], mostBytes: number): Promise<Uint8Array<ArrayBuffer>[]> {
    if (sources.reduce((sum, { bytes }) => sum + aligned(bytes), 0) <= mostBytes) return await this.read(sources);
    const wholes = sources.map(({ bytes }) => new Uint8Array(bytes));
    for (const request of requestsOf(sources, mostBytes)) {
      const parts = await this.read(request.map(({ source }) => source));
      parts.forEach((part, i) => wholes[request[i].index].set(part, request[i].at));
    }
    return wholes;
  }

  async #readAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      try {
        await this.#readBatch(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      // Those that were just answered may have more to ask
      if (this.#waiting.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#isBusy = false;
  }

  /** Requests that fit one buffer; the first in any case. */
  #nextBatch(): Request[] {
    let bytes = 0;
    const count = this.#waiting.findIndex((request, i) => {
      bytes += request.bytes;
      return i > 0 && bytes > this.#device.limits.maxBufferSize;
    });
    return this.#waiting.splice(0, count < 0 ? this.#waiting.length : count);
  }

  async #readBatch(batch: readonly Request[]): Promise<void> {
    const bytes = batch.reduce((sum, request) => sum + request.bytes, 0);
    let taken: GPUBuffer | undefined;
    const drop = () => taken && this.#pool.drop(taken);
    const buffer = await guard(this.#device, () => ({ doing: "read back", bytes }), () => {
      const target = taken = this.#pool.take(bytes, READ_BACK);
      const encoder = this.#device.createCommandEncoder();
      let at = 0;
      for (const { buffer: source, offset, bytes } of batch.flatMap(({ sources }) => sources)) {
        encoder.copyBufferToBuffer(source, offset, target, at, aligned(bytes));
        at += aligned(bytes);
      }
      this.#device.queue.submit([encoder.finish()]);
      return target;
    }, drop);
    try {
      await Promise.race([buffer.mapAsync(READ, 0, bytes), this.#loss]);
    } catch (error) {
      drop();
      // That the device was lost says more than that mapping failed, and is known a little later
      await Promise.race([this.#loss, new Promise((resolve) => setImmediate(resolve))]);
      throw error;
    }
    const mapped = new Uint8Array(buffer.getMappedRange(0, bytes));
    let at = 0;
    for (const { sources, resolve } of batch) {
      resolve(sources.map(({ bytes }) => {
        const copy = mapped.slice(at, at + bytes);
        at += aligned(bytes);
        return copy;
      }));
    }
    buffer.unmap();
    this.#pool.give(buffer);
  }
}

/** Sizes and places are multiples of eight: of what copying, mapping and timestamps ask. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** A piece of the source of this index, from byte `at` of it on. */
interface Piece {
  readonly index: number;
  readonly at: number;
  readonly source: Source;
}

/** Sources cut into pieces, and these put together. */
function requestsOf(sources: readonly Source[], mostBytes: number): Piece[][] {
  const requests: Piece[][] = [];
  let left = 0;
  for (const [index, { buffer, offset, bytes }] of sources.entries()) {
    for (let at = 0; at < bytes;) {
      if (left < 8) {
        requests.push([]);
        left = mostBytes;
      }
      const size = Math.min(bytes - at, left);
      requests.at(-1)?.push({ index, at, source: { buffer, offset: offset + at, bytes: size } });
      at += size;
      left -= aligned(size);
    }
  }
  return requests;
}
