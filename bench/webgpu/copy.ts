/** What a GPU's memory can move at most: a shader that copies one buffer to another, timed by the GPU's own clock. */
import { Buffers, compile, DoesNotFit, hasClock, readBack } from "./device.ts";
import type { Filler } from "./fill.ts";

/** Threads of a workgroup, vectors that each copies, and the bytes of the workgroup's tile. */
const LANES = 256, VECTORS = 4, TILE_BYTES = 16 * LANES * VECTORS;

/** Copies that are timed before they are read, at most. */
const PAIRS = 1024;

/** The most workgroups of a dimension. */
const MOST_WORKGROUPS = 65_535;

const SOURCE = /* wgsl */ `
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> destination: array<vec4<f32>>;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * ${LANES * VECTORS}u + lane;
${Array.from({ length: VECTORS }, (_, i) => `  let v${i} = source[first + ${i * LANES}u];`).join("\n")}
${Array.from({ length: VECTORS }, (_, i) => `  destination[first + ${i * LANES}u] = v${i};`).join("\n")}
}`;

/** Copies round a ring of three buffers. */
export class Copier implements Disposable {
  readonly #device: GPUDevice;
  readonly #buffers: Buffers;
  readonly #pipeline: GPUComputePipeline;
  readonly #groups: readonly GPUBindGroup[];
  readonly #queries?: GPUQuerySet;
  readonly #workgroups: number;
  #turn = 0;
  #timed = 0;

  /** Bytes that a copy reads and writes. */
  readonly bytes: number;

  private constructor(device: GPUDevice, buffers: Buffers, ring: readonly GPUBuffer[]) {
    this.#device = device;
    this.#buffers = buffers;
    this.#pipeline = compile(device, SOURCE);
    const layout = this.#pipeline.getBindGroupLayout(0);
    this.#groups = ring.map((buffer, i) =>
      device.createBindGroup({
        layout,
        entries: [buffer, ring[(i + 1) % ring.length]].map((buffer, binding) => ({ binding, resource: { buffer } })),
      })
    );
    this.#workgroups = ring[0].size / TILE_BYTES;
    this.bytes = 2 * ring[0].size;
    if (hasClock(device)) this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * PAIRS });
  }

  /** A copier of so many bytes, or of what there is room for. */
  static async open(device: GPUDevice, filler: Filler, bytes: number): Promise<Copier> {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize, MOST_WORKGROUPS * TILE_BYTES);
    const size = Math.floor(Math.min(bytes, most) / TILE_BYTES) * TILE_BYTES;
    const buffers = new Buffers(device);
    try {
      const ring = [await buffers.take(size), await buffers.take(size), await buffers.take(size)];
      ring.forEach((buffer, i) => filler.fill(buffer, "f32", i));
      return new Copier(device, buffers, ring);
    } catch (error) {
      buffers[Symbol.dispose]();
      if (!(error instanceof DoesNotFit) || size < 2 ** 22) throw error;
      return await Copier.open(device, filler, size / 2);
    }
  }

  /** Submits a copy. */
  run(): void {
    const pair = this.#queries && this.#timed < PAIRS ? this.#timed++ : undefined;
    const timestampWrites = this.#queries && pair !== undefined
      ? { querySet: this.#queries, beginningOfPassWriteIndex: 2 * pair, endOfPassWriteIndex: 2 * pair + 1 }
      : undefined;
    const encoder = this.#device.createCommandEncoder(), pass = encoder.beginComputePass({ timestampWrites });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#groups[this.#turn++ % this.#groups.length]);
    pass.dispatchWorkgroups(this.#workgroups);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  /** Seconds of each copy since the last reading; none without a clock. */
  async read(): Promise<number[]> {
    const queries = this.#queries, count = this.#timed;
    this.#timed = 0;
    if (queries === undefined || count === 0) return [];
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    const resolved = this.#device.createBuffer({ size: 16 * count, usage });
    const bytes = await readBack(this.#device, 16 * count, (encoder, target) => {
      encoder.resolveQuerySet(queries, 0, 2 * count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, target, 0, 16 * count);
    });
    resolved.destroy();
    const times = new BigUint64Array(bytes);
    return Array.from({ length: count }, (_, i) => Number(times[2 * i + 1] - times[2 * i]) / 1e9);
  }

  /** Frees its buffers. */
  [Symbol.dispose](): void {
    this.#queries?.destroy();
    this.#buffers[Symbol.dispose]();
  }
}
