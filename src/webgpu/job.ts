/**
 * One call on a device, chunk by chunk: copied there, computed, read back. What is to be read waits until there is much of
 * it, or nothing is left to compute.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { isOnDevice } from "../arguments.ts";
import type { CheckedCall, DeviceTensor, Outcome } from "../operation.ts";
import { Chunk } from "./chunk.ts";
import type { Gpu } from "./device.ts";
import { GpuMemoryError, guard } from "./guard.ts";
import type { Program } from "./pipelines.ts";
import { SHADERS } from "./shaders/index.ts";
import { STORAGE } from "./pool.ts";
import { bytesOfRow, type Uses, usesOf } from "./storage.ts";

/** What is copied to the device at a time, at most if a row is no larger. */
const CHUNK_BYTES = 64 * 2 ** 20;

/** What may wait on the device to be read, or to be copied there. */
const WAITING_BYTES = 256 * 2 ** 20;

/** Computes a call. */
export async function compute(gpu: Gpu, call: CheckedCall): Promise<Outcome> {
  const made = await makeOutputs(gpu, call);
  try {
    const uses = usesOf(call);
    const program = await gpu.pipelines.get(call.operation, SHADERS[call.operation.name], uses.storage);
    const gpuSeconds = await computeChunks(gpu, call, uses, program);
    return gpuSeconds === undefined ? { threads: 1 } : { threads: 1, gpuSeconds };
  } catch (error) {
    for (const tensor of made) {
      tensor.buffer?.destroy();
      tensor.buffer = undefined;
    }
    throw error;
  }
}

/** Computes all chunks; returns the seconds that the GPU took, if all of them were timed. */
async function computeChunks(gpu: Gpu, call: CheckedCall, uses: Uses, program: Program): Promise<number | undefined> {
  const { dims, options } = call;
  const waiting: Chunk[] = [];
  let seconds: number | undefined = dims.rows === 0 ? undefined : 0;
  const readAll = async () => {
    for (const timed of await Chunk.readAll(gpu, waiting)) {
      seconds = timed === undefined || seconds === undefined ? undefined : seconds + timed;
    }
    waiting.length = 0;
  };
  try {
    let most = Math.max(1, Math.floor(CHUNK_BYTES / bytesOfRow(uses)));
    for (let first = 0; first < dims.rows;) {
      options.signal?.throwIfAborted();
      const rows = { first, end: Math.min(dims.rows, first + most) };
      try {
        waiting.push(await Chunk.begin(gpu, call, uses, program, rows));
        first = rows.end;
      } catch (error) {
        if (!(error instanceof GpuMemoryError) || rows.end - rows.first === 1) throw error;
        // Perhaps less will do
        await readAll();
        gpu.pool.clear();
        most = Math.ceil((rows.end - rows.first) / 2);
      }
      if (waiting.reduce((sum, { bytes }) => sum + bytes, 0) > WAITING_BYTES) await readAll();
      else if (first < dims.rows) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await readAll();
  } finally {
    for (const chunk of waiting) chunk.free();
  }
  return seconds;
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
