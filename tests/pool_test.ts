// The threads as a resource: started once, parked, stopped, dying, and several callers at once.

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { allocate, crossEntropy, logSumExp, type Matrix, softmax } from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import { availableBytes, committedBytes } from "../src/wasm/memory.ts";
import { threads } from "../src/wasm/pool.ts";

// Started here, lest a test seem to have leaked them.
threads(3);
synchronous.logSumExp(ordinary(1, 1));

/** By name: of so much work from so little memory a GPU would be asked first. */
const ON = { backend: "wasm", threads: 2 } as const;

/** Many rows that are one: as much work as one likes, from little memory. */
function large(rows: number, vocab = 50_000): Matrix {
  return { data: new Float32Array(vocab), shape: [rows, vocab], rowStride: 0 };
}

function ordinary(rows: number, vocab: number, value = 0): Matrix {
  return { data: new Float32Array(rows * vocab).fill(value), shape: [rows, vocab] };
}

/** The ports of threads that end were opened in another test; those of the new ones stay open. */
const DYING = { sanitizeResources: false };

function workers() {
  const pool = threads(2);
  assert(pool !== undefined);
  return pool.workers;
}

Deno.test("a thread that ends takes its calls with it, and the next call has new threads", DYING, async () => {
  for (const logits of [large(20_000), ordinary(600, 50_000)]) {
    const [available, before] = [availableBytes(), workers()];
    const outcome = assertRejects(() => logSumExp(logits, ON), Error, "A thread of the pool ended");
    await before[1].terminate();
    await outcome;
    const { logSumExp: values, report } = await logSumExp(ordinary(64, 1000, 1), ON);
    assertEquals(report.threads, 2);
    assert(values.every((lse) => Math.abs(lse - 1 - Math.log(1000)) < 1e-5));
    assert(workers().every((worker) => !before.includes(worker)));
    assertEquals(synchronous.logSumExp(ordinary(3, 20_000), ON).report.threads, 2);
    threads(before.length);
    assertEquals(availableBytes(), available, "the new threads have what the old ones had");
  }
});

Deno.test("all calls under way when a thread ends reject, whatever they wait for", DYING, async () => {
  const calls = [large(20_000), large(20_000), ordinary(300, 50_000)].map((logits) =>
    assertRejects(() => logSumExp(logits, ON), Error, "A thread of the pool ended")
  );
  await workers()[0].terminate();
  await Promise.all(calls);
  threads(3);
});

Deno.test("a short call does not wait for a long one", async () => {
  const finished: string[] = [];
  const long = logSumExp(large(20_000), ON).then(() => finished.push("long"));
  const short = logSumExp(ordinary(64, 20_000), ON).then(() => finished.push("short"));
  const one = logSumExp(ordinary(1, 100_000), ON).then(() => finished.push("one row"));
  await Promise.all([long, short, one]);
  assertEquals(finished.at(-1), "long");
});

Deno.test("calls without a promise are served while others are under way", async () => {
  const long = logSumExp(large(4000), ON);
  for (let i = 0; i < 20; i++) {
    for (const logits of [ordinary(1, 30_000, i), ordinary(40, 3000, i)]) {
      const { logSumExp: values } = synchronous.logSumExp(logits, { threads: 3 });
      assert(values.every((lse) => Math.abs(lse - i - Math.log(logits.shape[1])) < 1e-5));
    }
  }
  const { logSumExp: values } = await long;
  assert(values.every((lse) => Math.abs(lse - Math.log(50_000)) < 1e-5));
});

Deno.test("many callers at once do not see one another's staging", async () => {
  const calls = Array.from({ length: 24 }, async (_, i) => {
    const vocab = 1000 + 777 * i;
    const { logSumExp: values } = await logSumExp(ordinary(200, vocab, i), { threads: 1 + i % 3 });
    assert(values.every((lse) => Math.abs(lse - i - Math.log(vocab)) < 1e-4), `caller ${i}`);
  });
  await Promise.all(calls);
});

Deno.test("an abort stops within a block, wherever the logits lie, and leaves the pool usable", async () => {
  const shared = new Float32Array(new SharedArrayBuffer(4 * 500 * 50_000));
  for (const logits of [large(200_000), ordinary(500, 50_000), { data: shared, shape: [500, 50_000] as const }]) {
    const available = availableBytes();
    for (const delay of [0, 1]) {
      const controller = new AbortController(), reason = new Error("enough");
      const call = crossEntropy(logits, new Int32Array(logits.shape[0]), { ...ON, signal: controller.signal });
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      controller.abort(reason);
      assertEquals(await assertRejects(() => call), reason);
      assertEquals(availableBytes(), available);
    }
    const { report } = await logSumExp(ordinary(64, 1000), ON);
    assertEquals(report.threads, 2);
  }
});

Deno.test("an abort finds threads that share a row all at it, or none", async () => {
  const logits = ordinary(1, 400_000), before = workers();
  for (let i = 0; i < 400; i++) {
    const controller = new AbortController(), reason = new Error("enough");
    const call = logSumExp(logits, { threads: 3, signal: controller.signal });
    // The threads wake one after the other: now, or in the next some tens of microseconds
    for (const end = performance.now() + i / 2000; performance.now() < end;);
    controller.abort(reason);
    await call.then(({ logSumExp: [lse] }) => assert(Math.abs(lse - Math.log(400_000)) < 1e-5), (error) => {
      assertEquals(error, reason);
    });
  }
  assertEquals(workers(), before, "no thread was given up");
});

Deno.test("an array that is taken away during a call makes it reject, and the pool goes on", async () => {
  const logits = ordinary(400, 50_000), available = availableBytes();
  const call = logSumExp(logits, ON);
  structuredClone(logits.data.buffer, { transfer: [logits.data.buffer as ArrayBuffer] });
  await assertRejects(() => call, TypeError);
  assertEquals(availableBytes(), available);
  assertEquals((await logSumExp(ordinary(64, 1000), ON)).report.threads, 2);
});

Deno.test("10,000 calls and 200 matrices leave the memory as it was", async () => {
  const logits = ordinary(2, 16_000), wide = ordinary(16, 100);
  const cycle = async () => {
    synchronous.logSumExp(logits, ON);
    await logSumExp(wide, ON);
  };
  for (let i = 0; i < 100; i++) await cycle();
  const [committed, available, { rss }] = [committedBytes(), availableBytes(), Deno.memoryUsage()];
  for (let i = 0; i < 200; i++) {
    using matrix = allocate([1 + i % 5, 20_000]);
    await softmax(matrix, { out: matrix, threads: 2 });
    for (let j = 0; j < 25; j++) await cycle();
  }
  assertEquals([committedBytes(), availableBytes()], [committed, available]);
  assertLess(Deno.memoryUsage().rss - rss, 2 ** 26);
});

/** Runs a script without permissions in a process of its own; what it prints. */
async function runAlone(prologue: string, script: string): Promise<string> {
  const folder = Deno.makeTempDirSync();
  try {
    const entry = (name: string) => JSON.stringify(new URL(`../${name}`, import.meta.url).href);
    const path = `${folder}/main.ts`;
    const imports = `const { logSumExp } = await import(${entry("mod.ts")});
      const { logSumExp: logSumExpSync } = await import(${entry("src/sync.ts")});`;
    Deno.writeTextFileSync(path, `${prologue}\n${imports}\n${script}`);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", path],
      signal: AbortSignal.timeout(30_000),
    });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    assertEquals([code, text.decode(stderr)], [0, ""]);
    return text.decode(stdout).trim();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const LOGITS = "const logits = { data: new Float32Array(400_000).fill(2), shape: [4, 100_000] as const };";

Deno.test("threads need no permission, do not keep the process, and it does not end while they work", async () => {
  const script = `${LOGITS}
    const { report, logSumExp: lse } = await logSumExp(logits, { threads: 2 });
    console.log(report.threads, lse[3].toFixed(4));`;
  assertEquals(await runAlone("", script), "2 13.5129");
});

Deno.test("without SharedArrayBuffer, or with one core, one thread computes", async () => {
  const script = `${LOGITS}
    const rows = { data: new Float32Array(1e7), shape: [1000, 10_000] as const };
    const reports = [await logSumExp(rows), logSumExpSync(rows), await logSumExp(logits)].map(({ report }) => report);
    console.log(JSON.stringify(reports.map(({ backend, threads }) => [backend, threads])));`;
  const expected = JSON.stringify([["wasm", 1], ["wasm", 1], ["wasm", 1]]);
  assertEquals(
    await runAlone("delete (globalThis as { SharedArrayBuffer?: unknown }).SharedArrayBuffer;", script),
    expected,
  );
  const single = `Object.defineProperty(navigator, "hardwareConcurrency", { value: 1 });`;
  assertEquals(await runAlone(single, script), expected);
});
