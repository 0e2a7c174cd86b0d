/** Some rows of a call on the device: their buffers, from the copy there to the copy back. */
import { isOnDevice, onDevice } from "../arguments.ts";
import type { CheckedCall, Tensor } from "../operation.ts";
import { type Place, SLOT_BYTES } from "./call.ts";
import { packRows, setRows, unpackRows, wordsOfRows } from "./copies.ts";
import { wordsOf } from "./declarations.ts";
import type { Gpu } from "./device.ts";
import { type Buffers, encode, planOf } from "./encode.ts";
import { guard } from "./guard.ts";
import type { Span } from "./layout.ts";
import type { Program } from "./pipelines.ts";
import { STORAGE, UNIFORM } from "./pool.ts";
import type { Source } from "./reader.ts";
import { secondsOf, type Timing } from "./stopwatch.ts";
import { hasRows, type MatrixUse, type Uses, type VectorUse, wordsOfRow } from "./storage.ts";

/** What is to be read of a chunk, and what becomes of it. */
interface Reading {
  readonly source: Source;
  set(bytes: Uint8Array<ArrayBuffer>): void;
}

/** A chunk that has been submitted. */
export class Chunk {
  readonly #gpu: Gpu;
  readonly #call: CheckedCall;
  readonly #uses: Uses;
  readonly #rows: Span;
  /** Buffers that others may use once all is submitted, and those that are read. */
  readonly #passing: GPUBuffer[] = [];
  readonly #lasting: GPUBuffer[] = [];
  readonly #readings: Reading[] = [];
  #timing?: Timing;
  #seconds?: number;

  /** Bytes of all its buffers. */
  bytes = 0;

  private constructor(gpu: Gpu, call: CheckedCall, uses: Uses, rows: Span) {
    this.#gpu = gpu;
    this.#call = call;
    this.#uses = uses;
    this.#rows = rows;
  }

  /** Copies rows to the device and has them computed. */
  static async begin(gpu: Gpu, call: CheckedCall, uses: Uses, program: Program, rows: Span): Promise<Chunk> {
    const chunk = new Chunk(gpu, call, uses, rows);
    const hint = onDevice(call) !== undefined
      ? " (a GPUBuffer must be of the device that is given as `device`, and not destroyed)"
      : "";
    const doing = `compute ${call.operation.name} of rows ${rows.first} to ${rows.end - 1}${hint}`;
    const undo = () => chunk.#release((buffer) => gpu.pool.drop(buffer));
    await guard(gpu.device, () => ({ doing, bytes: chunk.bytes }), () => chunk.#submit(program), undo);
    for (const buffer of chunk.#passing.splice(0)) gpu.pool.give(buffer);
    return chunk;
  }

  /** Waits for chunks, sets the results, and frees them. Returns the seconds that the GPU took for each, if it was timed. */
  static async readAll(gpu: Gpu, chunks: readonly Chunk[]): Promise<(number | undefined)[]> {
    const readings = chunks.flatMap((chunk) => chunk.#readings);
    if (readings.length > 0) {
      const parts = await gpu.reader.read(readings.map(({ source }) => source));
      parts.forEach((part, i) => readings[i].set(part));
    }
    for (const chunk of chunks) chunk.free();
    return chunks.map((chunk) => chunk.#seconds);
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

  #take(bytes: number, usage: number, lasting = false): GPUBuffer {
    const buffer = this.#gpu.pool.take(bytes, usage);
    (lasting ? this.#lasting : this.#passing).push(buffer);
    this.bytes += buffer.size;
    return buffer;
  }

  #submit(program: Program): void {
    const { device, stopwatch } = this.#gpu, { first, end } = this.#rows;
    const { maxStorageBufferBindingSize: bindingBytes, minStorageBufferOffsetAlignment: alignment } = device.limits;
    const plan = planOf(this.#call, this.#uses, end - first, { bindingBytes, alignment });
    const places = new Map<string, Place>();
    const vectors = [this.#vectors(true, places), this.#vectors(false, places)];
    const partials = plan.partialBytes.map((bytes) => this.#take(bytes, STORAGE));
    const buffers: Buffers = {
      uniform: this.#take(plan.slots * SLOT_BYTES, UNIFORM),
      whole: [...vectors, ...partials],
      matrices: this.#uses.matrices.map((use) => this.#matrix(use)),
      places,
    };
    this.#timing = this.#readings.length > 0 ? stopwatch.take() : undefined;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass({ timestampWrites: this.#timing?.writes });
    device.queue.writeBuffer(buffers.uniform, 0, encode(device, pass, program, plan, buffers));
    pass.end();
    if (this.#timing) {
      this.#timing.resolve(encoder);
      this.#readings.push({ source: this.#timing.source, set: (bytes) => void (this.#seconds = secondsOf(bytes)) });
    }
    device.queue.submit([encoder.finish()]);
  }

  /** All vectors that are read, or written, in one buffer. */
  #vectors(input: boolean, places: Map<string, Place>): GPUBuffer {
    const { first, end } = this.#rows, rows = end - first;
    const uses = this.#uses.vectors.filter((use) => use.input === input);
    let words = 0;
    const offsets = uses.map((use) => {
      const offset = words, stride = hasRows(use.spec) ? wordsOfRow(use) : 0;
      places.set(use.spec.name, [offset, stride]);
      // Read back from a multiple of eight bytes on
      words += Math.ceil((stride === 0 ? use.tensor.columns : stride * rows) / 2) * 2;
      return offset;
    });
    const buffer = this.#take(4 * words, STORAGE, !input);
    uses.forEach((use, i) => this.#vector(use, buffer, 4 * offsets[i]));
    return buffer;
  }

  #vector({ spec, tensor, input }: VectorUse, buffer: GPUBuffer, offset: number): void {
    const { first, end } = this.#rows, [from, rows] = hasRows(spec) ? [first, end - first] : [0, 1];
    if (input) {
      this.#gpu.device.queue.writeBuffer(buffer, offset, wordsOfRows(tensor, from, rows));
      return;
    }
    const bytes = 4 * wordsOf(spec) * tensor.columns * rows;
    this.#readings.push({ source: { buffer, offset, bytes }, set: (part) => setRows(spec, tensor, from, part) });
  }

  /** The buffer of a matrix: where it is, or a copy of its rows of this chunk. */
  #matrix(use: MatrixUse): { readonly buffer: GPUBuffer; readonly firstRow: number } {
    const { tensor, stride, width, input, output } = use, { first, end } = this.#rows;
    if (isOnDevice(tensor)) {
      if (tensor.buffer === undefined) throw new Error(`The output ${use.name} was not made`);
      return { buffer: tensor.buffer, firstRow: first };
    }
    const bytes = Math.ceil((stride === 0 ? tensor.columns : (end - first) * stride) * width / 8) * 8;
    const buffer = this.#take(bytes, STORAGE, output);
    if (input) this.#gpu.device.queue.writeBuffer(buffer, 0, packRows(use, tensor, first, end - first));
    if (output) this.#readings.push(this.#reading(use, tensor, buffer, bytes));
    return { buffer, firstRow: 0 };
  }

  #reading(use: MatrixUse, tensor: Tensor, buffer: GPUBuffer, bytes: number): Reading {
    const { first, end } = this.#rows;
    return { source: { buffer, offset: 0, bytes }, set: (part) => unpackRows(use, tensor, first, end - first, part) };
  }
}
