/** The room of a composed call in buffers of the GPU. */
import { MOST_ROWS, READ_BYTES, ROOM_BYTES } from "../cost/tiles.ts";
import type { DeviceTensor, Room } from "../operation.ts";
import type { Gpu } from "./device.ts";
import { STORAGE } from "./pool.ts";

/** Elements that a row's length is a multiple of, lest rows begin in the midst of what memory moves at a time. */
const LINE = 16;

/** Matrices by name, given back together. */
export class GpuRoom implements Room {
  readonly limitBytes = ROOM_BYTES.webgpu;
  readonly mostRows = MOST_ROWS.webgpu;
  readonly #gpu: Gpu;
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  matrix(name: string, rows: number, columns: number, elements?: Float32Array): DeviceTensor {
    const rowStride = Math.ceil(columns / LINE) * LINE, kept = this.#buffers.get(name);
    const bytes = 4 * rows * rowStride, buffer = kept && kept.size >= bytes ? kept : this.#allocate(name, bytes);
    if (elements && elements.length > 0) {
      this.#gpu.device.queue.writeBuffer(buffer, 0, spread(elements, rows, columns, rowStride));
    }
    return { buffer, dtype: "f32", rows, columns, rowStride };
  }

  /** A matrix's elements, row by row without gaps. */
  async read({ buffer, rows, columns, rowStride }: DeviceTensor): Promise<Float32Array> {
    const elements = new Float32Array(rows * columns);
    if (buffer === undefined || rows === 0) return elements;
    const source = { buffer, offset: 0, bytes: 4 * ((rows - 1) * rowStride + columns) };
    const [bytes] = await this.#gpu.reader.readInPieces([source], READ_BYTES);
    const found = new Float32Array(bytes.buffer);
    for (let row = 0; row < rows; row++) {
      elements.set(found.subarray(row * rowStride, row * rowStride + columns), row * columns);
    }
    return elements;
  }

  /** Bytes of all its buffers. */
  get bytes(): number {
    return this.#buffers.values().reduce((sum, { size }) => sum + size, 0);
  }

  /** Gives its buffers back, or frees them where one may be none: its allocation failed. */
  close(isBroken: boolean): void {
    const { pool } = this.#gpu;
    for (const buffer of this.#buffers.values()) isBroken ? pool.drop(buffer) : pool.give(buffer);
    this.#buffers.clear();
  }

  #allocate(name: string, bytes: number): GPUBuffer {
    const { pool } = this.#gpu, kept = this.#buffers.get(name);
    if (kept) pool.give(kept);
    this.#buffers.delete(name);
    const buffer = pool.take(bytes, STORAGE);
    this.#buffers.set(name, buffer);
    return buffer;
  }
}

/** Rows with gaps of zeros between them. */
function spread(elements: Float32Array, rows: number, columns: number, stride: number): Float32Array<ArrayBuffer> {
  const apart = new Float32Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    apart.set(elements.subarray(row * columns, (row + 1) * columns), row * stride);
  }
  return apart;
}
