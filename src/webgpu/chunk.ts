/** Some rows of a call on the device: their buffers, from the copy there to the copy back. */
import { isOnDevice, onDevice } from "../arguments.ts";
import { rowsInFlight } from "../cost/waves.ts";
import type { CheckedCall, Tensor } from "../operation.ts";
import { Calls, type Place, placesOf, SLOT_BYTES } from "./call.ts";
import { packRows, setRows, unpackRows, wordsOfRows } from "./copies.ts";
import { wordsOf } from "./declarations.ts";
import type { Gpu } from "./device.ts";
import { guard } from "./guard.ts";
import { type Limits, type Span, viewOf, type Window, windowsOf } from "./layout.ts";
import type { Program } from "./pipelines.ts";
import { STORAGE, UNIFORM } from "./pool.ts";
import { segmentsOf } from "./shader.ts";
import type { Source } from "./reader.ts";
import { SHADERS } from "./shaders/index.ts";
import { hasRows, type MatrixUse, type Uses, type VectorUse, wordsOfRow } from "./storage.ts";
import { secondsOf, type Timing } from "./stopwatch.ts";

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
  readonly #limits: Limits;
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
    const { maxStorageBufferBindingSize, minStorageBufferOffsetAlignment } = gpu.device.limits;
    this.#limits = { bindingBytes: maxStorageBufferBindingSize, alignment: minStorageBufferOffsetAlignment };
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
    const { device, stopwatch } = this.#gpu;
    const places = new Map<string, Place>();
    const inputs = this.#vectors(true, places), results = this.#vectors(false, places);
    const buffers = this.#uses.matrices.map((use) => this.#matrix(use));
    const encoder = device.createCommandEncoder();
    this.#timing = this.#readings.length > 0 ? stopwatch.take() : undefined;
    const pass = encoder.beginComputePass({ timestampWrites: this.#timing?.writes });
    this.#encode(pass, program, [inputs, results], buffers, places);
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

  /** Windows, waves and passes: of each wave all passes, of each pass all segments. */
  #encode(
    pass: GPUComputePassEncoder,
    { layout, passes }: Program,
    vectors: readonly GPUBuffer[],
    matrices: readonly { readonly buffer: GPUBuffer; readonly firstRow: number }[],
    places: ReadonlyMap<string, Place>,
  ): void {
    const { device } = this.#gpu, { vocab } = this.#call.dims;
    const segments = segmentsOf(vocab);
    const windows = this.#windows(passes.length);
    const waveRows = Math.max(...windows.flatMap(({ waves }) => waves.map(({ first, end }) => end - first)));
    const left = partialBytes(this.#call).map((bytes) => this.#take(waveRows * segments * bytes, STORAGE));
    const count = windows.reduce((sum, { waves, segments }) => sum + waves.length * segments.length, 0);
    const calls = new Calls(this.#call, count), uniform = this.#take(count * SLOT_BYTES, UNIFORM);
    const whole = (buffer: GPUBuffer) => ({ buffer });
    const emits = this.#uses.matrices.some(({ output }) => output);
    for (const window of windows) {
      const shown = window.segments.map((span) => {
        const views = this.#uses.matrices.map((use, i) =>
          viewOf(use, vocab, window.rows, span, matrices[i].firstRow, this.#limits)
        );
        const resources: GPUBufferBinding[] = [
          { buffer: uniform, size: SLOT_BYTES },
          ...[...vectors, ...left].map(whole),
          ...views.map(({ offset, bytes }, i) => ({ buffer: matrices[i].buffer, offset, size: bytes })),
        ];
        const group = device.createBindGroup({
          layout,
          entries: resources.map((resource, binding) => ({ binding, resource })),
        });
        return { span, views, group };
      });
      for (const wave of window.waves) {
        const rows = wave.end - wave.first;
        const slots = shown.map(({ span, views }) =>
          calls.add(this.#placesOf(places, views, wave, window), wave, span, segments)
        );
        passes.forEach((pipeline, k) => {
          pass.setPipeline(pipeline);
          const isConclusion = k === passes.length - 1 && !emits;
          for (const [i, { span, group }] of (isConclusion ? shown.slice(0, 1) : shown).entries()) {
            pass.setBindGroup(0, group, [slots[i]]);
            pass.dispatchWorkgroups(isConclusion ? 1 : span.end - span.first, rows);
          }
        });
      }
    }
    device.queue.writeBuffer(uniform, 0, calls.bytes);
  }

  #windows(looks: number): Window[] {
    const { dims } = this.#call, { matrices } = this.#uses, { first, end } = this.#rows;
    const rowBytes = matrices.reduce((sum, { input, width }) => sum + (input ? width * dims.vocab : 0), 0);
    const emits = matrices.some(({ output }) => output);
    const cached = rowsInFlight(end - first, rowBytes, looks - (emits ? 0 : 1));
    return windowsOf(end - first, dims.vocab, matrices, this.#limits, Math.max(...partialBytes(this.#call)), cached);
  }

  /** Where every tensor lies for a wave. */
  #placesOf(
    vectors: ReadonlyMap<string, Place>,
    views: readonly { readonly base: number }[],
    wave: Span,
    window: Window,
  ) {
    const all: [string, Place][] = [...vectors].map((
      [name, [first, stride]],
    ) => [name, [first + wave.first * stride, stride]]);
    this.#uses.matrices.forEach(({ names, stride }, i) => {
      const first = (views[i].base + (wave.first - window.rows.first) * stride) >>> 0;
      all.push(...names.map((name): [string, Place] => [name, [first, stride]]));
    });
    return placesOf(all);
  }
}

/** Bytes that a segment of a row leaves in each of the buffers of partials. */
function partialBytes({ operation, dims }: CheckedCall): number[] {
  const { partials, scratchWords } = SHADERS[operation.name];
  return [...partials.map(({ bytes }) => bytes), ...scratchWords ? [4 * Math.max(1, scratchWords(dims))] : []];
}
