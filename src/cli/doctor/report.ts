/** Findings as tables. */
import { type Arithmetic, formatBytes, formatSeconds, type Machine } from "../../cost/mod.ts";
import { formatBothBytes } from "../bytes.ts";
import { alignColumns, type Alignment, formatCount, formatFactor, formatFixed } from "../table.ts";
import type { Adapter } from "./adapter.ts";
import type { Findings, Wasm, Webgpu } from "./examine.ts";
import type { KernelRates } from "./rates.ts";

/** The whole report. */
export function describeFindings(findings: Findings): string {
  const { machine, kernels } = findings, { gpu } = machine;
  const parts = [
    `Found\n${listing(found(findings))}`,
    `Measured\n${listing(measured(machine))}`,
    `WebAssembly on one thread, from cache, and the reference: G elements/s\n${cpuTable(kernels)}`,
  ];
  if (gpu.name !== "") {
    parts.push(`${gpu.name}, measured\n${listing(measuredGpu(machine))}`);
    if (Object.keys(kernels.webgpu).length > 0) {
      parts.push(`WebGPU: G elements/s\n${table(kernels.webgpu, columnsOf(kernels.webgpu))}`);
    }
  }
  return parts.join("\n\n");
}

type Line = readonly [label: string, value: string];

function listing(lines: readonly Line[]): string {
  const both: readonly Alignment[] = ["left", "left"];
  return alignColumns(lines.map(([label, value]) => [`  ${label}`, value]), both);
}

function found({ runtime, processors, wasm, webgpu }: Findings): Line[] {
  return [
    ["Deno", `${runtime.deno}, V8 ${runtime.v8}, ${runtime.os} on ${runtime.arch}`],
    ["processors", formatCount(processors)],
    ["WebAssembly", describeWasm(wasm, processors)],
    ["WebGPU", describeWebgpu(webgpu)],
    ...webgpu.adapter ? describeAdapter(webgpu.adapter) : [],
  ];
}

function describeWasm({ runs, reason, build, deterministicBuild, threads = 1 }: Wasm, processors: number): string {
  if (!runs) return reason;
  const many = threads === 1 ? "no threads" : `threads run: ${threads} on ${processors} processors`;
  return `${build} SIMD (${deterministicBuild} where it must be deterministic), ${many}`;
}

function describeWebgpu({ runs, reason, adapter }: Webgpu): string {
  if (!runs || adapter === undefined) return reason;
  const { description, vendor, architecture, isFallback } = adapter;
  const name = description || [vendor, architecture].join(" ").trim() || "without a name";
  return `${name}${isFallback ? ': a CPU in disguise, which only backend: "webgpu" takes' : ""}`;
}

function describeAdapter({ limits, features }: Adapter): Line[] {
  const all = Object.entries(limits).map(([name, limit]): Line => [`  ${name}`, describeLimit(name, limit)]);
  const has = Object.entries(features).map(([name, isThere]) => isThere ? name : `no ${name}`);
  return [...all, ["  features", has.join(", ")]];
}

function describeLimit(name: string, limit: number): string {
  return name.endsWith("Size") ? formatBothBytes(limit) : formatCount(limit);
}

function measured(machine: Machine): Line[] {
  const { readBytesPerSecond, readBytesPerSecondOfAll, speedup, arithmetic } = machine;
  return [
    ["memory is read at", `${rate(readBytesPerSecond)} by one thread, ${rate(readBytesPerSecondOfAll)} by all`],
    ["arrays are copied at", `${rate(machine.copyBytesPerSecond)}, to new ones at ${rate(machine.newBytesPerSecond)}`],
    [
      "all cores compute",
      `${formatFactor(speedup)} as fast as one, ${
        formatFactor(speedup / machine.meetingFactor)
      } where they share a row`,
    ],
    [
      "a call takes",
      `${formatSeconds(machine.callSeconds)}, handed to other threads ${formatSeconds(machine.handOffSeconds)} more`,
    ],
    ["deterministic takes", `${formatFactor(machine.plainFactor)} as long`],
    [
      "a product computes",
      `${products(arithmetic.wasm)} on one thread, ${products(arithmetic.reference)} by the reference`,
    ],
  ];
}

function measuredGpu({ gpu, arithmetic }: Machine): Line[] {
  return [
    ["its memory moves", rate(gpu.memoryBytesPerSecond)],
    ["arrays go there at", `${rate(gpu.uploadBytesPerSecond)}, and come back at ${rate(gpu.downloadBytesPerSecond)}`],
    ["a product computes", products(arithmetic.webgpu)],
    ["a call takes", `${formatSeconds(gpu.answerSeconds)}, the first one ${formatSeconds(gpu.openSeconds)}`],
  ];
}

function products({ secondsPerMatrixFlop }: Arithmetic): string {
  return `${formatFixed(1e-9 / secondsPerMatrixFlop, 2)} GFLOP/s`;
}

function rate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

function cpuTable({ wasm, reference }: Findings["kernels"]): string {
  const both = Object.keys(wasm).map((name) => [name, { ...wasm[name], reference: reference[name]?.f32 }]);
  return table(Object.fromEntries(both), [...columnsOf(wasm), "reference"]);
}

function columnsOf(kernels: KernelRates): string[] {
  return [...new Set(Object.values(kernels).flatMap(Object.keys))];
}

function table(kernels: KernelRates, columns: readonly string[]): string {
  const lines = Object.entries(kernels).map(([name, rates]) => [
    `  ${name}`,
    ...columns.map((column) => describeRate(rates[column])),
  ]);
  return alignColumns([["  operation", ...columns], ...lines]);
}

/** G elements a second; nothing where there is no such kernel, or no rate. */
function describeRate(rate: number | null | undefined): string {
  return rate === undefined || rate === null ? "" : formatFixed(rate / 1e9, 3);
}
