/**
 * What devices can do at most, from data sheets and from arithmetic on their units and clocks.
 *
 * @module
 */
import { show, ValueChecker } from "../check.ts";
import type { DType } from "../operation.ts";

/** The rates and sizes of a device, all of them peaks. */
export interface Device {
  /** What it is called. */
  readonly name: string;
  /** What it is. */
  readonly kind: "gpu" | "cpu";
  /** Bytes a second of its memory, reads and writes together. */
  readonly memoryBytesPerSecond: number;
  /** Bytes of its memory, of which drivers and error correction keep some per cent. */
  readonly memoryBytes: number;
  /** Bytes of its last cache before that memory. */
  readonly cacheBytes: number;
  /**
   * Floating-point operations a second of a dense matrix product by the type of its factors, summed in f32. That of f32
   * is plain f32, not TF32, as in PyTorch unless told otherwise.
   */
  readonly matrixFlopsPerSecond: Readonly<Record<DType, number>>;
  /** Floating-point operations a second in f32 outside matrix units; a fused multiply-add is two. */
  readonly vectorFlopsPerSecond: number;
  /** Exponentials a second in f32. */
  readonly expsPerSecond: number;
  /** Bytes a second over the link to the host, one way; the memory's rate where the host shares it. */
  readonly hostBytesPerSecond: number;
  /** Seconds that a kernel takes to start, dispatched natively: a round figure for CUDA and its like; 0 for a CPU. */
  readonly launchSeconds: number;
  /**
   * Seconds that Deno's WebGPU takes to hand anything back: mapping a buffer waits for the queue and sleeps for 10 ms.
   * The device itself is far quicker; 0 for a CPU.
   */
  readonly readBackSeconds: number;
  /** Where the figures come from: addresses. */
  readonly sources: readonly string[];
}

interface Silicon {
  /** Multiprocessors, compute units or cores. */
  readonly units: number;
  /** Fused multiply-adds per unit and cycle. */
  readonly lanes: number;
  /** Exponentials per unit and cycle. */
  readonly exps: number;
  /** Cycles a second. */
  readonly clock: number;
  /** Matrix operations a second in f16; `vectorFlopsPerSecond` where there are no matrix units. */
  readonly f16?: number;
  /** The same in bf16; as f16 unless given. */
  readonly bf16?: number;
  /** Bytes a second. */
  readonly memory: number;
  /** Generation of PCI Express, of which it has 16 lanes; shares the host's memory unless given. */
  readonly pcie?: number;
  readonly memoryGiB: number;
  readonly cacheMiB: number;
}

function build(name: string, kind: Device["kind"], chip: Silicon, sources: readonly string[]): Device {
  const vectorFlopsPerSecond = 2 * chip.units * chip.lanes * chip.clock;
  const f16 = chip.f16 ?? vectorFlopsPerSecond;
  return {
    name,
    kind,
    memoryBytesPerSecond: chip.memory,
    memoryBytes: chip.memoryGiB * 2 ** 30,
    cacheBytes: chip.cacheMiB * 2 ** 20,
    matrixFlopsPerSecond: { f32: vectorFlopsPerSecond, f16, bf16: chip.bf16 ?? f16 },
    vectorFlopsPerSecond,
    expsPerSecond: chip.units * chip.exps * chip.clock,
    hostBytesPerSecond: chip.pcie === undefined ? chip.memory : oneWay(chip.pcie),
    launchSeconds: kind === "gpu" ? 5e-6 : 0,
    readBackSeconds: kind === "gpu" ? 11e-3 : 0,
    sources,
  };
}

/** Bytes a second over 16 lanes of PCI Express 3, 4 or 5: 2^generation GT/s each, of which 128 bits in 130 are data. */
function oneWay(generation: number): number {
  return 16 * 2 ** generation * 1e9 / 8 * 128 / 130;
}

const NVIDIA = "https://www.nvidia.com/en-us/data-center";
const NVIDIA_FILES = "https://www.nvidia.com/content/dam/en-zz/Solutions/Data-Center";

/** Special function units: 16 results of ex2 per multiprocessor and cycle, from compute capability 7.5 to 10.0. */
const CUDA_GUIDE = "https://docs.nvidia.com/cuda/cuda-c-programming-guide/#arithmetic-instructions";

function nvidia(name: string, chip: Omit<Silicon, "exps">, ...sources: readonly string[]): Device {
  return build(name, "gpu", { ...chip, exps: 16 }, [...sources, CUDA_GUIDE]);
}

const A100 = { units: 108, lanes: 64, clock: 1.41e9, f16: 312e12, pcie: 4, cacheMiB: 40 };
const A100_SHEET = `${NVIDIA_FILES}/a100/pdf/nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf`;

/** The boost clock of f32; matrix units run at 1.83 GHz. */
const HOPPER = { units: 132, lanes: 128, clock: 1.98e9, f16: 989.4e12, pcie: 5, cacheMiB: 50 };

const T4_VECTOR = 2 * 40 * 64 * 1.59e9;

const AMD_FILES = "https://www.amd.com/content/dam/amd/en/documents";

const METAL_BENCHMARKS = "https://github.com/philipturner/metal-benchmarks";

/**
 * Apple publishes neither clocks nor caches. Up to M2 they were measured, as were 32 exponentials per core and cycle;
 * M3 and M4 are estimates: as many exponentials, the caches of M2, and clocks that owners read off. Matrix products run
 * in the f32 lanes, whatever their type.
 */
function apple(name: string, chip: Omit<Silicon, "lanes" | "exps">, news: string): Device {
  const sources = [`https://www.apple.com/newsroom/${news}/`, METAL_BENCHMARKS];
  return build(name, "gpu", { ...chip, lanes: 128, exps: 32 }, sources);
}

/**
 * Two pipes of eight f32 lanes a core, as the hardware has it; WebAssembly's 128-bit vectors fill half of the lanes. An
 * exponential is a polynomial there, estimated at a dozen vector instructions; f16 and bf16 are widened to f32.
 */
function avx2(name: string, chip: Omit<Silicon, "lanes" | "exps">, source: string): Device {
  return build(name, "cpu", { ...chip, lanes: 16, exps: 16 / 12 }, [source, "https://www.agner.org/optimize/"]);
}

/** Memory of 64-bit channels, in bytes a second. */
function ddr(channels: number, transfersPerSecond: number): number {
  return 8 * channels * transfersPerSecond;
}

/**
 * Devices by name, at their peaks, which no program quite reaches.
 *
 * Rates are dense, without sparsity. Sizes that data sheets give in GB are binary, as the chips are. Rates of vectors
 * and of exponentials are units × lanes × boost clock. The CPUs stand for their class, every core at work:
 * `desktop-cpu` is a Ryzen 7 7700X at its base clock, `server-cpu` an EPYC 9554 at its all-core boost, with a module of
 * 16 or 64 GiB a channel.
 */
export const DEVICES: Readonly<Record<string, Device>> = {
  "a100-40gb": nvidia("NVIDIA A100 SXM 40 GB", { ...A100, memory: 1.555e12, memoryGiB: 40 }, A100_SHEET),
  "a100-80gb": nvidia("NVIDIA A100 SXM 80 GB", { ...A100, memory: 2.039e12, memoryGiB: 80 }, A100_SHEET),
  "h100": nvidia("NVIDIA H100 SXM", { ...HOPPER, memory: 3.35e12, memoryGiB: 80 }, `${NVIDIA}/h100/`),
  "h200": nvidia("NVIDIA H200 SXM", { ...HOPPER, memory: 4.8e12, memoryGiB: 141 }, `${NVIDIA}/h200/`),
  // An eighth of a DGX; cache and clock are what the driver reports
  "b200": nvidia(
    "NVIDIA B200",
    { units: 148, lanes: 128, clock: 1.965e9, f16: 2.25e15, memory: 8e12, pcie: 5, memoryGiB: 180, cacheMiB: 126.5 },
    `${NVIDIA}/dgx-b200/`,
    "https://www.together.ai/blog/flashattention-4",
  ),
  "l4": nvidia(
    "NVIDIA L4",
    { units: 58, lanes: 128, clock: 2.04e9, f16: 121e12, memory: 300e9, pcie: 4, memoryGiB: 24, cacheMiB: 48 },
    `${NVIDIA}/l4/`,
  ),
  // 256 bits at 10 Gbit/s, which its data sheet rounds down; its matrix units know no bf16
  "t4": nvidia(
    "NVIDIA T4",
    {
      units: 40,
      lanes: 64,
      clock: 1.59e9,
      f16: 65e12,
      bf16: T4_VECTOR,
      memory: 320e9,
      pcie: 3,
      memoryGiB: 16,
      cacheMiB: 4,
    },
    `${NVIDIA}/tesla-t4/`,
    `${NVIDIA_FILES}/tesla-t4/t4-tensor-core-datasheet-951643.pdf`,
  ),
  // Sums in f16 would be twice as fast
  "rtx-4090": nvidia(
    "NVIDIA GeForce RTX 4090",
    { units: 128, lanes: 128, clock: 2.52e9, f16: 165.2e12, memory: 1.008e12, pcie: 4, memoryGiB: 24, cacheMiB: 72 },
    "https://images.nvidia.com/aem-dam/Solutions/geforce/ada/nvidia-ada-gpu-architecture.pdf",
  ),
  // Vector arithmetic in packed pairs; exponentials at a quarter of the 64 lanes' rate
  "mi300x": build(
    "AMD Instinct MI300X",
    "gpu",
    {
      units: 304,
      lanes: 128,
      exps: 16,
      clock: 2.1e9,
      f16: 1307.4e12,
      memory: 5.3e12,
      pcie: 5,
      memoryGiB: 192,
      cacheMiB: 256,
    },
    [
      `${AMD_FILES}/instinct-tech-docs/data-sheets/amd-instinct-mi300x-data-sheet.pdf`,
      "https://reviews.llvm.org/D81011",
    ],
  ),
  "apple-m1": apple(
    "Apple M1, 8 GPU cores",
    { units: 8, clock: 1.278e9, memory: 68.25e9, memoryGiB: 16, cacheMiB: 8 },
    "2020/11/apple-unleashes-m1",
  ),
  "apple-m1-max": apple(
    "Apple M1 Max, 32 GPU cores",
    { units: 32, clock: 1.296e9, memory: 400e9, memoryGiB: 64, cacheMiB: 48 },
    "2021/10/introducing-m1-pro-and-m1-max-the-most-powerful-chips-apple-has-ever-built",
  ),
  "apple-m2": apple(
    "Apple M2, 10 GPU cores",
    { units: 10, clock: 1.398e9, memory: 100e9, memoryGiB: 24, cacheMiB: 8 },
    "2022/06/apple-unveils-m2-with-breakthrough-performance-and-capabilities",
  ),
  "apple-m2-max": apple(
    "Apple M2 Max, 38 GPU cores",
    { units: 38, clock: 1.398e9, memory: 400e9, memoryGiB: 96, cacheMiB: 48 },
    "2023/01/apple-unveils-m2-pro-and-m2-max-next-generation-chips-for-next-level-workflows",
  ),
  "apple-m3": apple(
    "Apple M3, 10 GPU cores",
    { units: 10, clock: 1.398e9, memory: 100e9, memoryGiB: 24, cacheMiB: 8 },
    "2023/10/apple-unveils-m3-m3-pro-and-m3-max-the-most-advanced-chips-for-a-personal-computer",
  ),
  "apple-m3-max": apple(
    "Apple M3 Max, 40 GPU cores",
    { units: 40, clock: 1.398e9, memory: 400e9, memoryGiB: 128, cacheMiB: 48 },
    "2023/10/apple-unveils-m3-m3-pro-and-m3-max-the-most-advanced-chips-for-a-personal-computer",
  ),
  "apple-m4": apple(
    "Apple M4, 10 GPU cores",
    { units: 10, clock: 1.578e9, memory: 120e9, memoryGiB: 32, cacheMiB: 8 },
    "2024/10/apple-introduces-m4-pro-and-m4-max",
  ),
  "apple-m4-max": apple(
    "Apple M4 Max, 40 GPU cores",
    { units: 40, clock: 1.578e9, memory: 546e9, memoryGiB: 128, cacheMiB: 48 },
    "2024/10/apple-introduces-m4-pro-and-m4-max",
  ),
  "desktop-cpu": avx2(
    "Desktop CPU, 8 cores, 2 channels of DDR5-5200",
    { units: 8, clock: 4.5e9, memory: ddr(2, 5.2e9), memoryGiB: 32, cacheMiB: 32 },
    "https://www.amd.com/en/products/processors/desktops/ryzen/7000-series/amd-ryzen-7-7700x.html",
  ),
  "server-cpu": avx2(
    "Server CPU, 64 cores, 12 channels of DDR5-4800",
    { units: 64, clock: 3.75e9, memory: ddr(12, 4.8e9), memoryGiB: 768, cacheMiB: 256 },
    "https://www.amd.com/en/products/processors/server/epyc/4th-generation-9004-and-8004-series/amd-epyc-9554.html",
  ),
};

/**
 * The device of a name.
 *
 * @param name A key of {@linkcode DEVICES}, in lower case.
 * @returns Its rates and sizes.
 * @throws {TypeError} If the name is not a string.
 * @throws {RangeError} If there is no such device; the message lists those that there are.
 *
 * @example The products with the vocabulary gain more from a newer GPU than the loss does
 * ```ts
 * import { device } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const [older, newer] = [device("a100-80gb"), device("h100")];
 * const memoryGain = newer.memoryBytesPerSecond / older.memoryBytesPerSecond;
 * const matrixGain = newer.matrixFlopsPerSecond.bf16 / older.matrixFlopsPerSecond.bf16;
 * assertEquals([memoryGain.toFixed(1), matrixGain.toFixed(1)], ["1.6", "3.2"]);
 * ```
 */
export function device(name: string): Device {
  const check = new ValueChecker("find the device");
  if (typeof name !== "string") throw check.typeError(`name is ${show(name)}, not a string`);
  if (!Object.hasOwn(DEVICES, name)) {
    throw check.rangeError(`name is ${show(name)}, not one of ${Object.keys(DEVICES).join(", ")}`);
  }
  return DEVICES[name];
}
