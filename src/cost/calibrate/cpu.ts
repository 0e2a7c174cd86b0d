/**
 * Rates of the CPU: of kernels in cache, of memory, of copies, of threads.
 *
 * @module
 */
import type { CheckedCall, CommonOptions, Operation, SyncBackend } from "../../operation.ts";
import { klDivergence, klDivergenceSync } from "../../ops/kl_divergence.ts";
import { logSumExp } from "../../ops/log_sum_exp.ts";
import { RECORDS } from "../../ops/records.ts";
import { reference } from "../../reference/mod.ts";
import { vector } from "../../tensors.ts";
import { type AllocatedMatrix, allocateMatrix } from "../../wasm/allocate.ts";
import { isResident } from "../../wasm/memory.ts";
import { wasm } from "../../wasm/mod.ts";
import { paddedMatrixFlops } from "../composed.ts";
import { demandOf, matrixFlops } from "../demand.ts";
import type { Arithmetic, Machine, Rate } from "../machine.ts";
import { kernelName } from "../predict.ts";
import { LEAST_ROUNDS, median, timeAll, timeEach } from "./clock.ts";
import { type Kernel, KERNELS, Product, Samples } from "./samples.ts";

/** Classes of a short row, and how many short rows a kernel is timed on: as many as two long ones, one if it is heavy. */
const BLOCK = 1024, SHORT_ROWS = 128, HEAVY_SHORT_ROWS = 16;

/** A kernel with more operations per row and class is heavy. */
const HEAVY_FLOPS = 20;

/** Bytes that are read, more than caches hold; that are copied; and that are copied at a time, as in staging. */
const MEMORY_BYTES = 40 * 2 ** 20, COPY_BYTES = 8 * 2 ** 20, BLOCK_BYTES = 2 ** 20;

/** Bytes of a new array, of which as many are touched as are copied: so large that allocators ask the system for them. */
const NEW_BYTES = 40 * 2 ** 20;

/** Seconds for the kernels of each backend, and for the threads, as a rule. */
const WASM_SECONDS = 0.07, REFERENCE_SECONDS = 0.01, THREADS_SECONDS = 0.06;

/** Threads fall asleep, as they do in a program that does other things too. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Classes of a row that threads share: some three quarters of a millisecond's divergence. */
const SHARED_CLASSES = 48 * 8192;

/** Reads and does nothing else (assembly/probe.ts). */
const PROBE: Operation = {
  name: "probe",
  inputs: [{ name: "words", shape: ["rows", "vocab"], type: "float" }],
  outputs: [{ name: "result", shape: ["rows"], type: "f32" }],
  params: {},
  work: () => ({ exps: 0, flops: 1 }),
};

/** The machine with its CPU measured, of which calls may take so many cores; what is known of its GPU stays. */
export async function measureCpu(machine: Machine, cores: number): Promise<Machine> {
  using samples = new Samples(SHORT_ROWS * BLOCK);
  const { plainFactor, ...fast } = measureWasm(samples), slow = measureReference(samples);
  return {
    ...machine,
    isMeasured: true,
    cores,
    plainFactor,
    kernels: { ...machine.kernels, wasm: fast.kernels, reference: slow.kernels },
    arithmetic: { ...machine.arithmetic, wasm: fast.arithmetic, reference: slow.arithmetic },
    ...await measureThreads(cores),
    ...measureCopies(),
  };
}

/** Rates of kernels, and of arithmetic. */
interface Rates {
  readonly kernels: Readonly<Record<string, Rate>>;
  readonly arithmetic: Arithmetic;
}

/** Rates of all kernels, and how much slower the plain build is. */
function measureWasm(samples: Samples): Rates & { readonly plainFactor: number } {
  const [first] = KERNELS, deterministic = { threads: 1, deterministic: true };
  const plain = callsOf(samples, first, deterministic);
  const calls = [...KERNELS.map((kernel) => callsOf(samples, kernel)), plain];
  using product = new Product(96, 256, 512);
  const [found, seconds] = timeCalls(wasm, calls, product.call, WASM_SECONDS);
  const kernels = Object.fromEntries(KERNELS.map((kernel, i) => [nameOf(kernel, samples), found[i]]));
  return {
    kernels,
    arithmetic: arithmeticOf(kernels, seconds / paddedMatrixFlops(demandOf(product.call, isResident))),
    plainFactor: found[KERNELS.length].secondsPerCell / found[0].secondsPerCell,
  };
}

/** Rates of the reference, for which the dtype makes little difference. */
function measureReference(samples: Samples): Rates {
  const kernels = KERNELS.filter(({ read }) => read === "f32");
  const calls = kernels.map((kernel) =>
    [[1, 1], [1, 1024], [8, 128]].map(([rows, vocab]) => samples.call(kernel, rows, vocab))
  );
  using product = new Product(8, 128, 128);
  const [found, seconds] = timeCalls(reference, calls, product.call, REFERENCE_SECONDS);
  const rates = Object.fromEntries(kernels.map((kernel, i) => [nameOf(kernel, samples), found[i]]));
  return {
    kernels: rates,
    arithmetic: arithmeticOf(rates, seconds / matrixFlops(demandOf(product.call, isResident))),
  };
}

/** A call of one short row, one of a few long rows and one of many short rows with as many cells. */
function callsOf(samples: Samples, kernel: Kernel, options?: CommonOptions): CheckedCall[] {
  const isHeavy = kernel.operation.work(new Set(kernel.outputs), {}).flops > HEAVY_FLOPS;
  const [long, short] = isHeavy ? [1, HEAVY_SHORT_ROWS] : [2, SHORT_ROWS];
  return [[1, 16], [long, short / long * BLOCK], [short, BLOCK]].map(([rows, vocab]) =>
    samples.call(kernel, rows, vocab, options)
  );
}

/** Solves seconds = call + rows · perRow + cells · perCell for each three calls; what a product takes beyond the call. */
function timeCalls(
  backend: SyncBackend,
  calls: readonly CheckedCall[][],
  product: CheckedCall,
  seconds: number,
): [rates: Rate[], productSeconds: number] {
  const actions = [...calls.flat(), product].map((call) => () => void backend.runSync(call));
  const times = timeAll(actions, seconds), productSeconds = times[times.length - 1];
  // Short as they are, some are disturbed every time: most are not
  const usual = median(times.slice(0, -1).filter((_, i) => i % 3 === 0));
  const rates = calls.map(([tiny, long, short], i) => {
    const [first, longSeconds, shortSeconds] = times.slice(3 * i, 3 * i + 3), tinySeconds = Math.min(first, usual);
    const cells = ({ dims: { rows, vocab } }: CheckedCall) => rows * vocab;
    const secondsPerRow = Math.max(0, shortSeconds - longSeconds) / (short.dims.rows - long.dims.rows);
    const rest = longSeconds - tinySeconds - (long.dims.rows - tiny.dims.rows) * secondsPerRow;
    // On a machine that is busy with something else, what is taken off may be too much
    return { secondsPerRow, secondsPerCell: Math.max(rest, longSeconds / 4) / (cells(long) - cells(tiny)) };
  });
  return [rates, Math.max(productSeconds - usual, productSeconds / 4)];
}

/** Rates of arithmetic: those that two kernels, with few and many operations for an exponential, share; and of a product. */
export function arithmeticOf(kernels: Readonly<Record<string, Rate>>, secondsPerMatrixFlop: number): Arithmetic {
  const [few, many] = [RECORDS.logSumExp, RECORDS.klDivergence].map(({ name, work }) => {
    return { ...work(new Set(), {}), seconds: kernels[`${name} f32`].secondsPerCell };
  });
  const rest = many.seconds / many.exps - few.seconds / few.exps;
  const secondsPerFlop = Math.max(0, rest / (many.flops / many.exps - few.flops / few.exps));
  const secondsPerExp = Math.max(0, few.seconds - few.flops * secondsPerFlop) / few.exps;
  return { secondsPerExp, secondsPerFlop, secondsPerMatrixFlop };
}

/** The name that a prediction looks a kernel's rate up by. */
export function nameOf(kernel: Kernel, samples: Samples): string {
  return kernelName(demandOf(samples.call(kernel, 1, BLOCK), isResident), kernel.outputs);
}

/** What a call takes however small, alone and where threads are told of it. */
async function measureCalls(cores: number): Promise<Pick<Machine, "callSeconds" | "handOffSeconds">> {
  const logits = { data: new Float32Array(16), shape: [2, 8] as const };
  const block = new Float32Array(BLOCK_BYTES / 4);
  const alone = await timeEach(() => logSumExp(logits, { backend: "wasm", threads: 1 }), 30, () => {
    block.copyWithin(0, 16); // cools the caches, as the data of a call do
  });
  if (cores === 1) return { callSeconds: alone, handOffSeconds: 0 };
  await logSumExp(logits, { backend: "wasm", threads: cores });
  const together = await timeEach(() => logSumExp(logits, { backend: "wasm", threads: 2 }), 10, pause);
  return { callSeconds: alone, handOffSeconds: Math.max(0, together - alone) };
}

type Threads = "speedup" | "meetingFactor" | "readBytesPerSecond" | "readBytesPerSecondOfAll";

/** What calls take, how fast one thread and all threads read and compute, and how well they share a row. */
async function measureThreads(
  cores: number,
): Promise<Pick<Machine, Threads | "callSeconds" | "handOffSeconds">> {
  const calls = await measureCalls(cores);
  const vocab = 2 ** 14, rows = MEMORY_BYTES / 4 / vocab;
  using matrix = allocateMatrix(rows, vocab, "f32");
  const words = { data: matrix.data, dtype: "f32", rows, columns: vocab, rowStride: vocab } as const;
  const read = (threads: number) => {
    const tensors = { words, result: vector(new Float32Array(rows)) };
    const call = { operation: PROBE, dims: { rows, vocab }, tensors, params: {}, options: { threads } };
    return () => void wasm.runSync(call);
  };
  // One row for all: it stays in cache
  const same = { data: new Float32Array(vocab), shape: [80 + 8 * cores, vocab], rowStride: 0 } as const;
  const compute = (threads: number) => () => void klDivergenceSync(same, same, { threads });
  const seconds = timeAll([read(1), read(cores), compute(1), compute(cores)], THREADS_SECONDS, least);
  const [readOne, readAll, computeOne, computeAll] = seconds;
  const speedup = Math.min(cores, Math.max(1, computeOne / computeAll));
  return {
    ...calls,
    speedup,
    meetingFactor: cores === 1 ? 1 : await measureMeeting(matrix, cores, speedup, calls),
    readBytesPerSecond: MEMORY_BYTES / readOne,
    readBytesPerSecondOfAll: MEMORY_BYTES / Math.min(readOne, readAll),
  };
}

/** How much longer than their shares threads take that share a row, after a pause. */
async function measureMeeting(
  matrix: AllocatedMatrix<Float32Array>,
  cores: number,
  speedup: number,
  { callSeconds, handOffSeconds }: Pick<Machine, "callSeconds" | "handOffSeconds">,
): Promise<number> {
  const row = { data: matrix.data.subarray(0, SHARED_CLASSES), shape: [1, SHARED_CLASSES] } as const;
  const [alone] = timeAll([() => void klDivergenceSync(row, row, { threads: 1 })], 0);
  const together = await timeEach(() => klDivergence(row, row, { threads: cores }), 8, pause);
  return Math.max(1, (together - callSeconds - handOffSeconds) * speedup / alone);
}

/** What an action takes that nothing disturbs: how much faster threads are shows only then. */
function least(samples: readonly number[]): number {
  return Math.min(...samples);
}

/** How fast arrays are copied to staging in cache, and to arrays that are new. */
function measureCopies(): Pick<Machine, "copyBytesPerSecond" | "newBytesPerSecond"> {
  const source = new Float32Array(COPY_BYTES / 4).fill(1), block = BLOCK_BYTES / 4;
  using slot = allocateMatrix(1, block, "f32");
  const copyIn = () => {
    for (let start = 0; start < source.length; start += block) slot.data.set(source.subarray(start, start + block));
  };
  // Made before, lest the garbage that this collects be counted
  const made = Array.from({ length: LEAST_ROUNDS }, () => new Float32Array(NEW_BYTES / 4));
  const copyToNew = () => {
    for (const target of made.splice(0, 1)) {
      for (let start = 0; start < source.length; start += block) target.set(slot.data, start);
    }
  };
  const [copy, fresh] = timeAll([copyIn, copyToNew], 0);
  return { copyBytesPerSecond: COPY_BYTES / copy, newBytesPerSecond: COPY_BYTES / fresh };
}
