import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { Floor } from "../src/cli/evaluation/floor.ts";
import { divergenceOf, probabilitiesOf } from "./evaluation_cases.ts";
import { Random } from "./random.ts";

type Codes = Float32Array | Float16Array | Uint16Array;

/** A row of each element type, its values, and the distance to the next greater code in magnitude. */
function rowOf(dtype: "f32" | "f16" | "bf16", values: readonly number[]) {
  const logits = dtype === "f32"
    ? Float32Array.from(values)
    : dtype === "f16"
    ? Float16Array.from(values)
    : bf16(values);
  const wide = (codes: Codes) => dtype === "bf16" ? Float32Array.from(codes, fromBf16) : Float32Array.from(codes);
  const bits = dtype === "f32" ? new Uint32Array(logits.buffer) : new Uint16Array(logits.buffer);
  const next = logits.slice(), nextBits = dtype === "f32" ? new Uint32Array(next.buffer) : new Uint16Array(next.buffer);
  bits.forEach((code, i) => nextBits[i] = code + 1);
  const stored = wide(logits), above = wide(next);
  return { logits, stored, spacings: Float64Array.from(above, (value, i) => Math.abs(value - stored[i])) };
}

function bf16(values: readonly number[]): Uint16Array {
  return Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits) => bits >>> 16);
}

function fromBf16(code: number): number {
  return new Float32Array(Uint32Array.of(code * 65_536).buffer)[0];
}

/** The mean true divergence over draws in which every logit is off by up to half its spacing, and its standard error. */
function dither(logits: ArrayLike<number>, spacings: ArrayLike<number>, draws: number, temperature = 1) {
  const random = new Random(11), p = probabilitiesOf(logits, temperature), found = [];
  for (let draw = 0; draw < draws; draw++) {
    const noisy = Float64Array.from(logits, (value, i) => value + (random.uniform() - 0.5) * spacings[i]);
    found.push(divergenceOf(p, probabilitiesOf(noisy, temperature)));
  }
  const mean = found.reduce((sum, value) => sum + value, 0) / draws;
  const variance = found.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (draws - 1);
  return { mean, error: Math.sqrt(variance / draws) };
}

for (const dtype of ["f32", "f16", "bf16"] as const) {
  Deno.test(`Floor is the divergence that rounding to ${dtype} gives in expectation`, () => {
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed), values = [6, 0, ...random.normals(99, 3)].slice(0, seed === 3 ? 3 : 101);
      const { logits, stored, spacings } = rowOf(dtype, values);
      const p = Float32Array.from(probabilitiesOf(stored));
      const found = new Floor(dtype, 1).ofRow(p, logits), { mean, error } = dither(stored, spacings, 3000);
      assertLess(Math.abs(found - mean), 4 * error + 0.01 * found, `${found} against ${mean} ± ${error}`);
    }
  });
}

Deno.test("Floor knows the spacing of subnormal, masked and largest logits", () => {
  const third = Float32Array.of(1 / 3, 1 / 3, 1 / 3);
  const terms = (...spacings: number[]) => spacings.reduce((sum, u) => sum + 2 / 9 * u ** 2 / 24, 0);
  const cases = [
    ["f16", Float16Array.of(2 ** -24, -Infinity, 65504), terms(2 ** -24, 0, 32)],
    ["f16", Float16Array.of(-1, 1.5, -1024), terms(2 ** -10, 2 ** -10, 1)],
    ["bf16", bf16([0, -Infinity, -3]), terms(2 ** -133, 0, 2 ** -6)],
    ["f32", Float32Array.of(0, -Infinity, 1e4), terms(2 ** -149, 0, 2 ** -10)],
  ] as const;
  for (const [dtype, logits, expected] of cases) {
    assertAlmostEquals(new Floor(dtype, 1).ofRow(third, logits) / expected, 1, 1e-6, dtype);
  }
});

Deno.test("Floor takes a row's own spacing, and a temperature", () => {
  const random = new Random(4), logits = Float32Array.from(random.normals(50, 2)), floor = new Floor("f32", 2);
  for (const spacing of [1e-2, 1e-3]) {
    const { mean, error } = dither(logits, new Float64Array(50).fill(spacing), 3000, 2);
    const found = floor.ofRow(Float32Array.from(probabilitiesOf(logits, 2)), logits, spacing);
    assertLess(Math.abs(found - mean), 4 * error + 0.01 * found);
  }
});

Deno.test("Floor is NaN where there is no distribution, and 0 where nothing is left to chance", () => {
  const floor = new Floor("f32", 1);
  assertEquals(floor.ofRow(Float32Array.of(NaN, NaN), Float32Array.of(NaN, 1)), NaN);
  assertEquals(floor.ofRow(Float32Array.of(1, 0), Float32Array.of(3, -Infinity)), 0);
});
