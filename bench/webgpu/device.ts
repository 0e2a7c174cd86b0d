/** The device that is measured, and what talks to it below the library. */

/** An open device. */
export interface OpenDevice {
  readonly device: GPUDevice;
  /** What its adapter is called. */
  readonly name: string;
  /** Whether that is a CPU in disguise. */
  readonly isFallback: boolean;
}

/** There is no room for what was to be measured. */
export class DoesNotFit extends Error {}

/** A device with all the memory that its adapter allows, and its clock if any; or what was looked for in vain. */
export async function openDevice(): Promise<OpenDevice | string> {
  const api: GPU | undefined = globalThis.navigator?.gpu;
  if (api === undefined) return "navigator.gpu, which this runtime does not have";
  const adapter = await api.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) {
    return "an adapter of navigator.gpu, a GPU's or a software one; on Linux that takes libvulkan1 and a Vulkan driver";
  }
  const { info, features, limits: { maxBufferSize, maxStorageBufferBindingSize } } = adapter;
  const device = await adapter.requestDevice({
    label: "bench",
    requiredFeatures: features.has("timestamp-query") ? ["timestamp-query"] : [],
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  });
  device.addEventListener("uncapturederror", (event) => {
    console.error(`The GPU refused: ${(event as GPUUncapturedErrorEvent).error.message.trim()}`);
    Deno.exit(1);
  });
  const name = info.description || [info.vendor, info.architecture, info.device].join(" ").trim();
  return { device, name, isFallback: info.isFallbackAdapter };
}

/** Whether passes can be timed by the device's own clock. */
export function hasClock(device: GPUDevice): boolean {
  return device.features.has("timestamp-query");
}

/** Buffers that are destroyed together. */
export class Buffers implements Disposable {
  readonly #device: GPUDevice;
  readonly #all: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer that shaders can use and that can be copied; throws {@linkcode DoesNotFit} where there is no room. */
  async take(bytes: number): Promise<GPUBuffer> {
    const { maxBufferSize } = this.#device.limits, size = Math.ceil(bytes / 16) * 16;
    if (size > maxBufferSize) throw new DoesNotFit(`${size} bytes exceed maxBufferSize, ${maxBufferSize}`);
    this.#device.pushErrorScope("out-of-memory");
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.#device.createBuffer({ size, usage });
    const error = await this.#device.popErrorScope();
    if (error !== null) {
      buffer.destroy();
      throw new DoesNotFit(`no memory for ${size} bytes more: ${error.message.trim()}`);
    }
    this.#all.push(buffer);
    return buffer;
  }

  /** Frees them all. */
  [Symbol.dispose](): void {
    for (const buffer of this.#all.splice(0)) buffer.destroy();
  }
}

/** A compute pipeline whose entry point is `main`. */
export function compile(device: GPUDevice, code: string): GPUComputePipeline {
  const module = device.createShaderModule({ code });
  return device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
}

/** Reads what `encode` copies to a buffer of so many bytes, once all that was submitted before is done. */
export async function readBack(
  device: GPUDevice,
  bytes: number,
  encode: (encoder: GPUCommandEncoder, target: GPUBuffer) => void,
): Promise<ArrayBuffer> {
  const target = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encode(encoder, target);
  device.queue.submit([encoder.finish()]);
  await target.mapAsync(GPUMapMode.READ);
  const copy = target.getMappedRange().slice(0);
  target.destroy();
  return copy;
}
