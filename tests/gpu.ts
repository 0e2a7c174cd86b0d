/**
 * Matrices in buffers of the GPU, and back.
 *
 * @module
 */
import type { AnyMatrix, Matrix } from "../mod.ts";
import { type Gpu, openGpu } from "../src/webgpu/device.ts";
import { Pool } from "../src/webgpu/pool.ts";
import { Reader } from "../src/webgpu/reader.ts";
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

/** The device with a memory of so many bytes a call: what asks for more finds an error in its scope, as a real one would. */
export function confine(gpu: Gpu, bytes: number): Gpu {
  const { device } = gpu;
  const scopes: GPUErrorFilter[] = [];
  let isFull = false, made = 0;
  const confined = new Proxy(device, {
    get(target, name) {
      if (name === "createBuffer") {
        return (descriptor: GPUBufferDescriptor) => {
          made += descriptor.size;
          isFull ||= made > bytes;
          return target.createBuffer(descriptor);
        };
      }
      if (name === "pushErrorScope") {
        return (filter: GPUErrorFilter) => {
          made = 0;
          scopes.push(filter);
          target.pushErrorScope(filter);
        };
      }
      if (name === "popErrorScope") {
        return () => {
          const error = target.popErrorScope();
          if (scopes.pop() !== "out-of-memory" || !isFull) return error;
          isFull = false;
          return error.then(() => new GPUOutOfMemoryError("no memory"));
        };
      }
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const pool = new Pool(confined);
  return { ...gpu, device: confined, pool, reader: new Reader(confined, pool, gpu.loss) };
}

/** The device with bindings of so many bytes at most. */
export function narrow(gpu: Gpu, bindingBytes: number): Gpu {
  const { device } = gpu,
    limits = new Proxy(device.limits, {
      get: (target, name) => name === "maxStorageBufferBindingSize" ? bindingBytes : Reflect.get(target, name, target),
    });
  const narrowed = new Proxy(device, {
    get(target, name) {
      const value = name === "limits" ? limits : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...gpu, device: narrowed };
}

/** Watches how much of a pool is in use at most. */
export function watch(pool: Pool): { peakBytes: number; restore(): void } {
  const { take } = pool, watched = { peakBytes: 0, restore: () => void (pool.take = take) };
  pool.take = (...args) => {
    const buffer = take.apply(pool, args);
    watched.peakBytes = Math.max(watched.peakBytes, pool.lentBytes);
    return buffer;
  };
  return watched;
}
