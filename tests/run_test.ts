// From a checked call to a backend and back: reports, empty inputs, signals, the event loop, permissions.

import { assert, assertEquals, assertGreaterOrEqual, assertMatch, assertRejects, assertThrows } from "@std/assert";
import * as asynchronous from "../mod.ts";
import type { CommonOptions, Matrix, Report } from "../mod.ts";
import { setImmediate } from "node:timers";
import * as synchronous from "../src/sync.ts";
import { availableBytes } from "../src/wasm/memory.ts";
import { kernels } from "../src/wasm/kernels.ts";
import { onEachBackend, onEachKernel } from "./backends.ts";

const { allocate, crossEntropy, logSumExp } = asynchronous;

/** Every operation on matrices of one shape, by name. */
const OPERATIONS: Readonly<
  Record<string, (x: Matrix, options: CommonOptions) => Promise<{ readonly report: Report }>>
> = {
  crossEntropy: (x, options) =>
    asynchronous.crossEntropy(x, new Int32Array(x.shape[0]), { ...options, gradient: true }),
  entropy: (x, options) => asynchronous.entropy(x, options),
  jsDivergence: (x, options) => asynchronous.jsDivergence(x, x, { ...options, reduction: "none", gradient: "p" }),
  klDivergence: (x, options) => asynchronous.klDivergence(x, x, { ...options, reduction: "none", gradient: "both" }),
  logSoftmax: (x, options) => asynchronous.logSoftmax(x, options),
  logSumExp: (x, options) => asynchronous.logSumExp(x, options),
  softmax: (x, options) => asynchronous.softmax(x, options),
  tokenStatistics: (x, options) => asynchronous.tokenStatistics(x, new Int32Array(x.shape[0]), { ...options, top: 2 }),
};

function zeros(rows: number, columns: number): Matrix {
  return { data: new Float32Array(rows * columns), shape: [rows, columns] };
}

/** Bytes that each operation above moves on [3, 5] of f32: inputs, then outputs, a term a tensor. */
const BYTES: Readonly<Record<string, readonly [read: number, written: number]>> = {
  crossEntropy: [60 + 12, 12 + 12 + 12 + 60],
  entropy: [60, 12 + 12],
  jsDivergence: [60 + 60, 12 + 60],
  klDivergence: [60 + 60, 12 + 60 + 60],
  logSoftmax: [60, 60],
  logSumExp: [60, 12],
  softmax: [60, 60],
  tokenStatistics: [60 + 12, 12 + 12 + 12 + 12 + 12 + 24 + 24],
};

onEachBackend("every report has its backend, a reason, seconds, and the bytes that move", async (choice) => {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const { report: { gpuSeconds, ...report } } = await operation(zeros(3, 5), choice);
    assertEquals(Object.keys(report).sort(), [
      "backend",
      "bytesRead",
      "bytesWritten",
      "predictedSeconds",
      "reason",
      "seconds",
      "threads",
    ]);
    const isTimed = choice.backend === "webgpu" && gpuSeconds !== undefined && gpuSeconds > 0 && gpuSeconds < 60;
    assert(isTimed || gpuSeconds === undefined, `${name}: ${gpuSeconds}`);
    assertEquals(report.backend, choice.backend ?? "auto");
    assertMatch(report.reason, /: asked for by name$/);
    assert(report.seconds >= 0 && report.seconds < 60, name);
    assert(report.predictedSeconds > 0 && report.predictedSeconds < 0.1, name);
    assertEquals([report.bytesRead, report.bytesWritten], [...BYTES[name]], name);
  }
});

Deno.test("a report counts a shared row once, and what is stored rather than what is computed", () => {
  const row = { data: new Uint16Array(5), shape: [3, 5], dtype: "bf16", rowStride: 0 } as const;
  const out = { data: new Float16Array(20), shape: [3, 5], rowStride: 7 } as const;
  assertEquals(out.data.length >= 2 * 7 + 5, true);
  const { report } = synchronous.softmax(row, { out });
  assertEquals([report.bytesRead, report.bytesWritten], [10, 30]);
  const { report: weighted } = synchronous.crossEntropy(zeros(3, 5), zeros(3, 5), {
    classWeights: [1, 1, 1, 1, 1],
    gradientScale: [1, 1, 1],
  });
  assertEquals([weighted.bytesRead, weighted.bytesWritten], [60 + 60 + 20 + 12, 12 + 12]);
});

Deno.test('"auto" says what it predicted of both ways, "deterministic" takes the plain build', async () => {
  const time = "[\\d.]+ [mµn]?s";
  const predicted = `predicted ${time}, a GPU ${time} with ${time} of copies and 11.0 ms until it answers$`;
  for (const operation of Object.values(OPERATIONS)) {
    const { report } = await operation(zeros(1, 2), {});
    assertEquals(report.backend, "wasm");
    assertMatch(report.reason, new RegExp(`^WebAssembly with ${kernels(false)?.build} SIMD: ${predicted}`));
    const { reason } = (await operation(zeros(1, 2), { deterministic: true })).report;
    assertMatch(reason, new RegExp(`^WebAssembly with plain SIMD: ${predicted}`));
  }
  const { reason } = synchronous.logSumExp(zeros(1, 2)).report;
  assertEquals(reason, `WebAssembly with ${kernels(false)?.build} SIMD: the fastest without a promise`);
});

/** The lengths of all arrays in a result. */
function lengths(value: unknown): number[] {
  if (ArrayBuffer.isView(value)) return [value.byteLength];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).filter(([key]) => key !== "shape").flatMap(([, element]) => lengths(element));
}

onEachBackend("no rows give empty results", async (choice) => {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const result = await operation(zeros(0, 5), choice);
    assertGreaterOrEqual(lengths(result).length, 1, name);
    assertEquals(new Set(lengths(result)), new Set([0]), name);
    assertEquals([result.report.bytesRead, result.report.bytesWritten], [0, 0], name);
  }
  const reduced = async (reduction: "mean" | "sum") =>
    (await crossEntropy(zeros(0, 5), [], { ...choice, reduction })).loss;
  assertEquals([await reduced("sum"), await reduced("mean")], [0, NaN]);
});

onEachBackend("an aborted signal rejects with its reason, before anything is written", async (choice) => {
  const reason = new Error("stop");
  const signal = AbortSignal.abort(reason);
  for (const rows of [0, 1]) {
    const out = { data: new Float32Array(5).fill(7), shape: [rows, 5] as const };
    assertEquals(await assertRejects(() => asynchronous.softmax(zeros(rows, 5), { ...choice, signal, out })), reason);
    assertEquals(assertThrows(() => synchronous.softmax(zeros(rows, 5), { ...choice, signal, out })), reason);
    assertEquals([...out.data], [7, 7, 7, 7, 7]);
  }
  await assertRejects(() => logSumExp(zeros(1, 5), { ...choice, signal, temperature: 0 }), RangeError, "temperature");
});

/** Rows enough for many steps, each as long as a backend may hold the event loop or shorter. */
const LARGE: Readonly<Record<string, Matrix>> = {
  wasm: { ...zeros(1, 50_000), shape: [4096, 50_000], rowStride: 0 },
  webgpu: zeros(1024, 50_000),
  reference: { ...zeros(1, 4096), shape: [1024, 4096], rowStride: 0 },
};

onEachBackend("an abort midway rejects with its reason, frees the staging, and the next call works", async (choice) => {
  const logits = LARGE[choice.backend ?? "auto"];
  const targets = new Int32Array(logits.shape[0]);
  await logSumExp(zeros(1, 1), choice);
  const available = availableBytes();
  const reason = new Error("enough");
  const controller = new AbortController();
  let isUnderWay = false;
  setImmediate(() => (isUnderWay = true, controller.abort(reason)));
  const promise = crossEntropy(logits, targets, { ...choice, signal: controller.signal });
  assertEquals(isUnderWay, false);
  assertEquals(await assertRejects(() => promise), reason);
  assertEquals(isUnderWay, true);
  assertEquals(availableBytes(), available);
  const { logSumExp: result } = await logSumExp(zeros(1, 1), choice);
  assertEquals([...result], [0]);
});

/** How often the event loop turns, and a timer fires, while a call is under way. */
async function turnsDuring(call: () => Promise<unknown>): Promise<{ turns: number; ticks: number }> {
  let turns = 0, ticks = 0, isOver = false;
  const timer = setInterval(() => ticks++, 5);
  const turn = () => {
    if (isOver) return;
    turns++;
    setImmediate(turn);
  };
  setImmediate(turn);
  await call();
  isOver = true;
  clearInterval(timer);
  return { turns, ticks };
}

onEachBackend("timers fire during a large call", async (choice) => {
  const logits = LARGE[choice.backend ?? "auto"];
  const { ticks } = await turnsDuring(() => crossEntropy(logits, new Int32Array(logits.shape[0]), choice));
  assertGreaterOrEqual(ticks, 2);
});

onEachKernel("the event loop turns during a large call, wherever the logits lie", async (choice) => {
  const [rows, vocab] = [768, 50_000];
  using resident = allocate([rows, vocab]);
  const ordinary = zeros(rows, vocab);
  for (const logits of [ordinary, resident]) {
    const { turns } = await turnsDuring(() =>
      crossEntropy(logits, new Int32Array(rows), { ...choice, labelSmoothing: 0.1 })
    );
    assertGreaterOrEqual(turns, 2, logits === ordinary ? "ordinary" : "resident");
  }
});

onEachBackend("calls under way at the same time do not mix", async (choice) => {
  const [rows, vocab] = LARGE[choice.backend ?? "auto"].shape;
  const constant = (x: number): Matrix => ({
    data: new Float32Array(vocab).fill(x),
    shape: [rows / 4, vocab],
    rowStride: 0,
  });
  const results = await Promise.all([1, 2, 3].map((x) => logSumExp(constant(x), { ...choice, softcap: 10 * x })));
  results.forEach(({ logSumExp: result }, i) => {
    const x = i + 1;
    const expected = 10 * x * Math.tanh(x / (10 * x)) + Math.log(vocab);
    assert(result.every((lse) => Math.abs(lse - expected) < 1e-4), `${x}`);
  });
});

Deno.test("a program without permissions computes, and ends by itself", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const entry = new URL("../mod.ts", import.meta.url).href;
    const script = `${folder}/main.ts`;
    Deno.writeTextFileSync(
      script,
      `import { allocate, crossEntropy } from ${JSON.stringify(entry)};
      using logits = allocate([2, 1000]);
      const { loss, report } = await crossEntropy(logits, [0, 999], { gradient: "inPlace" });
      console.log(JSON.stringify({ loss, backend: report.backend }));`,
    );
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", script],
      cwd: folder,
      signal: AbortSignal.timeout(20_000),
    });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    assertEquals([code, text.decode(stderr)], [0, ""]);
    const { loss, backend } = JSON.parse(text.decode(stdout));
    assertEquals(backend, "wasm");
    assert(Math.abs(loss - Math.log(1000)) < 1e-5);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
