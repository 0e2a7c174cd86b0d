/**
 * Matrices in buffers of the GPU, and back.
 *
 * @module
 */
import type { AnyMatrix, Matrix } from "../mod.ts";
import { type Gpu, openGpu } from "../src/webgpu/device.ts";
import { valuesOf } from "./matrices.ts";

/** The device that "webgpu" computes on. */
export async function ownGpu(): Promise<Gpu> {
  const gpu = await openGpu();
  if ("why" in gpu) throw new Error(gpu.why);
  return gpu;
}

/** A buffer for matrices, of zeros. */
export function makeBuffer(device: GPUDevice, bytes: number): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return device.createBuffer({ size: Math.ceil(bytes / 4) * 4, usage });
}

/** The same matrix on the device. */
export function upload(device: GPUDevice, { data, shape, dtype = "f32", rowStride }: Matrix): Matrix<GPUBuffer> {
  const bytes = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const buffer = makeBuffer(device, bytes.length);
  device.queue.writeBuffer(buffer, 0, bytes);
  return { data: buffer, shape, dtype, rowStride };
}

/** The same matrix in an array; its buffer is destroyed. */
export async function download(device: GPUDevice, { data, ...rest }: Matrix<GPUBuffer>): Promise<Matrix> {
  const { size } = data, usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(data, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  for (const buffer of [staging, data]) buffer.destroy();
  return { ...rest, data: rest.dtype === "f32" ? new Float32Array(bytes) : new Uint16Array(bytes) };
}

/** All elements of a matrix, widened, with its buffer destroyed if it has one. */
export async function elements(device: GPUDevice, { data, ...rest }: AnyMatrix): Promise<Float64Array> {
  return valuesOf(data instanceof GPUBuffer ? await download(device, { ...rest, data }) : { ...rest, data });
}

/** Counts how often a buffer is mapped. */
export function countReads(): { count: number; restore(): void } {
  const { mapAsync } = GPUBuffer.prototype;
  const reads = {
    count: 0,
    restore() {
      GPUBuffer.prototype.mapAsync = mapAsync;
    },
  };
  GPUBuffer.prototype.mapAsync = function (...args) {
    reads.count++;
    return mapAsync.apply(this, args);
  };
  return reads;
}
