/** Logits in [−10, 10) that look random, made where they are needed. */
import type { DType } from "../../mod.ts";
import { compile } from "./device.ts";

/** Threads of a workgroup, and the most workgroups. */
const LANES = 256, MOST_WORKGROUPS = 65_535;

/** A word of elements from the index of the first. */
const WORDS: Readonly<Record<DType, string>> = {
  f32: "bitcast<u32>(logit(word))",
  f16: "pack2x16float(vec2(logit(2u * word), logit(2u * word + 1u)))",
  bf16: "(bitcast<u32>(logit(2u * word)) >> 16u) | (bitcast<u32>(logit(2u * word + 1u)) & 0xffff0000u)",
};

/** The generator is PCG-RXS-M-XS, as a hash of the index. */
function source(dtype: DType): string {
  return /* wgsl */ `
struct Piece { first: u32, words: u32, seed: u32 }
@group(0) @binding(0) var<storage, read_write> data: array<u32>;
@group(0) @binding(1) var<uniform> piece: Piece;

fn logit(index: u32) -> f32 {
  let state = (index ^ piece.seed) * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return f32(((word >> 22u) ^ word) >> 8u) * (20.0 / 16777216.0) - 10.0;
}

@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < piece.words; i += ${LANES}u * groups.x) {
    let word = piece.first + i;
    data[i] = ${WORDS[dtype]};
  }
}`;
}

/** Fills buffers. */
export class Filler {
  readonly #device: GPUDevice;
  readonly #piece: GPUBuffer;
  readonly #pipelines = new Map<DType, GPUComputePipeline>();

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#piece = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  }

  /** Submits what makes a buffer's contents: the same for the same seed. */
  fill(buffer: GPUBuffer, dtype: DType, seed: number): void {
    const { queue, limits: { maxStorageBufferBindingSize } } = this.#device;
    const pipeline = this.#pipelines.getOrInsertComputed(dtype, () => compile(this.#device, source(dtype)));
    const most = Math.floor(maxStorageBufferBindingSize / 256) * 256;
    for (let offset = 0; offset < buffer.size; offset += most) {
      const size = Math.min(most, buffer.size - offset), words = size / 4;
      queue.writeBuffer(this.#piece, 0, Uint32Array.of(offset / 4, words, Math.imul(seed + 1, 0x9e3779b9)));
      const encoder = this.#device.createCommandEncoder(), pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      const entries = [{ buffer, offset, size }, { buffer: this.#piece }].map((resource, binding) => ({
        binding,
        resource,
      }));
      pass.setBindGroup(0, this.#device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(Math.min(MOST_WORKGROUPS, Math.ceil(words / LANES)));
      pass.end();
      queue.submit([encoder.finish()]);
    }
  }
}
