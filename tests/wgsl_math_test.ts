// WGSL's exp, ln, exact sums and 16-bit codes in bit space, as vector_math_test.ts has it of the wasm kernels. Claims are
// relative errors; "seen" is what a software adapter gives, whose multiply-add is not fused.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { compileModule } from "../src/webgpu/pipelines.ts";
import { ARITHMETIC } from "../src/webgpu/wgsl/arithmetic.ts";
import { HALVES } from "../src/webgpu/wgsl/halves.ts";
import { TRANSFORMATION } from "../src/webgpu/wgsl/transformation.ts";
import { onGpu } from "./backends.ts";
import { download, makeBuffer, ownGpu, upload } from "./gpu.ts";
import { Random } from "./random.ts";
import { assertSame } from "./tolerance.ts";

type Floats = Float32Array<ArrayBuffer>;

const SEED = 20260917;

/** Four words in, `bits` or, as f32, `x`; four out. */
function program(expression: string): string {
  return /* wgsl */ `
struct Call { zero: u32, softcap: vec2<f32>, temperature: vec2<f32> }
@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> results: array<vec4<u32>>;
${ARITHMETIC}${HALVES}${TRANSFORMATION}
fn each(f: vec4<f32>) -> vec4<f32> { return vec4(exp1(f.x), exp1(f.y), exp1(f.z), exp1(f.w)); }
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&source)) { return; }
  let bits = source[id.x] ^ vec4(call.zero);
  let x = bitcast<vec4<f32>>(bits);
  results[id.x] = bitcast<vec4<u32>>(${expression});
}`;
}

/** What an expression of WGSL makes of each four floats. */
async function map(expression: string, x: Floats, softcap = 0): Promise<Floats> {
  const { device } = await ownGpu();
  const module = await compileModule(device, expression, program(expression));
  const threads = Math.ceil(x.length / 4), data = new Float32Array(4 * threads);
  data.set(x);
  device.pushErrorScope("validation");
  const call = device.createBuffer({ size: 32, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(call, 0, Float32Array.of(0, 0, softcap, 0, 1, 0, 0, 0));
  const source = upload(device, { data, shape: [1, data.length] }).data, results = makeBuffer(device, source.size);
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const entries = [call, source, results].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(threads / 64));
  pass.end();
  device.queue.submit([encoder.finish()]);
  assertEquals(await device.popErrorScope(), null, expression);
  const mapped = await download(device, { data: results, shape: [1, data.length], dtype: "f32" });
  for (const buffer of [call, source]) buffer.destroy();
  return new Float32Array(mapped.data.buffer).slice(0, x.length);
}

/** The floats of these bits. */
function floats(bits: readonly number[]): Floats {
  return new Float32Array(Uint32Array.from(bits).buffer);
}

function bitsOf(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0];
}

/** Every stride-th float from the one to the other, which is farther from 0 and of the same sign. */
function range(from: number, to: number, stride: number): Floats {
  const first = bitsOf(from), length = Math.floor((bitsOf(to) - first) / stride) + 1;
  return new Float32Array(Uint32Array.from({ length }, (_, i) => first + i * stride).buffer);
}

/** Asserts that no relative error is larger than the claim. */
async function assertRelative(expression: string, x: Floats, exact: (x: number) => number, claim: number, cap = 0) {
  const y = await map(expression, x, cap);
  let worst = 0;
  for (let i = 0; i < x.length; i++) {
    const wanted = exact(x[i]);
    if (y[i] !== wanted) worst = Math.max(worst, Math.abs(y[i] / wanted - 1));
  }
  assertLessOrEqual(worst, claim, `${expression} from ${x[0]} to ${x.at(-1)}`);
}

/** Seen: 1.9e-7, of which the polynomial has 1.05e-7; 8.3e-8, a unit in the last place. */
const EXPONENTIALS = { exp4: ["exp4(x)", 2.8e-7], exp1: ["each(x)", 1.65e-7] } as const;

for (const [name, [expression, claim]] of Object.entries(EXPONENTIALS)) {
  onGpu(`${name}() is within the claimed error up to 88, exactly 1 at 0, exactly 0 from -88 down`, async () => {
    const least = Math.fround(-126 * Math.LN2); // below it results are no normal numbers, and may be 0
    await assertRelative(expression, range(-0, least + 1e-5, 509), Math.exp, claim);
    await assertRelative(expression, range(0, 88, 509), Math.exp, claim);
    assert((await map(expression, range(least, -88, 1))).every((y) => y >= 0 && y < 2 ** -125.9));
    assert((await map(expression, range(-88, -Infinity, 4099))).every((y) => Object.is(y, 0)));
    assertSame(await map(expression, Float32Array.of(0, -0, -(2 ** -149), -Infinity)), [1, 1, 1, 0], name);
  });
}

onGpu("ln4() is within the claimed error on every kind of positive float", async () => {
  const claim = 1.3e-7; // seen: 8.0e-8
  const least = 2 ** -149, around = (x: number) => range(x * 0.997, x * 1.003, 1);
  await assertRelative("ln4(x)", range(least, 3.4028234663852886e38, 509), Math.log, claim);
  for (const x of [range(least, 7e-41, 1), around(2 ** -126), around(Math.SQRT1_2), around(1), around(Math.SQRT2)]) {
    await assertRelative("ln4(x)", x, Math.log, claim);
  }
});

onGpu("ln4() at 1, 0, the infinities, negatives and NaN", async () => {
  const x = Float32Array.of(1, 0, -0, Infinity, -Infinity, -1, -(2 ** -149), -3e38, NaN);
  assertSame(await map("ln4(x)", x), x.map(Math.log), "ln4");
});

/** d + e^(−d) − 1: d²·Σ (−d)ᵏ / (k + 2)!. */
function bregman(d: number): number {
  let total = 0, term = 0.5;
  for (let k = 3; k < 28; k++) total += term, term *= -d / k;
  return d * d * total;
}

onGpu("bregman4() is within the claimed error for |d| ≤ 1, never negative, 0 at 0", async () => {
  for (const sign of [1, -1]) {
    await assertRelative("bregman4(x)", range(sign * 2 ** -60, sign, 509), bregman, 3.6e-7); // seen: 2.4e-7
    assert((await map("bregman4(x)", range(sign * 0, sign, 1021))).every((y) => y >= 0));
  }
  assertSame(await map("bregman4(x)", Float32Array.of(0, -0)), [0, 0], "bregman4");
});

onGpu("expm1_4() is within the claimed error relative to itself, -1 at -Infinity", async () => {
  for (const x of [range(-(2 ** -126), -88, 509), range(-0.99, -1.01, 1)]) {
    await assertRelative("expm1_4(x, exp4(x))", x, Math.expm1, 2.5e-7); // seen: 1.7e-7
  }
  assertEquals([...await map("expm1_4(x, exp4(x)) + 0.0", Float32Array.of(0, -100, -Infinity))], [0, -1, -1]);
});

onGpu("atanh_rest() makes 2·atanh(s) of 2·s, accurate relative to itself", async () => {
  for (const sign of [1, -1]) {
    const s = range(sign * 2 ** -60, sign * (Math.SQRT2 - 1) / (Math.SQRT2 + 1), 509);
    await assertRelative("fma(x, atanh_rest(x * x), 2.0 * x)", s, (s) => 2 * Math.atanh(s), 1.8e-7); // seen: 1.2e-7
  }
});

onGpu("tanh4() is within the claimed error relative to itself, odd, and 1 at Infinity", async () => {
  for (const sign of [1, -1]) {
    await assertRelative("tanh4(x)", range(sign * 2 ** -120, sign * Infinity, 509), Math.tanh, 3.8e-7); // seen: 2.6e-7
  }
  assertSame(await map("tanh4(x)", Float32Array.of(0, -0, Infinity, -Infinity)), [0, -0, 1, -1], "tanh4");
});

onGpu("capped() is s·tanh(x / s), keeps -Infinity and every NaN, and without a cap every number", async () => {
  for (const cap of [Math.fround(0.7), 30]) {
    for (const sign of [1, -1]) {
      const x = range(sign * 2 ** -100, sign * 3e38, 1021);
      await assertRelative("capped(x)", x, (x) => cap * Math.tanh(x / cap), 4.5e-7, cap); // seen: 2.9e-7
    }
  }
  const special = floats([0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff]);
  assertSame(await map("capped(x)", special, 30), special.map((x) => x === Infinity ? 30 : x), "capped by 30");
  assertSame(await map("capped(x)", special), special, "without a cap");
});

onGpu("NaN, the infinities and numbers above 0 are told by their bits", async () => {
  const words = [0x7fc00000, 0xff800001, 0x7f800000, 0xff800000, 0x7f7fffff, 0xff7fffff, 1, 0, 0x80000000];
  const x = floats(words.flatMap((word) => [word, word, word, word]));
  const wanted = [Number.isNaN, Number.isFinite, (x: number) => x === Infinity, (x: number) => x > 0];
  const told = await map("vec4<f32>(vec4(is_nan(x.x), is_finite(x.y), is_infinite(x.z), is_positive(x.w)))", x);
  assertSame(told, x.map((x, i) => Number(wanted[i % 4](x))), "is_nan, is_finite, is_infinite, is_positive");
  const masked = await map("vec4<f32>(are_masked(x)) + f32(is_masked(x.x))", x);
  assertSame(masked, x.map((x) => x === -Infinity ? 2 : 0), "are_masked, is_masked");
  const made = await map("vec4(infinity(), nan(), opaque(x.x), 0.0)", Float32Array.of(-Infinity, 0, 0, 0));
  assertSame(made, [Infinity, NaN, -Infinity, 0], "infinity, nan, opaque");
});

/** A number of either sign from 2^−span to 2^span, with the digits of an f64. */
function number(random: Random, span: number): number {
  const digits = (1 + random.uniform()) * (1 + random.uniform() * 2 ** -22);
  return (random.uniform() < 0.5 ? -1 : 1) * digits * 2 ** (random.integer(2 * span) - span);
}

onGpu("sum_of() and pair() are exact: near, far apart, and where all but the last digits cancel", async () => {
  const random = new Random(SEED), x = new Float32Array(4e5), units = (x: number) => BigInt(x * 2 ** 149);
  for (let i = 0; i < x.length; i += 4) {
    const span = [1, 13, 60][random.integer(3)];
    x[i] = number(random, span);
    x[i + 1] = random.uniform() < 0.25 ? -x[i] * (1 + (random.integer(17) - 8) * 2 ** -23) : number(random, span);
    x.set(x.slice(i, i + 2).sort((a, b) => Math.abs(b) - Math.abs(a)), i + 2);
  }
  const y = await map("vec4(sum_of(x.x, x.y), pair(x.z, x.w))", x);
  for (let i = 0; i < x.length; i += 4) {
    const what = `${x[i]} + ${x[i + 1]}, seed ${SEED}`, isNearest = y[i] === Math.fround(x[i] + x[i + 1]);
    assert(isNearest && units(y[i]) + units(y[i + 1]) === units(x[i]) + units(x[i + 1]), what);
    assert(y[i] === y[i + 2] && y[i + 1] === y[i + 3], `pair: ${what}`);
  }
});

onGpu("product_of() is exact, and like sum_of() has nothing in lo beyond the largest number", async () => {
  const random = new Random(SEED), x = Float32Array.from({ length: 4e5 }, () => number(random, 30));
  const y = await map("vec4(product_of(x.x, x.y), product_of(x.z, x.w))", x);
  for (let i = 0; i < x.length; i += 2) {
    const exact = x[i] * x[i + 1];
    assert(y[i] === Math.fround(exact) && y[i] + y[i + 1] === exact, `${x[i]} · ${x[i + 1]}, seed ${SEED}`);
  }
  const beyond = await map("vec4(sum_of(x.x, x.y), product_of(x.z, x.w))", Float32Array.of(3e38, 3e38, 1e20, -1e20));
  assertSame(beyond, [Infinity, 0, -Infinity, 0], "sum_of, product_of");
});

/** Numbers as pairs. */
function split(numbers: readonly number[]): Floats {
  return Float32Array.from(numbers.flatMap((x) => [Math.fround(x), x - Math.fround(x)]));
}

/** The errors of sums are relative to |a| + |b|. Seen: 7.7e-15, 6.6e-15, 1.3e-14, 2.1e-14. */
const PAIRED = [
  { name: "add", exact: (a: number, b: number) => a + b, claim: 1.2e-14, isSum: true },
  { name: "subtract", exact: (a: number, b: number) => a - b, claim: 1.2e-14, isSum: true },
  { name: "multiply", exact: (a: number, b: number) => a * b, claim: 2.4e-14, isSum: false },
  { name: "divide", exact: (a: number, b: number) => a / b, claim: 3.2e-14, isSum: false },
];

for (const { name, exact, claim, isSum } of PAIRED) {
  onGpu(`${name}() of pairs is within the claimed error, and its hi the nearest to it`, async () => {
    const random = new Random(SEED), x = split(Array.from({ length: 2e5 }, () => number(random, 20)));
    const y = await map(`vec4(${name}(x.xy, x.zw), 0.0, 0.0)`, x);
    let worst = 0;
    for (let i = 0; i < x.length; i += 4) {
      const a = x[i] + x[i + 1], b = x[i + 2] + x[i + 3], wanted = exact(a, b);
      const size = isSum ? Math.abs(a) + Math.abs(b) : Math.abs(wanted);
      worst = Math.max(worst, Math.abs(y[i] + y[i + 1] - wanted) / size);
      assert(Math.fround(y[i] + y[i + 1]) === y[i], `${a}, ${b}, seed ${SEED}`);
    }
    assertLessOrEqual(worst, claim, `seed ${SEED}`);
  });

  onGpu(`${name}() of what is or becomes infinite is as IEEE arithmetic has it, with nothing in lo`, async () => {
    const numbers = [Infinity, -Infinity, NaN, 0, 1, -2, 2.5e38];
    const pairs = numbers.map((hi) => [hi, Number.isFinite(hi) ? hi * 2 ** -26 : 0]);
    const x = Float32Array.from(pairs.flatMap((a) => pairs.flatMap((b) => [...a, ...b])));
    const y = await map(`vec4(${name}(x.xy, x.zw), 0.0, 0.0)`, x);
    for (let i = 0; i < x.length; i += 4) {
      const wanted = Math.fround(exact(x[i], x[i + 2])), what = `${name}(${x[i]}, ${x[i + 2]})`;
      if (Number.isFinite(wanted)) assert(Number.isFinite(y[i]) && Number.isFinite(y[i + 1]), what);
      else assertSame(y.subarray(i, i + 2), [wanted, 0], what);
    }
  });
}

onGpu("ln() of a pair from 1 up is within the claimed absolute error, and ln of 0, Infinity and NaN", async () => {
  const random = new Random(SEED), exponent = (i: number) => random.uniform() * [2 ** -20, 1, 24, 126][i % 4];
  const x = split(Array.from({ length: 2e5 }, (_, i) => 2 ** exponent(i)));
  const y = await map("vec4(ln(x.xy), ln(x.zw))", x);
  let worst = 0;
  for (let i = 0; i < x.length; i += 2) worst = Math.max(worst, Math.abs(y[i] + y[i + 1] - Math.log(x[i] + x[i + 1])));
  assertLessOrEqual(worst, 2.5e-8, `seed ${SEED}`); // seen: 1.4e-8
  const special = await map("vec4(ln(x.xy), ln(x.zw))", Float32Array.of(0, 0, Infinity, 0, NaN, 0, 1, 0));
  assertSame(special, [-Infinity, 0, Infinity, 0, NaN, 0, 0, 0], "ln");
});

/** Every 16-bit code. */
const CODES = Array.from({ length: 65536 }, (_, code) => code);

onGpu("every f16 code comes back from f32, and what lies between two goes to the nearest, ties to even", async () => {
  const halves = (codes: Floats) => new Float16Array(Uint16Array.from(new Uint32Array(codes.buffer)).buffer);
  const codes = floats(CODES), values = halves(codes), wide = await map("widen_halves(bits)", codes);
  assertSame(wide, values, "widen_halves");
  assertSame(halves(await map("narrow_halves(x)", wide)), values, "narrow_halves(widen_halves())");
  const next = (code: number) => code % 0x8000 === 0x7bff ? Math.sign(values[code]) * 2 ** 16 : values[code + 1];
  const ties = CODES.map((code) => (values[code] + next(code)) / 2).filter(Number.isFinite);
  const near = (side: number) => [...ties, 7e4, -3e38, 1e-30].map((tie) => tie * (1 + side * 2 ** -23));
  const x = Float32Array.from([0, -1, 1].flatMap(near));
  assertSame(halves(await map("narrow_halves(x)", x)), new Float16Array(x), "narrow_halves");
});

onGpu("every bf16 code comes back from f32, and what lies between two goes to the nearest, ties to even", async () => {
  const words = CODES.map((code) => code * 65536), finite = words.filter((word) => (word & 0x7fff0000) < 0x7f800000);
  const assertNarrow = async (x: number[], wanted: number[]) =>
    assertSame(await map("narrow_brains(x) << vec4(16u)", floats(x)), floats(wanted), "narrow_brains");
  await assertNarrow(words, words);
  await assertNarrow([0x7f800001, 0x7fffffff, 0xffffffff], [0x7fc00000, 0x7fc00000, 0x7fc00000]);
  await assertNarrow(finite.map((word) => word + 0x7fff), finite);
  await assertNarrow(finite.map((word) => word + 0x8000), finite.map((word) => word + (word & 0x10000)));
  await assertNarrow(finite.map((word) => word + 0x8001), finite.map((word) => word + 0x10000));
});

Deno.test("the constants of WGSL are those of assembly/math.ts", () => {
  const kernels = Deno.readTextFileSync(new URL("../assembly/math.ts", import.meta.url));
  const table = new Map([...kernels.matchAll(/^ {2}(\S+), \/\/ (\d+)/gm)].map(([, x, at]) => [Number(at), Number(x)]));
  const first = (count: number, from: number) => Array.from({ length: count }, (_, i) => table.get(from + i));
  const sources = (name: string) => ARITHMETIC.split(`fn ${name}(`)[1].split("\n}")[0];
  const literals = (name: string) => [...sources(name).matchAll(/vec4\((-?[\d.e-]+)\)/g)].map(([, x]) => Number(x));
  assertEquals(literals("exp4"), [...first(4, 6), 1, 1]);
  assertEquals([...sources("exp1").matchAll(/1\.0 \/ (\d+)\.0/g)].map(([, x]) => Number(x)), [5040, 720, 120, 24, 6]);
  assertEquals(literals("bregman4"), first(7, 11));
  assertEquals(literals("atanh_rest"), first(3, 18));
  for (const [name, at] of Object.entries({ LOWEST: 0, LOG2E: 1, MAGIC: 2, LN2_HIGH: 4, LN2_LOW: 5 })) {
    const [, literal] = ARITHMETIC.match(new RegExp(`const ${name}: f32 = (.*);`)) ?? [];
    assertEquals(Math.fround(Number(literal)), Math.fround(table.get(at) ?? NaN), name);
  }
  for (const name of ["ln4", "ln"]) assert(sources(name).includes(`0x${bitsOf(table.get(29) ?? NaN).toString(16)}`));
});
