// Calibration: everything is measured, and nothing is left behind.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Arithmetic,
  calibrate,
  deviceOf,
  type Machine,
  machine,
  type OperationName,
  plan,
  useMachine,
} from "../src/cost/mod.ts";
import { KERNELS } from "../src/cost/calibrate/samples.ts";
import { RECORDS } from "../src/ops/records.ts";
import { availableBytes } from "../src/wasm/memory.ts";
import { onGpu } from "./backends.ts";

/** All numbers in a value, with their paths. */
function numbers(value: unknown, path = "machine"): [path: string, number: number][] {
  if (typeof value === "number") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => numbers(part, `${path}.${key}`));
}

function assertSane(found: Machine): void {
  for (const [path, number] of numbers(found)) {
    assert(Number.isFinite(number) && number >= 0, `${path} is ${number}`);
    if (/PerSecond/.test(path)) assert(number > 1e7 && number < 1e14, `${path} is ${number}`);
    if (/secondsPerCell/.test(path)) assert(number > 1e-13 && number < 1e-4, `${path} is ${number}`);
  }
}

Deno.test("calibrate() measures every kernel in every dtype, sets the machine and frees its memory", async () => {
  const former = machine();
  try {
    await calibrate(); // starts the threads
    const available = availableBytes();
    const found = await calibrate();
    assertEquals([machine(), found.isMeasured], [found, true]);
    assertEquals(availableBytes(), available);
    assertSane(found);
    const names = Object.keys(found.kernels.wasm), all = Object.keys(RECORDS) as OperationName[];
    const [composed, simple] = [true, false].map((isComposed) =>
      all.filter((name) => isComposed === (RECORDS[name].compose !== undefined))
    );
    assertEquals(names.length, KERNELS.length);
    for (const name of simple) {
      for (const dtype of ["f32", "f16", "bf16"]) {
        assert(names.some((kernel) => kernel.startsWith(`${name} ${dtype}`)), `${name} ${dtype}`);
      }
      assert(found.kernels.reference[`${name} f32`] ?? found.kernels.reference[`${name} f32 f32`], name);
    }
    assert(found.speedup >= 1 && found.speedup <= found.cores);
    assertEquals(useMachine(JSON.parse(JSON.stringify(found))), found);
    // A prediction is a rate times a size: no kernel is left to a round figure, and products have a rate of their own
    const secondsWith = (name: OperationName, backend: "wasm" | "reference", arithmetic: Arithmetic) => {
      const machine = { ...found, arithmetic: { ...found.arithmetic, [backend]: arithmetic } };
      const dims = { rows: 9, vocab: 9000, ...composed.includes(name) && { hidden: 9 } };
      const { candidates } = plan(name, dims, { machine, inputs: { dtype: "bf16" } });
      return candidates.find((one) => one.backend === backend && one.threads === 1)?.computeSeconds ?? NaN;
    };
    for (const name of simple) {
      const none = { secondsPerExp: 0, secondsPerFlop: 0, secondsPerMatrixFlop: 0 };
      const some = { secondsPerExp: 1, secondsPerFlop: 1, secondsPerMatrixFlop: 1 };
      assertEquals(secondsWith(name, "wasm", none), secondsWith(name, "wasm", some), name);
    }
    for (const backend of ["wasm", "reference"] as const) {
      const { secondsPerExp, secondsPerFlop, secondsPerMatrixFlop } = found.arithmetic[backend];
      const round = former.arithmetic[backend];
      assert(secondsPerExp !== round.secondsPerExp && secondsPerFlop !== round.secondsPerFlop, backend);
      assert(secondsPerMatrixFlop !== round.secondsPerMatrixFlop && secondsPerMatrixFlop > 1e-13, backend);
      for (const name of composed) assert(secondsWith(name, backend, found.arithmetic[backend]) > 0, name);
    }
    assert(found.arithmetic.wasm.secondsPerMatrixFlop < found.arithmetic.reference.secondsPerMatrixFlop / 4);
    const device = deviceOf(found, 8e9);
    assertEquals([device.kind, device.memoryBytes], ["cpu", 8e9]);
    const matrixRate = found.speedup / found.arithmetic.wasm.secondsPerMatrixFlop;
    assertEquals(device.matrixFlopsPerSecond, { f32: matrixRate, f16: matrixRate, bf16: matrixRate });
    for (const [path, number] of numbers(device)) assert(Number.isFinite(number) && number >= 0, path);
  } finally {
    useMachine(former);
  }
});

onGpu("calibrate({ webgpu: true }) measures the way there and back, and its kernels by the GPU's clock", async () => {
  const former = machine();
  try {
    const found = await calibrate({ webgpu: true });
    assertSane(found);
    assert(found.gpu.name !== "" && found.gpu.answerSeconds > 0 && found.gpu.openSeconds > 0);
    const timed = Object.keys(found.kernels.webgpu).length;
    assert(timed === 0 || timed === KERNELS.length, `${timed} kernels were timed`);
    const again = await calibrate();
    assertEquals([again.gpu, again.kernels.webgpu], [found.gpu, found.kernels.webgpu], "the CPU's part alone is new");
  } finally {
    useMachine(former);
  }
});

Deno.test("calibrate({ threads: 1 }) makes a machine of one thread", async () => {
  const former = machine();
  try {
    const { cores, speedup, meetingFactor, handOffSeconds } = await calibrate({ threads: 1 });
    assertEquals([cores, speedup, meetingFactor, handOffSeconds], [1, 1, 1, 0]);
    assertEquals(plan("jsDivergence", { rows: 999, vocab: 9999 }).winner.threads, 1);
  } finally {
    useMachine(former);
  }
});

Deno.test("calibrate() refuses what it does not know", async () => {
  const wrong = (options: unknown) => () => calibrate(options as Parameters<typeof calibrate>[0]);
  await assertRejects(wrong({ gpu: true }), TypeError, 'Cannot calibrate: there is no option "gpu"');
  await assertRejects(wrong({ threads: 0 }), RangeError, "Cannot calibrate: threads is 0, less than 1");
  await assertRejects(wrong({ webgpu: 1 }), TypeError, "Cannot calibrate: webgpu is 1, not a boolean");
  await assertRejects(wrong(null), TypeError, "Cannot calibrate: options are null, not an object");
});
