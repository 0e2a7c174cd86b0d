// The planner: its candidates, what it takes, how predictions grow, and that calls go by it.

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { crossEntropy, logSumExp, softmax } from "../mod.ts";
import { type Machine, machine, type OperationName, plan, type PlanOptions, useMachine } from "../src/cost/mod.ts";
import { RECORDS } from "../src/ops/records.ts";
import "./backends.ts";

/** The machine of the table, with two cores whatever there are. */
const TWO: Machine = { ...machine(), cores: 2, speedup: 1.9 };

/** A GPU that all but computes in no time. */
const FAST_GPU: Machine = {
  ...TWO,
  gpu: { ...TWO.gpu, uploadBytesPerSecond: 1e12, downloadBytesPerSecond: 1e12, answerSeconds: 1e-6 },
};

const NAMES = Object.keys(RECORDS) as OperationName[];

/** Operations that are composed of products are cut in tiles, and have tests of their own. */
const [COMPOSED, SIMPLE] = [true, false].map((isComposed) =>
  NAMES.filter((name) => isComposed === (RECORDS[name].compose !== undefined))
);

/** Sizes of a call, with hidden states where the operation has them. */
function sizesOf(name: OperationName, rows: number, vocab: number, hidden = 64): Record<string, number> {
  return COMPOSED.includes(name) ? { rows, vocab, hidden } : { rows, vocab };
}

/** Runs a test with a machine set, and sets the former one again. */
async function withMachine(value: Machine, test: () => Promise<void>): Promise<void> {
  const former = machine();
  useMachine(value);
  try {
    await test();
  } finally {
    useMachine(former);
  }
}

Deno.test("plan() lists every backend and count of threads, the fastest first", () => {
  for (const name of NAMES) {
    const { candidates, winner } = plan(name, sizesOf(name, 64, 50_257), { machine: { ...TWO, cores: 6 } });
    const ways = candidates.map(({ backend, threads }) => `${backend} ${threads}`).sort();
    assertEquals(ways, ["reference 1", "wasm 1", "wasm 2", "wasm 4", "wasm 6", "webgpu 1"], name);
    const seconds = candidates.map(({ seconds }) => seconds);
    assertEquals(seconds, seconds.toSorted((a, b) => a - b));
    assert(winner.seconds <= 1.15 * seconds[0], name);
  }
});

Deno.test("plan() takes one thread for a row, all for a batch, and says why", () => {
  const row = plan("logSumExp", { rows: 1, vocab: 50_257 }, { machine: TWO, inputs: { place: "wasm" } });
  assertEquals([row.winner.backend, row.winner.threads, row.winner.peakBytes], ["wasm", 1, 0]);
  const batch = plan("crossEntropy", { rows: 512, vocab: 50_257 }, { machine: TWO, inputs: { place: "wasm" } });
  assertEquals([batch.winner.backend, batch.winner.threads], ["wasm", 2]);
  const time = "[\\d.]+ [mµn]?s";
  assertMatch(
    batch.reason,
    new RegExp(`^WebAssembly: predicted ${time} on 2 threads, a GPU ${time} with ${time} of copies and 11.0 ms until`),
  );
});

Deno.test("plan() goes to a GPU where the copies pay, and not to a CPU in disguise or against a promise", () => {
  const dims = { rows: 512, vocab: 50_257 };
  assertEquals(plan("logSumExp", dims, { machine: TWO }).winner.backend, "wasm");
  const fast = plan("jsDivergence", dims, { machine: FAST_GPU });
  assertEquals(fast.winner.backend, "webgpu");
  assertMatch(fast.reason, /^WebGPU: predicted .* WebAssembly/);
  const disguised = { ...FAST_GPU, gpu: { ...FAST_GPU.gpu, isFallback: true } };
  assertEquals(plan("jsDivergence", dims, { machine: disguised }).reason, "WebAssembly: the GPU is a CPU in disguise");
  const strict = plan("jsDivergence", dims, { machine: FAST_GPU, deterministic: true });
  assertEquals([strict.winner.backend, strict.candidates.some(({ backend }) => backend === "webgpu")], ["wasm", false]);
  const there = plan("jsDivergence", dims, { machine: TWO, inputs: { place: "gpu" } });
  assertEquals([there.candidates.length, there.winner.backend, there.winner.copySeconds < 1e-6], [1, "webgpu", true]);
  assertMatch(there.reason, /^The inputs are on the GPU/);
});

Deno.test("plan() counts new matrices, copies and what is staged", () => {
  const dims = { rows: 256, vocab: 50_257 }, bytes = 4 * 256 * 50_257;
  const of = (inputs: PlanOptions["inputs"]) => plan("softmax", dims, { machine: TWO, inputs }).winner;
  const inPlace = of({ place: "wasm", written: "inPlace" }), given = of({ place: "wasm", written: "given" });
  assertEquals([inPlace.peakBytes, given.peakBytes], [0, 0]);
  assertEquals([inPlace.copySeconds, given.copySeconds], [0, 0]);
  const made = of({ place: "wasm" });
  assertAlmostEquals(made.copySeconds, bytes / TWO.newBytesPerSecond, 1e-6);
  const { winner: small } = plan("softmax", { ...dims, rows: 4 }, { machine: TWO, inputs: { place: "wasm" } });
  assertAlmostEquals(small.copySeconds, 2 * bytes / 64 / TWO.copyBytesPerSecond, 1e-6);
  assert(made.peakBytes >= bytes && made.peakBytes <= bytes + 64 * 2 ** 20);
  const copied = of({ place: "array", written: "given" });
  assertAlmostEquals(copied.copySeconds, 2 * bytes / TWO.copyBytesPerSecond, 1e-6);
  const seen = of({ place: "shared", written: "given" });
  assertEquals(seen.copySeconds, copied.copySeconds);
  assert(seen.seconds < copied.seconds, "what all threads see is copied by all");
  const halves = of({ place: "wasm", dtype: "f16", written: "given" });
  assertEquals([halves.bytesRead, halves.bytesWritten], [bytes / 2, bytes / 2]);
});

Deno.test("predictions grow with rows and classes, and are additive over rows", () => {
  const size = fc.integer({ min: 1, max: 5000 }), more = fc.integer({ min: 1, max: 100 });
  const places = fc.constantFrom("array" as const, "wasm" as const, "gpu" as const);
  fc.assert(fc.property(fc.constantFrom(...SIMPLE), size, size, more, places, (name, rows, vocab, more, place) => {
    const ways = (rows: number, vocab: number) => {
      const options = { machine: { ...TWO, cores: 4 }, inputs: { place, written: "given" } as const };
      const { candidates } = plan(name, { rows, vocab }, options);
      return new Map(candidates.map((one) => [`${one.backend} ${one.threads}`, one]));
    };
    const base = ways(rows, vocab);
    for (const others of [ways(rows + more, vocab), ways(rows, vocab + more)]) {
      for (const [way, { bytesRead, bytesWritten, computeSeconds, memorySeconds, copySeconds }] of base) {
        const other = others.get(way);
        if (other === undefined) continue; // more threads share it now
        assert(other.bytesRead >= bytesRead && other.bytesWritten >= bytesWritten);
        // Of several threads, one may have less to do where they come to share rows
        if (other.threads === 1) assert(other.computeSeconds >= computeSeconds, way);
        assert(other.memorySeconds >= memorySeconds && other.copySeconds >= copySeconds, way);
      }
    }
    for (const [way, twice] of ways(2 * rows, vocab)) {
      const once = base.get(way);
      if (once === undefined) continue;
      assertEquals(twice.bytesRead, 2 * once.bytesRead);
      assertAlmostEquals(twice.copySeconds, 2 * once.copySeconds, 1e-12);
      if (once.threads === 1) assertAlmostEquals(twice.computeSeconds, 2 * once.computeSeconds, 1e-12);
    }
  }));
});

Deno.test("calls go by the machine that is set, and report what was predicted", async () => {
  const logits = { data: new Float32Array(64 * 16_384), shape: [64, 16_384] as const };
  const threads = async () => (await logSumExp(logits)).report.threads;
  await withMachine({ ...TWO, handOffSeconds: 0, callSeconds: 0 }, async () => assertEquals(await threads(), 2));
  await withMachine({ ...TWO, handOffSeconds: 1 }, async () => assertEquals(await threads(), 1));
  await withMachine(TWO, async () => {
    const { report } = await softmax(logits), dims = { rows: 64, vocab: 16_384 };
    assertEquals(report.predictedSeconds, plan("softmax", dims).winner.seconds);
    const options = { gradient: true, backend: "reference" } as const;
    const { report: slow } = await crossEntropy({ ...logits, shape: [1, 16_384] }, [0], options);
    const ways = plan("crossEntropy", { rows: 1, vocab: 16_384 }, { inputs: { outputs: ["gradient"] } }).candidates;
    assertEquals(slow.predictedSeconds, ways.find(({ backend }) => backend === "reference")?.seconds);
    const { report: plain } = await logSumExp(logits, { deterministic: true, threads: 1 });
    const { report: relaxed } = await logSumExp(logits, { threads: 1 });
    assert(plain.predictedSeconds > relaxed.predictedSeconds);
  });
});

Deno.test("a machine is saved as JSON, set again, and refused where a number is wrong", () => {
  const former = machine();
  const measured: Machine = {
    ...TWO,
    kernels: { ...TWO.kernels, wasm: { "logSumExp f32": { secondsPerCell: 1e-9, secondsPerRow: 1e-6 } } },
  };
  try {
    assertEquals(useMachine(JSON.parse(JSON.stringify(measured))), measured);
    assertEquals(machine(), measured);
    const faults: readonly (readonly [unknown, typeof TypeError | typeof RangeError, string])[] = [
      [null, TypeError, "machine is null, not an object"],
      [{ ...measured, cores: 0 }, RangeError, "machine.cores is 0, not above 0"],
      [{ ...measured, callSeconds: -1 }, RangeError, "machine.callSeconds is -1, less than 0"],
      [{ ...measured, copyBytesPerSecond: Infinity }, RangeError, "machine.copyBytesPerSecond is Infinity, not finite"],
      [{ ...measured, speedup: "2" }, TypeError, 'machine.speedup is "2", not a number'],
      [{ ...measured, isMeasured: 1 }, TypeError, "machine.isMeasured is not a boolean"],
      [{ ...measured, watts: 65 }, TypeError, 'there is no property of machine "watts"'],
      [{ ...measured, gpu: { ...measured.gpu, name: 5 } }, TypeError, "machine.gpu.name is not a string"],
      [{ ...measured, gpu: undefined }, TypeError, "machine.gpu is undefined, not an object"],
      [
        { ...measured, kernels: { ...measured.kernels, wasm: { x: { secondsPerCell: 1 } } } },
        TypeError,
        "secondsPerRow is undefined",
      ],
      [
        { ...measured, kernels: { ...measured.kernels, wasm: 5 } },
        TypeError,
        "machine.kernels.wasm is 5, not an object",
      ],
    ];
    for (const [value, type, message] of faults) assertThrows(() => useMachine(value as Machine), type, message);
    assertEquals(machine(), measured);
  } finally {
    useMachine(former);
  }
});

Deno.test("a measured rate is used, that of all optional outputs where some are wanted", () => {
  const rate = (nanoseconds: number) => ({ secondsPerCell: nanoseconds * 1e-9, secondsPerRow: 0 });
  const wasm = {
    "klDivergence f32": rate(2),
    "klDivergence+gradientP+gradientQ f32 f32": rate(6),
    "logSumExp f16": rate(9),
    "logSumExp f32": rate(7),
  };
  const measured = { ...TWO, kernels: { ...TWO.kernels, wasm } };
  const seconds = (name: OperationName, inputs: PlanOptions["inputs"]) => {
    const { candidates } = plan(name, { rows: 1, vocab: 1000 }, { machine: measured, inputs });
    return candidates.find(({ backend, threads }) => backend === "wasm" && threads === 1)?.computeSeconds ?? NaN;
  };
  const outputs = [[], ["gradientP"], ["gradientP", "gradientQ"]];
  assertEquals(outputs.map((outputs) => Math.round(seconds("klDivergence", { outputs }) * 1e9)), [2000, 6000, 6000]);
  const dtypes = ["f32", "f16", "bf16"] as const;
  assertEquals(dtypes.map((dtype) => Math.round(seconds("logSumExp", { dtype }) * 1e9)), [7000, 9000, 7000]);
});

Deno.test("plan() refuses absurd arguments by name and value", () => {
  const dims = { rows: 2, vocab: 3 };
  const faults: readonly (readonly [unknown[], typeof TypeError | typeof RangeError, string])[] = [
    [["sofmax", dims], RangeError, 'operation is "sofmax", not one of'],
    [["softmax", { rows: -1, vocab: 3 }], RangeError, "rows is -1, less than 0"],
    [["softmax", { rows: 2, vocab: 0 }], RangeError, "vocab is 0, less than 1"],
    [["softmax", { rows: 2.5, vocab: 3 }], RangeError, "rows is 2.5, not an integer"],
    [["softmax", { rows: 2, vocab: 2 ** 53 }], RangeError, "vocab is 9007199254740992, more than 2147483647"],
    [["softmax", { rows: NaN, vocab: 3 }], RangeError, "rows is NaN, not finite"],
    [["softmax", { rows: 2 }], TypeError, "vocab is undefined, not a number"],
    [["softmax", { ...dims, top: 3 }], TypeError, 'there is no dimension "top"'],
    [["softmax", 5], TypeError, "dims are 5, not an object"],
    [["softmax", dims, { input: {} }], TypeError, 'there is no option "input"'],
    [["softmax", dims, { inputs: { dtype: "f64" } }], RangeError, 'inputs.dtype is "f64", not one of'],
    [["softmax", dims, { inputs: { place: "disk" } }], RangeError, 'inputs.place is "disk", not one of'],
    [
      ["softmax", dims, { inputs: { outputs: ["gradient"] } }],
      RangeError,
      'inputs.outputs[0] is "gradient", softmax has none that',
    ],
    [["crossEntropy", dims, { inputs: { outputs: "gradient" } }], TypeError, "inputs.outputs is not an array"],
    [["softmax", dims, { inputs: { where: 1 } }], TypeError, 'there is no property of inputs "where"'],
    [
      ["softmax", dims, { inputs: { place: "gpu" }, deterministic: true }],
      RangeError,
      "deterministic is true, which a GPU",
    ],
    [["softmax", dims, { machine: {} }], TypeError, "machine.isMeasured is not a boolean"],
    [["softmax", dims, { deterministic: "yes" }], TypeError, 'deterministic is "yes", not a boolean'],
  ];
  for (const [args, type, message] of faults) {
    assertThrows(() => plan(...args as Parameters<typeof plan>), type, `Cannot plan: ${message}`);
  }
});
