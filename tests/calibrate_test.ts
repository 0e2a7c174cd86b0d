// Calibration: everything is measured, and nothing is left behind.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { calibrate, deviceOf, type Machine, machine, plan, useMachine } from "../src/cost/mod.ts";
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
    const names = Object.keys(found.kernels.wasm);
    assertEquals(names.length, KERNELS.length);
    for (const name of Object.keys(RECORDS)) {
      for (const dtype of ["f32", "f16", "bf16"]) {
        assert(names.some((kernel) => kernel.startsWith(`${name} ${dtype}`)), `${name} ${dtype}`);
      }
      assert(found.kernels.reference[`${name} f32`] ?? found.kernels.reference[`${name} f32 f32`], name);
    }
    assert(found.speedup >= 1 && found.speedup <= found.cores);
    assertEquals(useMachine(JSON.parse(JSON.stringify(found))), found);
    // A prediction is a rate times a size: no kernel is left to a round figure
    for (const name of Object.keys(RECORDS) as (keyof typeof RECORDS)[]) {
      const seconds = (arithmetic: Machine["arithmetic"]["wasm"]) => {
        const machine = { ...found, arithmetic: { ...found.arithmetic, wasm: arithmetic } };
        return plan(name, { rows: 9, vocab: 9000 }, { machine, inputs: { dtype: "bf16" } }).winner.seconds;
      };
      const none = { secondsPerExp: 0, secondsPerFlop: 0 };
      assertEquals(seconds(none), seconds({ secondsPerExp: 1, secondsPerFlop: 1 }), name);
    }
    const device = deviceOf(found, 8e9);
    assertEquals([device.kind, device.memoryBytes], ["cpu", 8e9]);
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
