/** The plots of a plan. */
import { memory, METHODS } from "../../cost/mod.ts";
import { UsageError } from "../command.ts";
import type { Answer, MethodAnswer } from "./answer.ts";
import { memoryChart, type MemoryCurves, type Roofline, rooflineChart } from "./charts.ts";
import type { Question } from "./question.ts";
import { renderChart } from "./render.ts";
import { titleOf } from "./report.ts";

/** Up to so many batches each is a point; beyond, powers of two are. */
const EACH = 16;

/**
 * Draws what was asked for.
 *
 * @throws {UsageError} If a file cannot be written to, or there is no budget to draw.
 */
export async function drawPlots({ plots }: Question, answer: Answer): Promise<void> {
  if (plots.roofline !== undefined) await renderChart(rooflineChart(rooflineOf(answer)), plots.roofline);
  if (plots.memory !== undefined) await renderChart(memoryChart(curvesOf(answer)), plots.memory);
}

/** The methods under the device's roofs. */
export function rooflineOf(answer: Answer): Roofline {
  const { device, head, methods } = answer, { vectorFlopsPerSecond } = device;
  const matrix = device.matrixFlopsPerSecond[head.dtype];
  const isOne = matrix === vectorFlopsPerSecond, units = device.kind === "gpu" ? "units" : "arithmetic";
  return {
    title: `${titleOf(answer)}\n${device.name}`,
    memoryBytesPerSecond: device.memoryBytesPerSecond,
    ceilings: [
      ...isOne ? [] : [{ name: `matrix ${units}, ${head.dtype}`, flopsPerSecond: matrix }],
      { name: isOne ? "matrix products and vectors" : `vector ${units}`, flopsPerSecond: vectorFlopsPerSecond },
    ],
    points: methods.map((one) => ({
      name: one.method,
      intensity: one.roofline.intensity,
      flopsPerSecond: operationsOf(one) / (one.roofline.seconds - one.roofline.floorSeconds),
    })),
  };
}

function operationsOf({ work: { matrixFlops, flops, exps } }: MethodAnswer): number {
  return matrixFlops + flops + exps;
}

/**
 * Memory up to twice the largest batch in place, which is the leanest method that has all logits.
 *
 * @throws {UsageError} If it is not known how much memory there is.
 */
export function curvesOf(answer: Answer): MemoryCurves {
  const { head, device, room, methods } = answer;
  if (room === undefined) {
    throw new UsageError("Option '--plot-memory' needs '--budget': how much memory this machine has is not known");
  }
  const largest = methods.find(({ method }) => method === "inPlace")?.largestBatch ?? 0;
  const batches = batchesUpTo(2 * Math.max(largest, head.batch, 1));
  const isWhole = room.usableBytes === device.memoryBytes;
  return {
    title: `${titleOf(answer, "batch")}\n${device.name}`,
    series: METHODS.map((method) => ({
      name: method,
      points: batches.map((batch) => ({ batch, bytes: memory(method, { ...head, batch }).peakBytes })),
    })),
    budgetBytes: room.usableBytes,
    budgetName: isWhole ? "all of its memory" : "what may be used",
  };
}

/** From 1 to at least `most`. */
function batchesUpTo(most: number): number[] {
  if (most <= EACH) return Array.from({ length: most }, (_, i) => i + 1);
  return Array.from({ length: Math.ceil(Math.log2(most)) + 1 }, (_, i) => 2 ** i);
}
