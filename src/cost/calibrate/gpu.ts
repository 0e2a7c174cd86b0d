/**
 * Rates of a GPU: of kernels by its own clock, of the way there and back.
 *
 * @module
 */
import type { CheckedCall, Outcome, Report } from "../../operation.ts";
import { linear } from "../../ops/linear.ts";
import { logSumExp } from "../../ops/log_sum_exp.ts";
import { softmax } from "../../ops/softmax.ts";
import { BackendUnavailableError } from "../../run.ts";
import { isResident } from "../../wasm/memory.ts";
import { openGpu } from "../../webgpu/device.ts";
import { webgpu } from "../../webgpu/mod.ts";
import { demandOf, traffic } from "../demand.ts";
import type { Machine, Rate } from "../machine.ts";
import { timeEach } from "./clock.ts";
import { arithmeticOf, nameOf } from "./cpu.ts";
import { KERNELS, Samples } from "./samples.ts";

/** Classes of a row. */
const VOCAB = 16_384;

/** Rows that are copied and that keep a GPU busy, and a CPU in disguise. */
const ROWS = 256, FALLBACK_ROWS = 192;

/** Rows, width and classes of a product. */
const PRODUCT = [1024, 1024, 4096] as const, FALLBACK_PRODUCT = [256, 256, 1024] as const;

const BY_NAME = { backend: "webgpu" } as const;

/** The machine with its GPU. */
export async function measureGpu(machine: Machine): Promise<Machine> {
  const start = performance.now();
  const gpu = await openGpu();
  if ("why" in gpu) throw new BackendUnavailableError(`Cannot calibrate webgpu: ${gpu.why}`);
  const rows = gpu.isFallback ? FALLBACK_ROWS : ROWS;
  using samples = new Samples(rows * VOCAB);
  const array = () => ({ data: new Float32Array(ROWS * VOCAB), shape: [ROWS, VOCAB] as const });
  const logits = array(), out = array(), row = { data: new Float32Array(VOCAB), shape: [1, VOCAB] as const };
  await logSumExp(row, BY_NAME);
  const openSeconds = (performance.now() - start) / 1000;
  const answerSeconds = await timeEach(() => logSumExp(row, BY_NAME), 7);
  const up = await copySeconds(() => logSumExp(logits, BY_NAME), answerSeconds);
  const both = await copySeconds(() => softmax(logits, { ...BY_NAME, out }), answerSeconds);
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
  const bytes = logits.data.byteLength, secondsPerMatrixFlop = await matrixFlopSeconds(gpu.isFallback);
  const webgpu = secondsPerMatrixFlop === undefined
    ? machine.arithmetic.webgpu
    : arithmeticOf(kernels, secondsPerMatrixFlop);
  return {
    ...machine,
    kernels: { ...machine.kernels, webgpu: kernels },
    arithmetic: { ...machine.arithmetic, webgpu },
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

/** Seconds of an operation of a product by the GPU's own clock; undefined where it has none. */
async function matrixFlopSeconds(isFallback: boolean): Promise<number | undefined> {
  const [rows, width, classes] = isFallback ? FALLBACK_PRODUCT : PRODUCT;
  const matrix = (rows: number) => ({ data: new Float32Array(rows * width).fill(1), shape: [rows, width] as const });
  const [hidden, weight] = [rows, classes].map(matrix);
  const runs = [await linear(hidden, weight, BY_NAME), await linear(hidden, weight, BY_NAME)];
  const least = Math.min(...runs.map(({ report }) => report.gpuSeconds ?? Infinity));
  return Number.isFinite(least) ? least / (2 * rows * width * classes) : undefined;
}

async function compute(call: CheckedCall): Promise<Outcome> {
  const obstacle = await webgpu.obstacle(call);
  if (obstacle !== undefined) throw new BackendUnavailableError(`Cannot calibrate webgpu: ${obstacle}`);
  return await webgpu.run(call);
}

/** What a call takes beyond the GPU's own time and its answer: copies. Its first run compiles. */
async function copySeconds(call: () => Promise<{ readonly report: Report }>, answerSeconds: number): Promise<number> {
  await call();
  const computed: number[] = [];
  const seconds = await timeEach(async () => computed.push((await call()).report.gpuSeconds ?? 0), 5);
  // At least what a terabyte a second takes: the clocks do not agree to the last digit
  return Math.max(seconds - answerSeconds - Math.min(...computed), 4 * ROWS * VOCAB / 1e12);
}

/** The less of two runs, the first of which compiles; undefined where the GPU has no clock. */
async function leastGpuSeconds(call: CheckedCall): Promise<number | undefined> {
  const runs = [await compute(call), await compute(call)].map(({ gpuSeconds }) => gpuSeconds ?? Infinity);
  const least = Math.min(...runs);
  return Number.isFinite(least) ? least : undefined;
}
