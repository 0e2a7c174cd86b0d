/**
 * Buffers of a device that are used again. A queue works in order, so a buffer may be given back as soon as what uses it has
 * been submitted.
 *
 * @module
 */

/** What all but the buffers for reading back are for. */
export const STORAGE = 0x80 | 0x08 | 0x04; // GPUBufferUsage.STORAGE | COPY_DST | COPY_SRC
export const UNIFORM = 0x40 | 0x08; // UNIFORM | COPY_DST
export const READ_BACK = 0x01 | 0x08; // MAP_READ | COPY_DST
export const RESOLVE = 0x200 | 0x04; // QUERY_RESOLVE | COPY_SRC

/** What a device keeps at most of buffers that nobody uses. */
const KEPT_BYTES = 512 * 2 ** 20;

/** The least size, and how many sizes there are from one power of two to the next. */
const LEAST_BYTES = 256, SIZES_PER_OCTAVE = 8;

/** Free buffers by what they are for and their size. */
export class Pool {
  readonly #device: GPUDevice;
  readonly #free = new Map<string, GPUBuffer[]>();
  #keptBytes = 0;
  #lentBytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes of buffers that are in use. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Bytes of buffers that nobody uses. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least so many bytes, for one of the uses above; what it holds is anything. */
  take(bytes: number, usage: number): GPUBuffer {
    const size = Math.min(roundUp(bytes), Math.max(bytes, this.#device.limits.maxBufferSize));
    const kept = this.#free.get(`${usage} ${size}`)?.pop();
    if (kept) this.#keptBytes -= kept.size;
    const buffer = kept ?? this.#device.createBuffer({ size, usage });
    this.#lentBytes += buffer.size;
    return buffer;
  }

  /** Takes a buffer back. */
  give(buffer: GPUBuffer): void {
    this.#lentBytes -= buffer.size;
    if (this.#keptBytes + buffer.size > KEPT_BYTES) {
      buffer.destroy();
      return;
    }
    const key = `${buffer.usage} ${buffer.size}`, free = this.#free.get(key);
    if (free) free.push(buffer);
    else this.#free.set(key, [buffer]);
    this.#keptBytes += buffer.size;
  }

  /** Frees a buffer that may be none: its allocation failed. */
  drop(buffer: GPUBuffer): void {
    this.#lentBytes -= buffer.size;
    buffer.destroy();
  }

  /** Frees what nobody uses. */
  clear(): void {
    for (const buffer of [...this.#free.values()].flat()) buffer.destroy();
    this.#free.clear();
    this.#keptBytes = 0;
  }
}

/** The next of a few sizes, so that calls of nearly the same size share buffers. */
function roundUp(bytes: number): number {
  const step = 2 ** Math.max(8, Math.floor(Math.log2(Math.max(bytes, LEAST_BYTES))) - Math.log2(SIZES_PER_OCTAVE));
  return Math.ceil(Math.max(bytes, LEAST_BYTES) / step) * step;
}
