/**
 * The device that computes: one of our own, opened when it is first needed, or the caller's.
 *
 * @module
 */
import { Pipelines } from "./pipelines.ts";
import { Pool } from "./pool.ts";
import { Reader } from "./reader.ts";
import { Stopwatch } from "./stopwatch.ts";

/** A device and what is kept for it. */
export interface Gpu {
  readonly device: GPUDevice;
  /** What it is called. */
  readonly name: string;
  /** Whether it is a CPU in disguise. */
  readonly isFallback: boolean;
  readonly pool: Pool;
  readonly pipelines: Pipelines;
  readonly reader: Reader;
  readonly stopwatch: Stopwatch;
  /** Rejects when the device is lost. */
  readonly loss: Promise<never>;
}

/** There is no device, and why. */
export interface NoGpu {
  readonly why: string;
}

const gpus = new WeakMap<GPUDevice, Gpu>();
/** Why each of these devices is of no use any more. */
const losses = new WeakMap<GPUDevice, string>();
let own: Promise<Gpu | NoGpu> | undefined;
let isOpen = false;

/** Whether a device of our own is open: then a call need not wait for one. */
export function isOwnOpen(): boolean {
  return isOpen;
}

/**
 * The caller's device, or our own; opened anew after a loss. Where there was none it is looked for again if `isAsked`: who
 * asks by name may have changed something, who asks every time shall not wait every time.
 */
export async function openGpu(device?: GPUDevice, isAsked = true): Promise<Gpu | NoGpu> {
  if (device !== undefined) {
    const why = losses.get(device);
    return why === undefined ? gpus.get(device) ?? dress(device, device.adapterInfo) : { why };
  }
  const isKnown = own !== undefined, opening = own ??= request(), gpu = await opening;
  const isUseless = isKnown && ("why" in gpu ? isAsked : losses.has(gpu.device));
  if (isUseless && own === opening) own = request();
  return isUseless ? await own : gpu;
}

/** Our own device, with all that its adapter allows. */
async function request(): Promise<Gpu | NoGpu> {
  const api: GPU | undefined = globalThis.navigator?.gpu;
  if (api === undefined) return { why: "this runtime has no navigator.gpu" };
  try {
    const adapter = await api.requestAdapter({ powerPreference: "high-performance" });
    if (adapter === null) {
      return {
        why: "navigator.gpu.requestAdapter() found no adapter, neither a GPU's nor a software one; on Linux it takes " +
          "libvulkan1, the Vulkan loader, and a driver, such as mesa-vulkan-drivers; where DENO_WEBGPU_BACKEND is set, " +
          "only that is looked for",
      };
    }
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    const device = await adapter.requestDevice({
      label: "surprisal",
      requiredFeatures: adapter.features.has("timestamp-query") ? ["timestamp-query"] : [],
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    });
    isOpen = true;
    device.lost.then(() => isOpen = false);
    return dress(device, adapter.info);
  } catch (error) {
    return { why: `its adapter gave no device: ${error instanceof Error ? error.message : error}` };
  }
}

function dress(device: GPUDevice, info: GPUAdapterInfo): Gpu {
  const loss = device.lost.then(({ message, reason }): never => {
    const why = `the GPU's device was lost: ${message || reason}`;
    gpus.delete(device);
    losses.set(device, why);
    throw new Error(`Cannot go on: ${why}`);
  });
  loss.catch(() => {});
  const pool = new Pool(device), stopwatch = new Stopwatch(device);
  const gpu: Gpu = {
    device,
    name: info.description || [info.vendor, info.architecture, info.device].join(" ").trim() || "a GPU without a name",
    isFallback: info.isFallbackAdapter,
    pool,
    stopwatch,
    pipelines: new Pipelines(device),
    reader: new Reader(device, pool, loss),
    loss,
  };
  gpus.set(device, gpu);
  return gpu;
}
