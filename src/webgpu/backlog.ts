/**
 * What of a call has been submitted and is still to be read. It is read together, because a read-back takes its time however
 * little is read; but before much waits, and before the caller's thread, which a read-back holds, would wait long.
 *
 * @module
 */
import { isOnDevice } from "../arguments.ts";
import type { CheckedCall, TensorSpec } from "../operation.ts";
import type { Gpu } from "./device.ts";
import { Submission } from "./submission.ts";

/** What may wait. */
export interface Bounds {
  /** Bytes of all buffers that works took: what is copied there waits in memory of the queue's own. */
  readonly bytes: number;
  /** Bytes of those that are kept until they are read. */
  readonly keptBytes: number;
  /** Bytes that are read at a time. */
  readonly readBytes: number;
  /** How many works, where how long they take is minded: no bound unless given. */
  readonly works?: number;
}

/** How long works may take that are waited for together, in seconds: some twenty times what a read-back takes at least. */
const PATIENCE_SECONDS = 0.25;

/** Works that are waited for together before it is known how long they take. */
const FIRST_WORKS = 4;

/** The works of a call, in order, and what follows when all before have been read. */
export class Backlog {
  readonly #gpu: Gpu;
  readonly #bounds: Bounds;
  readonly #works: Submission[] = [];
  readonly #followers: (() => void)[] = [];
  /** The arrays that results are yet to be written to. */
  readonly #owed: ArrayBufferView[] = [];
  #most: number;
  #begun = 0;
  #seconds = 0;
  #isTimed = false;

  constructor(gpu: Gpu, bounds: Bounds) {
    this.#gpu = gpu;
    this.#bounds = bounds;
    this.#most = bounds.works === undefined ? Infinity : FIRST_WORKS;
  }

  /** Adds a work that was submitted. */
  add(work: Submission): void {
    if (this.#works.length === 0) this.#begun = performance.now();
    this.#works.push(work);
  }

  /** Notes that all works of a call were added, and what is to be done when they have been read. */
  follow({ operation, tensors }: CheckedCall, finish?: () => void): void {
    this.#owed.push(...arrays(operation.outputs, tensors));
    if (finish) this.#followers.push(finish);
  }

  /** Whether a call reads what is yet to be written. */
  owes({ operation, tensors }: CheckedCall): boolean {
    return arrays(operation.inputs, tensors).some((a) => this.#owed.some((b) => overlap(a, b)));
  }

  /** Whether enough waits. */
  get isFull(): boolean {
    const works = this.#works, { bytes, keptBytes } = this.#bounds;
    return works.length >= this.#most || works.reduce((sum, work) => sum + work.bytes, 0) > bytes ||
      works.reduce((sum, work) => sum + work.keptBytes, 0) > keptBytes;
  }

  /** Reads what is to be read, and does what follows, in order. Where nothing is to be read it waits for nothing. */
  async drain(): Promise<void> {
    await this.#drain(() => Promise.resolve());
  }

  /** The same, but waits until the GPU is done in any case. */
  async wait(): Promise<void> {
    const { device, loss } = this.#gpu;
    await this.#drain(() => Promise.race([device.queue.onSubmittedWorkDone(), loss]));
  }

  async #drain(otherwise: () => Promise<unknown>): Promise<void> {
    const { readBytes, works: most } = this.#bounds, count = this.#works.length;
    if (count > 0) {
      const isRead = await Submission.readAll(this.#gpu, this.#works, readBytes);
      if (!isRead) await otherwise();
      const seconds = (performance.now() - this.#begun) / 1000;
      if (most !== undefined) this.#most = Math.max(1, Math.min(most, Math.floor(PATIENCE_SECONDS * count / seconds)));
    }
    for (const work of this.#works.splice(0)) this.#seconds += work.seconds ?? NaN;
    this.#isTimed ||= count > 0;
    this.#owed.length = 0;
    for (const finish of this.#followers.splice(0)) finish();
  }

  /** Gives back what has not been read. */
  free(): void {
    for (const work of this.#works.splice(0)) work.free();
  }

  /** What the GPU took for all works, in seconds; undefined where there were none or one was not timed. */
  get seconds(): number | undefined {
    return this.#isTimed && !Number.isNaN(this.#seconds) ? this.#seconds : undefined;
  }
}

/** The arrays of those tensors that are not on the device. */
function arrays(specs: readonly TensorSpec[], tensors: CheckedCall["tensors"]): ArrayBufferView[] {
  return specs.flatMap(({ name }) => {
    const tensor = tensors[name];
    return tensor === undefined || isOnDevice(tensor) ? [] : [tensor.data];
  });
}

function overlap(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength;
}
