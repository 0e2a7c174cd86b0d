/**
 * One call on a device: its outputs are made, its works submitted, its results read. What is to be read waits until there is
 * much of it, or nothing is left to compute.
 *
 * @module
 */
import { axisOf, isOnDevice } from "../arguments.ts";
import type { CheckedCall, DeviceTensor, Outcome } from "../operation.ts";
import { Backlog, type Bounds } from "./backlog.ts";
import { STEP_BOUNDS, submitSteps } from "./compose.ts";
import type { Gpu } from "./device.ts";
import { GpuMemoryError, guard } from "./guard.ts";
import { STORAGE } from "./pool.ts";
import { submit } from "./submit.ts";

/** What may wait on the device to be read, or to be copied there, of a call that is no steps. */
const WAITING_BYTES = 256 * 2 ** 20;
const CALL_BOUNDS: Bounds = { bytes: WAITING_BYTES, keptBytes: WAITING_BYTES, readBytes: Infinity };

/** Computes a call. */
export async function compute(gpu: Gpu, call: CheckedCall): Promise<Outcome> {
  const { compose } = call.operation, made = await makeOutputs(gpu, call);
  const backlog = new Backlog(gpu, compose ? STEP_BOUNDS : CALL_BOUNDS);
  try {
    if (call.dims.rows === 0) await clearSums(gpu, call);
    await (compose ? submitSteps(gpu, call, compose, backlog) : submit(gpu, call, call, backlog));
    await backlog.drain();
    const { seconds: gpuSeconds } = backlog;
    return gpuSeconds === undefined ? { threads: 1 } : { threads: 1, gpuSeconds };
  } catch (error) {
    for (const tensor of made) {
      tensor.buffer?.destroy();
      tensor.buffer = undefined;
    }
    throw error;
  } finally {
    backlog.free();
  }
}

/** Outputs that all rows share are sums over them: over none they are 0. */
async function clearSums({ device }: Gpu, { operation, tensors }: CheckedCall): Promise<void> {
  const sums = operation.outputs.filter((spec) => axisOf(spec) === "none").flatMap(({ name }) => tensors[name] ?? []);
  await guard(device, () => ({ doing: `compute ${operation.name}`, bytes: 0 }), () => {
    const encoder = device.createCommandEncoder();
    for (const { buffer, rows, columns, rowStride } of sums.filter(isOnDevice)) {
      for (let row = 0; buffer && row < rows; row++) encoder.clearBuffer(buffer, 4 * row * rowStride, 4 * columns);
    }
    device.queue.submit([encoder.finish()]);
  });
}

/** Makes the outputs that are to stay on the device. */
async function makeOutputs(gpu: Gpu, { operation, tensors }: CheckedCall): Promise<DeviceTensor[]> {
  const outputs = operation.outputs.flatMap(({ name }) => tensors[name] ?? []);
  const wanted = outputs.filter((tensor): tensor is DeviceTensor => isOnDevice(tensor) && tensor.buffer === undefined);
  const free = () => {
    for (const tensor of wanted) {
      tensor.buffer?.destroy();
      tensor.buffer = undefined;
    }
  };
  const { device } = gpu, limit = device.limits.maxBufferSize;
  const sizes = wanted.map((tensor) => 4 * Math.max(1, tensor.rows * tensor.columns));
  const doing = `compute ${operation.name}`, tooLarge = sizes.find((size) => size > limit);
  if (tooLarge !== undefined) {
    throw new GpuMemoryError(
      `Cannot ${doing}: an output of ${tooLarge} bytes does not fit a buffer of the GPU, which has ${limit} at most`,
    );
  }
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  await guard(device, () => ({ doing, bytes }), () => {
    for (const [i, tensor] of wanted.entries()) {
      tensor.buffer = device.createBuffer({ label: "surprisal output", size: sizes[i], usage: STORAGE });
    }
  }, free);
  return wanted;
}
