// The roofline model and its table of devices: facts by hand, properties, data sheets, absurd input.

import { assert, assertAlmostEquals, assertEquals, assertLess, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Device, device, DEVICES } from "../src/cost/devices.ts";
import { type Bound, type DeviceWork, ridge, roofline } from "../src/cost/roofline.ts";

/** Round figures, so that the seconds of a part are its amount over a power of ten. */
const ROUND: Device = {
  name: "round",
  kind: "gpu",
  memoryBytesPerSecond: 1e12,
  memoryBytes: 1e10,
  cacheBytes: 1e7,
  matrixFlopsPerSecond: { f32: 1e13, f16: 1e14, bf16: 1e14 },
  vectorFlopsPerSecond: 1e13,
  expsPerSecond: 1e11,
  hostBytesPerSecond: 1e10,
  launchSeconds: 1e-5,
  readBackSeconds: 1e-2,
  sources: [],
};

/** All amounts. */
const NOTHING: Required<Omit<DeviceWork, "dtype">> = {
  ...{ bytesRead: 0, bytesWritten: 0, exps: 0, flops: 0 },
  ...{ matrixFlops: 0, bytesCopied: 0, launches: 0, readBacks: 0 },
};

const BOUNDS: readonly Bound[] = ["memory", "matrix", "vector", "exp", "copy", "floor"];

const RATE = fc.double({ min: 1e-3, max: 1e16, noNaN: true });
const AMOUNT = fc.oneof(fc.constant(0), RATE);

const WORK = fc.record({
  bytesRead: AMOUNT,
  bytesWritten: AMOUNT,
  exps: AMOUNT,
  flops: AMOUNT,
  matrixFlops: AMOUNT,
  bytesCopied: AMOUNT,
  launches: fc.nat(1e6),
  readBacks: fc.nat(1e6),
});

const DTYPE = fc.constantFrom("f32" as const, "f16" as const, "bf16" as const);

const DEVICE: fc.Arbitrary<Device> = fc.record({
  name: fc.string(),
  kind: fc.constantFrom("gpu" as const, "cpu" as const),
  memoryBytesPerSecond: RATE,
  memoryBytes: RATE,
  cacheBytes: RATE,
  matrixFlopsPerSecond: fc.record({ f32: RATE, f16: RATE, bf16: RATE }),
  vectorFlopsPerSecond: RATE,
  expsPerSecond: RATE,
  hostBytesPerSecond: RATE,
  launchSeconds: fc.double({ min: 1e-9, max: 1, noNaN: true }),
  readBackSeconds: fc.constantFrom(0, 1e-4, 1e-2),
  sources: fc.constant([]),
});

type Amounts = typeof NOTHING;

const AMOUNTS = Object.keys(NOTHING) as (keyof Amounts)[];

/** Two pieces of work as one. */
function together(a: Amounts, b: Amounts): Amounts {
  return Object.fromEntries(AMOUNTS.map((name) => [name, a[name] + b[name]])) as Record<keyof Amounts, number>;
}

function assertClose(actual: number, expected: number): void {
  assertAlmostEquals(actual, expected, 1e-12 * Math.abs(expected));
}

Deno.test("roofline() names each part that can bound, and by how much", () => {
  const bounds: readonly (readonly [bound: Bound, work: Partial<DeviceWork>, seconds: number])[] = [
    ["memory", { bytesRead: 6e11, bytesWritten: 4e11 }, 1],
    ["matrix", { matrixFlops: 1e13 }, 1],
    ["matrix", { matrixFlops: 1e14, dtype: "f16" }, 1],
    ["vector", { flops: 2e13 }, 2],
    ["exp", { exps: 3e11 }, 3],
    ["copy", { bytesCopied: 1e10 }, 1],
    ["floor", { launches: 3 }, 3e-5],
    ["floor", { launches: 1, readBacks: 2 }, 0.02001],
  ];
  for (const [bound, work, seconds] of bounds) {
    const roof = roofline({ ...NOTHING, ...work }, ROUND);
    assertEquals([roof.bound, roof.factor], [bound, Infinity], bound);
    assertClose(roof.seconds, seconds);
  }
  const mixed = roofline({ bytesRead: 4e12, bytesWritten: 0, exps: 1e11, flops: 0, bytesCopied: 2e10 }, ROUND);
  assertEquals([mixed.bound, mixed.factor, mixed.floorSeconds], ["memory", 2, 1e-5]);
  assertClose(mixed.seconds, 4 + 2 + 1e-5);
});

Deno.test("roofline() of no work takes the floor: one launch and no read-back unless told otherwise", () => {
  const { launches: _launches, readBacks: _readBacks, ...nothing } = NOTHING;
  const { seconds, bound, factor, intensity } = roofline(nothing, ROUND);
  assertEquals([seconds, bound, factor, intensity], [1e-5, "floor", Infinity, 0]);
  assertEquals(roofline({ ...nothing, readBacks: 1 }, ROUND).seconds, 1e-5 + 1e-2);
  const idle = roofline(NOTHING, ROUND);
  assertEquals([idle.seconds, idle.bound, idle.factor, idle.intensity], [0, "memory", Infinity, 0]);
});

Deno.test("roofline() counts every operation and every byte of memory in the intensity", () => {
  const work = { ...NOTHING, exps: 1, flops: 2, matrixFlops: 5, bytesCopied: 100 };
  assertEquals(roofline({ ...work, bytesRead: 3, bytesWritten: 1 }, ROUND).intensity, 2);
  assertEquals(roofline(work, ROUND).intensity, Infinity);
  assertEquals(roofline({ ...NOTHING, bytesRead: 8 }, ROUND).intensity, 0);
});

Deno.test("roofline() adds up, and its bound is its largest part", () => {
  fc.assert(fc.property(WORK, DEVICE, DTYPE, (work, machine, dtype) => {
    const roof = roofline({ ...work, dtype }, machine);
    const [longest, next] = BOUNDS.map((bound) => roof[`${bound}Seconds`]).sort((a, b) => b - a);
    assertEquals(roof[`${roof.bound}Seconds`], longest);
    assertEquals(roof.factor, next === 0 ? Infinity : longest / next);
    assertLessOrEqual(1, roof.factor);
    const overlapping = Math.max(roof.memorySeconds, roof.matrixSeconds, roof.vectorSeconds, roof.expSeconds);
    assertEquals(roof.seconds, overlapping + roof.copySeconds + roof.floorSeconds);
  }));
});

Deno.test("roofline() never falls as an amount grows, nor as a rate falls", () => {
  const name = fc.constantFrom(...AMOUNTS), growth = fc.integer({ min: 1, max: 1e9 });
  fc.assert(fc.property(WORK, DEVICE, name, growth, (work, machine, name, more) => {
    const larger = { ...work, [name]: work[name] + more };
    assertLessOrEqual(roofline(work, machine).seconds, roofline(larger, machine).seconds);
  }));
  const rates = ["memoryBytesPerSecond", "vectorFlopsPerSecond", "expsPerSecond", "hostBytesPerSecond"] as const;
  fc.assert(fc.property(WORK, DEVICE, fc.constantFrom(...rates), (work, machine, rate) => {
    const slower = { ...machine, [rate]: machine[rate] / 2 };
    assertLessOrEqual(roofline(work, machine).seconds, roofline(work, slower).seconds);
  }));
});

Deno.test("roofline() of twice the work takes twice as long; of two works at once no longer than one by one", () => {
  fc.assert(fc.property(WORK, WORK, DEVICE, (a, b, machine) => {
    const twice = roofline(together(a, a), machine), once = roofline(a, machine);
    assertClose(twice.seconds, 2 * once.seconds);
    assertEquals([twice.bound, twice.factor, twice.intensity], [once.bound, once.factor, once.intensity]);
    const apart = once.seconds + roofline(b, machine).seconds;
    assertLessOrEqual(roofline(together(a, b), machine).seconds, apart * (1 + 1e-12));
  }));
});

Deno.test("at the ridge, memory and matrix take equally long and intensity × memory rate is the matrix rate", () => {
  const bytes = fc.integer({ min: 1, max: 1e12 });
  fc.assert(fc.property(DEVICE, DTYPE, bytes, (machine, dtype, bytesRead) => {
    const matrixFlops = bytesRead * ridge(machine, dtype);
    const roof = roofline({ ...NOTHING, bytesRead, matrixFlops, dtype }, machine);
    assertClose(roof.matrixSeconds, roof.memorySeconds);
    assertClose(roof.intensity * machine.memoryBytesPerSecond, machine.matrixFlopsPerSecond[dtype]);
    assertClose(roof.factor, 1);
  }));
  assertEquals([ridge(ROUND), ridge(ROUND, "f32"), ridge(ROUND, "bf16")], [10, 10, 100]);
});

Deno.test("every device is sane, and its figures say where they are from", () => {
  assertEquals(new Set(Object.values(DEVICES).map(({ name }) => name)).size, Object.keys(DEVICES).length);
  for (const [id, one] of Object.entries(DEVICES)) {
    assert(/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id), id);
    assertEquals(device(id), one);
    const { f32, f16, bf16 } = one.matrixFlopsPerSecond;
    assertLessOrEqual(f32, bf16, id);
    assertLessOrEqual(bf16, f16, id);
    assertLess(one.cacheBytes, one.memoryBytes / 20, id);
    assertLess(one.expsPerSecond, one.vectorFlopsPerSecond, id);
    assertLessOrEqual(one.hostBytesPerSecond, one.memoryBytesPerSecond, id);
    assert(one.sources.length > 0 && one.sources.every((source) => URL.parse(source)?.protocol === "https:"), id);
    assertEquals([one.launchSeconds > 0, one.readBackSeconds > 0], Array(2).fill(one.kind === "gpu"), id);
    assertLess(1, ridge(one), id); // and it passes its own checks
  }
});

Deno.test("cross-entropy from f32 logits is bound by memory on every device, a read-back by its wait", () => {
  const crossEntropy = (logits: number) => ({
    bytesRead: 4 * logits,
    bytesWritten: 0,
    exps: logits,
    flops: 3 * logits,
  });
  for (const [id, one] of Object.entries(DEVICES)) {
    const { bound, factor } = roofline(crossEntropy(1e9), one);
    assertEquals(bound, "memory", id);
    assertLess(factor, 40, id);
    if (one.kind === "gpu") assertEquals(roofline({ ...crossEntropy(1e5), readBacks: 1 }, one).bound, "floor", id);
  }
});

Deno.test("the figures of devices are those of their data sheets", () => {
  const sheets: readonly (readonly [id: string, memoryRate: number, vectorRate: number, memoryGiB: number])[] = [
    ["a100-40gb", 1.555e12, 19.5e12, 40],
    ["a100-80gb", 2.039e12, 19.5e12, 80],
    ["h100", 3.35e12, 67e12, 80],
    ["h200", 4.8e12, 67e12, 141],
    ["b200", 8e12, 75e12, 180],
    ["l4", 300e9, 30.3e12, 24],
    ["t4", 320e9, 8.1e12, 16],
    ["rtx-4090", 1008e9, 82.6e12, 24],
    ["mi300x", 5.3e12, 163.4e12, 192],
    ["apple-m1", 68.25e9, 2.6e12, 16],
    ["apple-m1-max", 400e9, 10.6e12, 64],
    ["apple-m2", 100e9, 3.6e12, 24],
    ["apple-m2-max", 400e9, 13.6e12, 96],
    ["desktop-cpu", 83.2e9, 1.152e12, 32],
    ["server-cpu", 460.8e9, 7.68e12, 768],
  ];
  for (const [id, memoryRate, vectorRate, memoryGiB] of sheets) {
    const one = device(id);
    assertEquals([one.memoryBytesPerSecond, one.memoryBytes], [memoryRate, memoryGiB * 2 ** 30], id);
    assertAlmostEquals(one.vectorFlopsPerSecond / vectorRate, 1, 0.01, id);
  }
  // Per multiprocessor and cycle: 4,096 dense operations on an H100's matrix units at 1.83 GHz, 16 exponentials on all
  assertAlmostEquals(device("h100").matrixFlopsPerSecond.f16 / (132 * 4096 * 1.83e9), 1, 1e-3);
  assertAlmostEquals(device("a100-40gb").matrixFlopsPerSecond.bf16 / (108 * 2048 * 1.41e9), 1, 1e-3);
  assertClose(device("a100-80gb").expsPerSecond, 108 * 16 * 1.41e9);
  // Data sheets give both directions of PCI Express 3, 4 and 5, before encoding: 32, 64 and 128 GB/s
  for (const [id, both] of [["t4", 32e9], ["a100-40gb", 64e9], ["h100", 128e9]] as const) {
    assertClose(device(id).hostBytesPerSecond, both / 2 * 128 / 130);
  }
  assertEquals(device("apple-m1").hostBytesPerSecond, device("apple-m1").memoryBytesPerSecond);
});

Deno.test("device() refuses what it does not know, and says what it knows", () => {
  assertThrows(() => device("h800"), RangeError, 'Cannot find the device: name is "h800", not one of a100-40gb, ');
  for (const name of ["", "H100", "toString", "__proto__"]) assertThrows(() => device(name), RangeError, "server-cpu");
  for (const name of [undefined, null, 100, ["h100"]]) {
    assertThrows(() => device(name as unknown as string), TypeError, "Cannot find the device: name is ");
  }
});

Deno.test("roofline() refuses absurd work", () => {
  const refused = (work: unknown, error: new () => Error, message: string) =>
    assertThrows(() => roofline(work as DeviceWork, ROUND), error, `Cannot compute roofline: ${message}`);
  for (const name of AMOUNTS) {
    refused({ ...NOTHING, [name]: -1 }, RangeError, `${name} is -1, less than 0`);
    refused({ ...NOTHING, [name]: NaN }, RangeError, `${name} is NaN, not finite`);
    refused({ ...NOTHING, [name]: Infinity }, RangeError, `${name} is Infinity, not finite`);
    refused({ ...NOTHING, [name]: "1" }, TypeError, `${name} is "1", not a number`);
  }
  for (const name of ["bytesRead", "bytesWritten", "exps", "flops"]) {
    refused({ ...NOTHING, [name]: undefined }, TypeError, `${name} is undefined, not a number`);
  }
  for (const name of ["launches", "readBacks"]) {
    refused({ ...NOTHING, [name]: 0.5 }, RangeError, `${name} is 0.5, not an integer`);
    refused({ ...NOTHING, [name]: 2 ** 53 }, RangeError, `${name} is ${2 ** 53}, beyond`);
  }
  refused({ ...NOTHING, dtype: "f64" }, RangeError, 'dtype is "f64", not one of "f32", "f16", "bf16"');
  refused({ ...NOTHING, dtype: 32 }, TypeError, "dtype is 32");
  refused({ ...NOTHING, bytes: 4 }, TypeError, 'there is no amount "bytes"');
  refused(undefined, TypeError, "work is undefined, not an object");
});

Deno.test("roofline() and ridge() refuse absurd devices", () => {
  const refused = (figures: Record<string, unknown>, error: new () => Error, message: string) => {
    const wrong = { ...ROUND, ...figures } as Device;
    assertThrows(() => roofline(NOTHING, wrong), error, `Cannot compute roofline: ${message}`);
    assertThrows(() => ridge(wrong), error, `Cannot compute ridge: ${message}`);
  };
  const { name: _name, kind: _kind, sources: _sources, matrixFlopsPerSecond, ...figures } = ROUND;
  for (const [name, value] of Object.entries(figures)) {
    refused({ [name]: -value }, RangeError, `${name} is ${-value}, `);
    refused({ [name]: Infinity }, RangeError, `${name} is Infinity, not finite`);
    refused({ [name]: undefined }, TypeError, `${name} is undefined, not a number`);
    if (!name.endsWith("Seconds")) refused({ [name]: 0 }, RangeError, `${name} is 0, not above 0`);
  }
  assertEquals(roofline({ ...NOTHING, launches: 7 }, { ...ROUND, launchSeconds: 0 }).seconds, 0);
  const matrix = (rates: Record<string, unknown>) => ({ matrixFlopsPerSecond: { ...matrixFlopsPerSecond, ...rates } });
  refused(matrix({ f16: 0 }), RangeError, "matrixFlopsPerSecond.f16 is 0, not above 0");
  refused(matrix({ bf16: undefined }), TypeError, "matrixFlopsPerSecond.bf16 is undefined, not a number");
  refused(matrix({ f64: 1 }), TypeError, 'there is no matrix rate "f64"');
  refused({ matrixFlopsPerSecond: 1e14 }, TypeError, "matrixFlopsPerSecond is 100000000000000, not an object");
  refused({ bandwidth: 1e12 }, TypeError, 'there is no device figure "bandwidth"');
  assertThrows(() => ridge("h100" as unknown as Device), TypeError, 'device is "h100", not an object');
  assertThrows(() => ridge(ROUND, "f64" as "f32"), RangeError, 'dtype is "f64"');
});
