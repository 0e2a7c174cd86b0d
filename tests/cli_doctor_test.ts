import { assert, assertEquals } from "@std/assert";
import type { Findings } from "../src/cli/doctor/examine.ts";
import { ratesOf } from "../src/cli/doctor/rates.ts";
import { useMachine } from "../src/cost/mod.ts";
import { commandLine } from "./command_line.ts";

/** With the permissions that the task gives it. */
const surprisal = commandLine("--allow-read", "--allow-write");

Deno.test("doctor --json says what runs and how fast, and --save writes what useMachine() takes", async () => {
  const path = await Deno.makeTempFile();
  try {
    const { code, out, err } = await surprisal("doctor", "--json", "--save", path);
    assertEquals([code, err], [0, ""]);
    const { runtime, processors, wasm, webgpu, machine, kernels } = JSON.parse(out) as Findings;
    assertEquals(runtime, { ...Deno.version, os: Deno.build.os, arch: Deno.build.arch });
    assertEquals([processors, machine.cores], Array(2).fill(navigator.hardwareConcurrency));
    assertEquals([wasm.runs, wasm.deterministicBuild], [true, "plain"]);
    assert(["relaxed", "plain"].includes(wasm.build ?? ""), wasm.reason);
    assertEquals(wasm.threads, Math.min(128, Math.max(2, processors)));
    assert(webgpu.runs === (webgpu.adapter !== undefined) && webgpu.reason !== "");
    if (webgpu.adapter) assert(Object.values(webgpu.adapter.limits).every((limit) => limit > 0));
    const rates = Object.entries(machine).filter(([name]) => /PerSecond|speedup|callSeconds/.test(name));
    assertEquals(rates.length, 6);
    for (const [name, rate] of rates) assert(Number.isFinite(rate) && rate > 0, `${name} is ${rate}`);
    for (const [operation, byDtype] of Object.entries({ ...kernels.wasm, ...kernels.reference })) {
      // A rate that drowned in the noise of a busy machine is null
      const wrong = Object.values(byDtype).filter((rate) => rate !== null && !(Number.isFinite(rate) && rate > 0));
      assertEquals(wrong, [], operation);
    }
    assertEquals(Object.keys(kernels.wasm.softmax), ["f32", "f16", "f16 → f32", "bf16", "bf16 → f32"]);
    assertEquals([Object.keys(kernels.reference.softmax), kernels.webgpu], [["f32"], {}]);
    assertEquals(useMachine(JSON.parse(await Deno.readTextFile(path))), machine);
  } finally {
    useMachine(undefined);
    await Deno.remove(path);
  }
});

Deno.test("doctor prints what people read", async () => {
  const { code, out, err } = await surprisal("doctor");
  assertEquals([code, err], [0, ""]);
  for (const text of ["Deno ", "SIMD", "WebGPU", "GB/s", "crossEntropy+gradient", "reference"]) {
    assert(out.includes(text), text);
  }
});

Deno.test("ratesOf() turns seconds into elements a second, and none into null", () => {
  const rate = (secondsPerCell: number) => ({ secondsPerCell, secondsPerRow: 1 });
  const kernels = { "softmax f32 f32": rate(2 ** -30), "softmax f16 f32": rate(0), "entropy bf16": rate(0.5) };
  assertEquals(ratesOf(kernels), { softmax: { f32: 2 ** 30, "f16 → f32": null }, entropy: { bf16: 2 } });
});

Deno.test("doctor refuses what it cannot do with code 2 and a line that names it", async () => {
  const wrong: readonly (readonly [named: string, ...args: string[]])[] = [
    ["'--savee'", "--savee"],
    ["'none/machine.json'", "--save", "none/machine.json"],
  ];
  for (const [named, ...args] of wrong) {
    const { code, out, err } = await surprisal("doctor", ...args);
    assertEquals([code, out], [2, ""], err);
    assert(/^surprisal: .*\n$/.test(err) && err.includes(named), err);
  }
});
