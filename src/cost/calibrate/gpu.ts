/**
 * Rates of a GPU: of kernels by its own clock, of the way there and back.
 *
 * @module
 */
import type { CheckedCall, Outcome } from "../../operation.ts";
import { BackendUnavailableError } from "../../run.ts";
import { isResident } from "../../wasm/memory.ts";
import { openGpu } from "../../webgpu/device.ts";
import { webgpu } from "../../webgpu/mod.ts";
import { demandOf, isMatrix, sumBytes, traffic } from "../demand.ts";
import type { Machine, Rate } from "../machine.ts";
import { timeEach } from "./clock.ts";
import { nameOf } from "./cpu.ts";
import { KERNELS, Samples } from "./samples.ts";

/** Classes of a row. */
const VOCAB = 16_384;

/** Rows that keep a GPU busy, and a CPU in disguise. */
const ROWS = 256, FALLBACK_ROWS = 8;

const BY_NAME = { backend: "webgpu" } as const;

/** The machine with its GPU. */
export async function measureGpu(machine: Machine): Promise<Machine> {
  const start = performance.now();
  const gpu = await openGpu();
  if ("why" in gpu) throw new BackendUnavailableError(`Cannot calibrate webgpu: ${gpu.why}`);
  const rows = gpu.isFallback ? FALLBACK_ROWS : ROWS;
  using samples = new Samples(rows * VOCAB);
  const call = (name: string, rows: number) => {
    const kernel = KERNELS.find(({ operation, read }) => operation.name === name && read === "f32") ?? KERNELS[0];
    return samples.call(kernel, rows, VOCAB, BY_NAME);
  };
  const tiny = call("logSumExp", 1), read = call("logSumExp", rows), written = call("softmax", rows);
  await compute(tiny);
  const openSeconds = (performance.now() - start) / 1000;
  const answerSeconds = await timeEach(() => compute(tiny), 7);
  const up = await copySeconds(read, answerSeconds), both = await copySeconds(written, answerSeconds);
  const kernels: Record<string, Rate> = {};
  let memoryBytesPerSecond = 1;
  for (const kernel of KERNELS) {
    const call = samples.call(kernel, rows, VOCAB, BY_NAME);
    const gpuSeconds = await leastGpuSeconds(call);
    if (gpuSeconds === undefined) continue;
    kernels[nameOf(kernel, samples)] = { secondsPerCell: gpuSeconds / (rows * VOCAB), secondsPerRow: 0 };
    const { bytesRead, bytesWritten } = traffic(demandOf(call, isResident));
    memoryBytesPerSecond = Math.max(memoryBytesPerSecond, (bytesRead + bytesWritten) / gpuSeconds);
  }
  const bytes = 4 * rows * VOCAB;
  return {
    ...machine,
    kernels: { ...machine.kernels, webgpu: kernels },
    gpu: {
      name: gpu.name,
      isFallback: gpu.isFallback,
      uploadBytesPerSecond: bytes / up,
      downloadBytesPerSecond: bytes / Math.max(both - up, bytes / 1e12),
      memoryBytesPerSecond: Object.keys(kernels).length > 0 ? memoryBytesPerSecond : machine.gpu.memoryBytesPerSecond,
      answerSeconds,
      openSeconds,
    },
  };
}

async function compute(call: CheckedCall): Promise<Outcome> {
  const obstacle = await webgpu.obstacle(call);
  if (obstacle !== undefined) throw new BackendUnavailableError(`Cannot calibrate webgpu: ${obstacle}`);
  return await webgpu.run(call);
}

/** What a call takes beyond the GPU's own time and its answer: copies. */
async function copySeconds(call: CheckedCall, answerSeconds: number): Promise<number> {
  await compute(call);
  let computed = 0;
  const seconds = await timeEach(async () => computed = (await compute(call)).gpuSeconds ?? 0, 5);
  const bytes = sumBytes(demandOf(call, isResident), () => true);
  return Math.max(seconds - answerSeconds - computed, bytes / 1e12);
}

/** The less of two runs, the first of which compiles; undefined where the GPU has no clock. */
async function leastGpuSeconds(call: CheckedCall): Promise<number | undefined> {
  const runs = [await compute(call), await compute(call)].map(({ gpuSeconds }) => gpuSeconds ?? Infinity);
  const least = Math.min(...runs);
  return Number.isFinite(least) ? least : undefined;
}
