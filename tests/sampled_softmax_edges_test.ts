// Seeds, dtypes, reductions, what is not finite, what is asked for and what is refused of sampledSoftmaxLoss().

import { assertAlmostEquals, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type Matrix, sampledSoftmaxLoss, type SampledSoftmaxLossOptions } from "../mod.ts";
import { sampledSoftmaxLoss as sampledSoftmaxLossSync } from "../src/sync.ts";
import { onEachBackend, onEachSyncBackend, onGpu } from "./backends.ts";
import { elements, ownGpu, upload } from "./gpu.ts";
import { type Head, randomHead } from "./linear_cases.ts";
import { blank, DTYPES, matrix, rounded, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertResults, COUNTS, drawnBy, expectSampled, headOf, sampledLoss, type Settings } from "./sampled_cases.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const SEED = 20261203;

onEachBackend("sampledSoftmaxLoss() draws the same for a seed, which it returns", async (on) => {
  const head = headOf(SEED + 6), options = { ...on, samples: 10 };
  const { samples, seed, loss } = await sampledLoss(head, options);
  assertEquals(samples, drawnBy({ samples: 10, seed }, 90).ids);
  const again = await sampledLoss(head, { ...options, seed });
  assertEquals([again.samples, again.seed, again.loss], [samples, seed, loss]);
  assertNotEquals((await sampledLoss(head, options)).seed, seed);
  const pinned = await sampledLoss(head, { ...options, seed: 2 ** 32 - 1, samples: 4 });
  assertEquals([...pinned.samples], [2, 78, 42, 1]);
});

onEachBackend("sampledSoftmaxLoss() reads states and weights of any dtype, with any row stride", async (on) => {
  const raw = headOf(SEED + 7), settings: Settings = { samples: 30, seed: 31 };
  for (const [from, of] of DTYPES.flatMap((from) => DTYPES.map((of) => [from, of] as const))) {
    const head = { ...raw, hidden: rounded(raw.hidden, from), weight: rounded(raw.weight, of) };
    const there = { hidden: matrix(head.hidden, from, 24), weight: matrix(head.weight, of, 33) };
    const found = await sampledLoss(head, { ...on, ...settings }, there);
    assertResults(found, expectSampled(head, settings), `${from} × ${of}`);
  }
  const row = raw.weight[0], same = { ...raw, weight: raw.weight.map(() => row) };
  const one: Matrix = { ...matrix([row]), shape: [90, 19], rowStride: 0 };
  const found = await sampledLoss(same, { ...on, ...settings }, { hidden: matrix(raw.hidden), weight: one });
  assertResults(found, expectSampled(same, settings), "one row for all classes");
});

onEachBackend("sampledSoftmaxLoss() reduces losses over the rows that count", async (on) => {
  const head = headOf(SEED + 8), settings: Settings = { samples: 20, seed: 41 };
  const counted = head.targets.filter((target) => target >= 0).length;
  const { loss } = expectSampled(head, settings), total = Array.from(loss.values).reduce((a, b) => a + b, 0);
  for (const [reduction, scale] of [["sum", 1], ["mean", 1 / counted]] as const) {
    const found = await sampledLoss(head, { ...on, ...settings, reduction });
    const { loss: _, ...gradients } = expectSampled(head, settings, scale);
    assertResults(found, gradients, reduction);
    assertWithin(found.loss, { rule: "reduction", values: [scale * total], slack: [500] }, reduction);
  }
});

onEachBackend("sampledSoftmaxLoss() of no rows that count is NaN, and has no gradients", async (on) => {
  const head = headOf(SEED + 9), ignored = { ...head, targets: head.targets.map(() => -1) };
  const { loss, ...found } = await sampledLoss(ignored, { ...on, samples: 5, reduction: "mean", seed: 1 });
  assertSame(loss, [NaN], "mean");
  const zeros = [found.gradientHidden, found.gradientWeight, found.gradientBias].flatMap((values) => [...values]);
  assertEquals(zeros.findIndex((x) => x !== 0), -1);
  const empty: Matrix = { data: new Float32Array(0), shape: [0, 19] };
  const result = await sampledSoftmaxLoss(empty, matrix(head.weight), [], { ...on, samples: 5, gradient: true });
  assertEquals([result.loss, result.samples.length, result.gradientHidden?.shape], [NaN, 5, [0, 19]]);
  assertEquals(result.gradientWeight?.rows.length, 5);
});

onEachBackend("sampledSoftmaxLoss() keeps the contract where logits are not finite", async (on) => {
  // Logits are the states themselves; class 3 is masked, and class 1 of the last row is NaN
  const head: Head = {
    hidden: [[1, 2, 0, 1], [1, 0, 3, 2], [1, 1, 1, 1], [1, NaN, 0, 1]],
    weight: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    bias: [0, 0, 0, -Infinity],
    targets: [1, 3, -1, 0],
  };
  const { loss, gradientBias } = await sampledLoss({ ...head, targets: [1, -1, -1, -1] }, { ...on, samples: 4 });
  assertAlmostEquals(loss[0], Math.log(1 + Math.exp(-1) + Math.exp(-2)), 1e-6);
  assertSame([gradientBias[3]], [0], "gradient by what is masked");
  const all = await sampledLoss(head, { ...on, samples: 4 });
  assertSame(all.loss.subarray(1), [Infinity, 0, NaN], "losses");
});

onEachBackend("sampledSoftmaxLoss() gives the gradients that are asked for, of classes in order", async (on) => {
  const head = headOf(SEED + 10), [hidden, weight] = [matrix(head.hidden), matrix(head.weight)];
  const options = { ...on, samples: 12, seed: 51, ignoreIndex: -1 };
  const whole = await sampledSoftmaxLoss(hidden, weight, head.targets, { ...options, gradient: true });
  assertEquals(Object.keys(whole).sort(), ["gradientHidden", "gradientWeight", "loss", "report", "samples", "seed"]);
  const { rows = new Int32Array(0), values } = whole.gradientWeight ?? {};
  const wanted = new Set([...whole.samples, ...head.targets.filter((target) => target >= 0)]);
  assertEquals([...rows], [...wanted].sort((a, b) => a - b));
  assertEquals(values?.shape, [rows.length, 19]);

  const target = blank([23, 19]), biased = { ...options, bias: head.bias };
  const some = await sampledSoftmaxLoss(hidden, weight, head.targets, { ...biased, gradient: { hidden: target } });
  assertEquals(some.gradientHidden, target);
  assertEquals([some.gradientWeight, some.gradientBias], [undefined, undefined]);
  const one = await sampledSoftmaxLoss(hidden, weight, head.targets, { ...biased, gradient: { bias: true } });
  assertEquals([one.gradientHidden, one.gradientBias?.rows], [undefined, rows]);
  const all = await sampledSoftmaxLoss(hidden, weight, head.targets, { ...biased, gradient: true });
  assertSame(valuesOf(target), valuesOf(all.gradientHidden), "where it was to go");
  assertSame(one.gradientBias?.values ?? [], all.gradientBias?.values ?? [0], "bias alone");
});

onEachSyncBackend("sampledSoftmaxLoss() gives the same without a promise", async (on) => {
  const { hidden, weight, targets, bias } = headOf(SEED + 11);
  const options = { ...on, bias, samples: 30, seed: 61, gradient: true, ignoreIndex: -1 } as const;
  const [states, table] = [matrix(hidden), matrix(weight)];
  const { report: here, ...found } = sampledSoftmaxLossSync(states, table, targets, options);
  const { report: there, ...expected } = await sampledSoftmaxLoss(states, table, targets, options);
  assertEquals<unknown>(found, expected);
  assertEquals([here.backend, here.bytesRead], [there.backend, there.bytesRead]);
});

onGpu("sampledSoftmaxLoss() reads states from a buffer, and leaves their gradient in one", async (on) => {
  const { device } = await ownGpu(), settings: Settings = { samples: 70, replacement: true, seed: 71 };
  const { targets, ...raw } = randomHead(new Random(SEED + 14), 530, 3, 100);
  const head: Head = { ...raw, targets: targets.map((target, row) => row % 9 === 4 ? -1 : target) };
  const [states, table] = [upload(device, matrix(head.hidden)), matrix(head.weight)];
  const target = upload(device, blank([530, 3]));
  const options = { ...on, ...settings, bias: head.bias, reduction: "none", ignoreIndex: -1 } as const;
  const gradient = { hidden: target, weight: true, bias: true };
  const found = await sampledSoftmaxLoss(states, table, head.targets, { ...options, gradient });
  const { loss, gradientHidden, ...expected } = expectSampled(head, settings);
  assertWithin(found.loss, loss, "loss");
  assertWithin(await elements(device, target), gradientHidden, "gradientHidden");
  const { gradientWeight: { rows, values } = {}, gradientBias } = found;
  assertEquals(gradientBias?.rows, rows);
  const places = Array.from(rows ?? [], (id) => [0, 1, 2].map((k) => 3 * id + k)).flat();
  const ofRows = { values: places.map((i) => expected.gradientWeight.values[i]), rule: "sum" } as const;
  const terms = places.map((i) => (expected.gradientWeight.terms ?? [])[i]);
  assertWithin(values?.data ?? [], { ...ofRows, terms }, "gradientWeight");
  const there = upload(device, table);
  await assertRejects(
    () => sampledSoftmaxLoss(states, there as unknown as Matrix, head.targets, { samples: 3 }),
    TypeError,
    "weight.data is a GPUBuffer: rows are gathered from arrays only",
  );
  for (const { data } of [states, there]) data.destroy();
});

Deno.test("sampledSoftmaxLoss() names what it refuses", async () => {
  const { hidden, weight } = headOf(SEED + 12), [states, table] = [matrix(hidden), matrix(weight)];
  const targets = hidden.map(() => 5), counts = new Array(90).fill(1);
  const counted = (counts: unknown, more = {}) => ({ sampler: { counts, ...more } });
  const except = (id: number, value: number) => counts.map((count, i) => i === id ? value : count);
  const wrong: readonly (readonly [options: object, kind: typeof RangeError | typeof TypeError, named: string])[] = [
    [{ samples: undefined }, TypeError, "samples is undefined, not a number"],
    [{ samples: 0 }, RangeError, "samples is 0, less than 1"],
    [{ samples: 2.5 }, RangeError, "samples is 2.5, not an integer"],
    [{ samples: 91 }, RangeError, "samples is 91, more than 90"],
    [{ samples: 2 ** 31, replacement: true }, RangeError, "samples is 2147483648, more than 2147483647"],
    [{ replacement: 1 }, TypeError, "replacement is 1, not a boolean"],
    [{ seed: 0.5 }, RangeError, "seed is 0.5, not an integer"],
    [{ seed: -1 }, RangeError, "seed is -1, less than 0"],
    [{ seed: 2 ** 32 }, RangeError, "seed is 4294967296, not below 4294967296"],
    [{ sampler: "zipf" }, RangeError, 'sampler is "zipf", not one of "uniform", "logUniform"'],
    [{ sampler: null }, TypeError, "sampler is null, not one of"],
    [{ sampler: {} }, TypeError, "sampler.counts is undefined, not an array"],
    [counted([1, 2]), TypeError, "sampler.counts has 2 elements, not one for each of 90 classes"],
    [counted(except(3, -1)), RangeError, "sampler.counts[3] is -1, less than 0"],
    [counted(except(3, NaN)), RangeError, "sampler.counts[3] is NaN, not finite"],
    [counted(counts.map(() => 0)), RangeError, "sampler.counts are all 0"],
    [counted(counts, { distortion: -1 }), RangeError, "sampler.distortion is -1, less than 0"],
    [counted(counts, { distorsion: 1 }), TypeError, 'there is no sampler option "distorsion"'],
    [{ ...counted(except(3, 0)), samples: 90 }, RangeError, "samples is 90, and no more than 89 classes have a count"],
    [counted(except(5, 0)), RangeError, "targets[0] is 5, which the sampler never draws"],
    [{ temperature: 0 }, RangeError, "temperature is 0, not above 0"],
    [{ removeAccidentalHits: "yes" }, TypeError, 'removeAccidentalHits is "yes", not a boolean'],
    [{ subtractLogQ: 1 }, TypeError, "subtractLogQ is 1, not a boolean"],
    [{ bias: [1] }, TypeError, "bias has 1 elements, not one for each of 90 classes"],
    [{ gradient: { weight: table } }, TypeError, "gradient.weight is a Object, not a boolean"],
    [{ gradient: { bias: true } }, TypeError, "gradient.bias is true, and there is no bias"],
    [{ gradient: { hidden: table } }, RangeError, "gradient.hidden is [90, 19], hidden is [23, 19]"],
    [{ gradient: { hidden: states } }, RangeError, "gradient.hidden overlaps hidden"],
    [{ gradient: { hidden: { ...table, shape: [23, 19] } } }, RangeError, "gradient.hidden overlaps weight"],
    [{ softcap: 30 }, TypeError, 'there is no option "softcap"'],
    [{ outputs: "gpu" }, TypeError, 'there is no option "outputs"'],
  ];
  for (const [options, kind, named] of wrong) {
    const all = { samples: 4, ...options } as SampledSoftmaxLossOptions;
    await assertRejects(
      () => sampledSoftmaxLoss(states, table, targets, all),
      kind,
      `Cannot compute sampledSoftmaxLoss: ${named}`,
    );
  }
  await assertRejects(
    () => sampledSoftmaxLoss(states, table, [90], { samples: 4 }),
    TypeError,
    "targets has 1 elements",
  );
  const outside = hidden.map(() => 90);
  await assertRejects(() => sampledSoftmaxLoss(states, table, outside, { samples: 4 }), RangeError, "targets[0] is 90");
});

Deno.test("sampledSoftmaxLoss() makes a table of counts once, for as many classes as they are", async () => {
  const head = headOf(SEED + 13), counts = Array.from(COUNTS), sampler = { counts };
  const first = await sampledLoss(head, { samples: 9, sampler, seed: 3 });
  counts.fill(1);
  assertEquals((await sampledLoss(head, { samples: 9, sampler, seed: 3 })).samples, first.samples);
  assertNotEquals((await sampledLoss(head, { samples: 9, sampler: { counts }, seed: 3 })).samples, first.samples);
  const fewer: Head = {
    ...head,
    weight: head.weight.slice(0, 80),
    bias: undefined,
    targets: head.targets.map(() => 0),
  };
  await assertRejects(() => sampledLoss(fewer, { samples: 9, sampler }), TypeError, "sampler.counts has 90 elements");
});
