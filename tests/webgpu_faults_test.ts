// What goes wrong on a device rejects one call and leaves the next one to work; what calls take they give back.

import { assert, assertEquals, assertGreater, assertLess, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { BackendUnavailableError, crossEntropy, jsDivergence, logSumExp, type Matrix, softmax } from "../mod.ts";
import { logSumExp as logSumExpSync } from "../src/sync.ts";
import type { CheckedCall } from "../src/operation.ts";
import { record as logSumExpRecord } from "../src/ops/log_sum_exp.ts";
import { vector } from "../src/tensors.ts";
import { compute } from "../src/webgpu/job.ts";
import { compileModule } from "../src/webgpu/pipelines.ts";
import { Pool } from "../src/webgpu/pool.ts";
import { HAS_GPU, onGpu } from "./backends.ts";
import { confine, countReads, makeBuffer, ownGpu } from "./gpu.ts";

const GPU = { backend: "webgpu" } as const;

function zeros(rows: number, vocab: number): Matrix {
  return { data: new Float32Array(rows * vocab), shape: [rows, vocab] };
}

onGpu("2,000 calls leave no buffer behind", async () => {
  const { pool } = await ownGpu();
  const batch = async (i: number) => {
    await Promise.all(Array.from({ length: 20 }, (_, k) => {
      const logits = zeros(1 + k % 3, 100 + (i + k) % 50);
      return crossEntropy(logits, new Int32Array(1 + k % 3), { ...GPU, gradient: k % 2 === 0 });
    }));
  };
  await batch(0);
  const kept = pool.keptBytes;
  assertEquals(pool.lentBytes, 0);
  for (let i = 1; i < 100; i++) await batch(i);
  assertEquals(pool.lentBytes, 0);
  assertLess(pool.keptBytes, 1.5 * kept + 2 ** 20);
});

onGpu("a pool keeps no more than its limit, and what it gave is taken again", async () => {
  const { device } = await ownGpu();
  const pool = new Pool(device), usage = GPUBufferUsage.STORAGE;
  const first = pool.take(1000, usage);
  assertGreater(first.size, 999);
  assertEquals(pool.lentBytes, first.size);
  pool.give(first);
  assertEquals([pool.lentBytes, pool.keptBytes], [0, first.size]);
  assertEquals(pool.take(990, usage), first);
  assert(pool.take(990, usage) !== first);
  const large = Array.from({ length: 5 }, () => pool.take(2 ** 27, usage));
  for (const buffer of large) pool.give(buffer);
  assertEquals(pool.keptBytes, 4 * 2 ** 27);
  pool.clear();
  assertEquals(pool.keptBytes, 0);
  first.destroy();
});

onGpu("calls at the same time share a read-back", async () => {
  await logSumExp(zeros(1, 5000), GPU);
  const reads = countReads();
  try {
    await Promise.all(Array.from({ length: 8 }, () => logSumExp(zeros(1, 5000), GPU)));
    assertEquals(reads.count, 1);
    await crossEntropy(zeros(300, 50_000), new Int32Array(300), GPU);
    assertEquals(reads.count, 2, "a call of several chunks is read once");
  } finally {
    reads.restore();
  }
});

onGpu("a device that is destroyed midway rejects the calls under way, and the next has a new one", async () => {
  const { device } = await ownGpu();
  const calls = [1, 2].map(() => crossEntropy(zeros(1000, 50_000), new Int32Array(1000), GPU));
  const errors = Promise.all(calls.map((call) => assertRejects(() => call, Error, "the GPU's device was lost")));
  await new Promise((resolve) => setTimeout(resolve, 0));
  device.destroy();
  await errors;
  assertEquals([...(await logSumExp(zeros(1, 4), GPU)).logSumExp], [Math.fround(Math.log(4))]);
  assert((await ownGpu()).device !== device);
});

onGpu("a device that was lost between calls is replaced; a caller's own is refused", async () => {
  const { device } = await ownGpu();
  device.destroy();
  await device.lost;
  assertEquals((await logSumExp(zeros(1, 4), GPU)).report.backend, "webgpu");
  const theirs = await (await navigator.gpu.requestAdapter())?.requestDevice();
  assert(theirs);
  assertEquals((await logSumExp(zeros(1, 4), { ...GPU, device: theirs })).report.backend, "webgpu");
  theirs.destroy();
  await theirs.lost;
  const on = { ...GPU, device: theirs };
  await assertRejects(() => logSumExp(zeros(1, 4), on), BackendUnavailableError, "the GPU's device was lost");
});

onGpu("a shader that does not compile is an error with its line", async () => {
  const { device } = await ownGpu();
  const error = await assertRejects(() => compileModule(device, "nothing", "fn f() {\n  let x = y;\n}"), Error);
  assertMatch(error.message, /^Cannot compile the WGSL of nothing at line 2, `let x = y;`: .*`y`/s);
});

onGpu("an output that no buffer can hold is an error with its bytes and the limit", async () => {
  const { device } = await ownGpu();
  const vocab = 2 ** 20, rows = 2 ** 12, bytes = 4 * rows * vocab, limit = device.limits.maxBufferSize;
  const logits = { data: makeBuffer(device, 4 * vocab), shape: [rows, vocab], dtype: "f32", rowStride: 0 } as const;
  const error = await assertRejects(() => softmax(logits, { ...GPU, outputs: "gpu" }), RangeError);
  assertEquals(
    error.message,
    `Cannot compute softmax: an output of ${bytes} bytes does not fit a buffer of the GPU, which has ${limit} at most`,
  );
  logits.data.destroy();
});

function logSumExpCall(rows: number, vocab: number): CheckedCall & { readonly result: Float32Array } {
  const logits = vector(new Float32Array(rows * vocab), vocab), logSumExp = vector(new Float32Array(rows));
  return {
    operation: logSumExpRecord,
    dims: { rows, vocab },
    tensors: { logits, logSumExp },
    params: { softcap: 0, temperature: 1 },
    options: {},
    result: logSumExp.data,
  };
}

onGpu(
  "where memory is short fewer rows are computed at a time; where it is too short for one, the error says so",
  async () => {
    const gpu = await ownGpu();
    const call = logSumExpCall(64, 50_000);
    const confined = confine(gpu, 3e6);
    await compute(confined, call);
    assert(call.result.every((lse) => Math.abs(lse - Math.log(50_000)) < 1e-5));
    assertEquals(confined.pool.lentBytes, 0);
    confined.pool.clear();
    const error = await assertRejects(() => compute(confine(gpu, 1e5), logSumExpCall(4, 50_000)), RangeError);
    const limit = gpu.device.limits.maxBufferSize;
    assertMatch(error.message, /^Cannot compute logSumExp of rows 0 to 0: the GPU has no memory for 2\d{5} bytes/);
    assert(error.message.includes(`its largest buffer is ${limit} bytes`));
  },
);

Deno.test('"auto" takes no CPU in disguise, and says that it found one', { ignore: !HAS_GPU }, async () => {
  const gpu = await ownGpu();
  // Much arithmetic on one row's bytes: predicted to pay
  const row: Matrix = { data: new Float32Array(50_257), shape: [150, 50_257], rowStride: 0 };
  const { report } = await jsDivergence(row, row, { threads: 1 });
  if (gpu.isFallback) {
    assertEquals(report.backend, "wasm");
    assertMatch(report.reason, /WebAssembly .*; not webgpu: its only adapter, .*, is a CPU in disguise$/);
  } else assertMatch(report.reason, /^WebGPU on .*: predicted .* ms of copies/);
});

onGpu("what a GPU cannot promise is refused", async () => {
  const problem = "Cannot compute logSumExp on webgpu: a GPU does not promise the same bits as other machines";
  const same = () => logSumExp(zeros(1, 4), { ...GPU, deterministic: true });
  await assertRejects(same, BackendUnavailableError, problem);
  const sync = () => logSumExpSync(zeros(1, 4), GPU);
  const unwilling = "Cannot compute logSumExp on webgpu: a GPU answers through promises only";
  assertThrows(sync, BackendUnavailableError, unwilling);
});

/** What a program says that is run with an environment. */
async function say(env: Record<string, string>): Promise<string> {
  const code = `import { logSumExp } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)};
const logits = { data: new Float32Array(4), shape: [1, 4] };
console.log((await logSumExp(logits)).report.backend);
const gpu = logSumExp(logits, { backend: "webgpu" });
await gpu.then(({ report }) => console.log(report.reason), (error) => console.log(error.name, error.message));`;
  const path = Deno.makeTempFileSync({ suffix: ".mjs" });
  try {
    Deno.writeTextFileSync(path, code);
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["run", "--no-prompt", path], env }).output();
    return new TextDecoder().decode(stdout);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("without an adapter the error says what was looked for, and everything else works", async () => {
  const said = await say({ DENO_WEBGPU_BACKEND: "" });
  assertMatch(
    said,
    /^wasm\nBackendUnavailableError Cannot compute logSumExp on webgpu: navigator.gpu.requestAdapter\(\) found no adapter/,
  );
});

Deno.test("WebGPU needs no permission, and keeps no process alive", { ignore: !HAS_GPU }, async () => {
  assertMatch(await say({}), /^wasm\nWebGPU on .*: asked for by name\n$/);
});
