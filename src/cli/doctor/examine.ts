/** What runs on this machine, tried out, and how fast. */
import { BackendUnavailableError, logSumExp } from "../../../mod.ts";
import { calibrate, type Machine } from "../../cost/mod.ts";
import { UsageError } from "../command.ts";
import { type Adapter, findAdapter } from "./adapter.ts";
import { type KernelRates, ratesOf } from "./rates.ts";

/** What `--json` prints: bytes, seconds, elements a second. */
export interface Findings {
  readonly runtime: {
    readonly deno: string;
    readonly v8: string;
    readonly typescript: string;
    readonly os: string;
    readonly arch: string;
  };
  /** Processors that threads run on at once. */
  readonly processors: number;
  readonly wasm: Wasm;
  readonly webgpu: Webgpu;
  /** What was measured, as `--save` writes it. */
  readonly machine: Machine;
  /** Elements a second by backend and kernel. */
  readonly kernels: Readonly<Record<"wasm" | "webgpu" | "reference", KernelRates>>;
}

/** WebAssembly. */
export interface Wasm {
  /** Whether it runs. */
  readonly runs: boolean;
  /** Why not, or what was taken. */
  readonly reason: string;
  /** The SIMD that is used, and that where results must be the same everywhere. */
  readonly build?: string;
  readonly deterministicBuild?: string;
  /** Threads that took part of those that were asked for: one for each processor, and two at least. */
  readonly threads?: number;
}

/** WebGPU. */
export interface Webgpu {
  /** Whether it computed. */
  readonly runs: boolean;
  /** Why not, or on what. */
  readonly reason: string;
  /** What it has, where there is one. */
  readonly adapter?: Adapter;
}

/** Classes of a row that is tried. */
const VOCAB = 1024;

/** Rows for each thread. */
const ROWS = 64;

/**
 * Examines this machine, and measures it: its GPU too if that is wanted.
 *
 * @throws {UsageError} If a GPU is to be measured and there is none.
 */
export async function examine(isGpuWanted: boolean): Promise<Findings> {
  const processors = navigator.hardwareConcurrency, wasm = await examineWasm(threadsFor(processors));
  const machine = await measure(isGpuWanted), webgpu = await examineWebgpu();
  const { os, arch } = Deno.build, { wasm: fast, webgpu: gpu, reference } = machine.kernels;
  return {
    runtime: { ...Deno.version, os, arch },
    processors,
    wasm,
    webgpu,
    machine,
    kernels: { wasm: ratesOf(fast), webgpu: ratesOf(gpu), reference: ratesOf(reference) },
  };
}

/** Before a GPU is tried: that it takes long to open is measured too. */
async function measure(isGpuWanted: boolean): Promise<Machine> {
  try {
    return await calibrate({ webgpu: isGpuWanted });
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    throw new UsageError(`Option '--webgpu' finds nothing to measure: ${reasonOf(error)}`);
  }
}

/** One for each processor, two at least, and no more than a call may ask for. */
function threadsFor(processors: number): number {
  return Math.min(128, Math.max(2, processors));
}

async function examineWasm(threads: number): Promise<Wasm> {
  return await orReason(async () => {
    const few = logits(1), many = logits(ROWS * threads), backend = "wasm";
    const { reason } = (await logSumExp(few, { backend })).report;
    const plain = (await logSumExp(few, { backend, deterministic: true })).report;
    const together = (await logSumExp(many, { backend, threads })).report;
    return {
      runs: true,
      reason,
      build: buildIn(reason),
      deterministicBuild: buildIn(plain.reason),
      threads: together.threads,
    };
  });
}

async function examineWebgpu(): Promise<Webgpu> {
  const adapter = await findAdapter();
  const trial = await orReason(async () => {
    const { report } = await logSumExp(logits(1), { backend: "webgpu" });
    return { runs: true, reason: report.reason };
  });
  return { ...trial, adapter };
}

/** What was found, or why there is nothing. */
async function orReason<Found>(find: () => Promise<Found>): Promise<Found | { runs: false; reason: string }> {
  try {
    return await find();
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    return { runs: false, reason: reasonOf(error) };
  }
}

/** What comes after "Cannot compute logSumExp on webgpu: ". */
function reasonOf({ message }: BackendUnavailableError): string {
  return message.replace(/^Cannot [^:]*: /, "");
}

/** "relaxed" in "WebAssembly with relaxed SIMD: asked for by name". */
function buildIn(reason: string): string | undefined {
  return /with (\w+) SIMD/.exec(reason)?.[1];
}

function logits(rows: number) {
  return { data: new Float32Array(rows * VOCAB), shape: [rows, VOCAB] } as const;
}
