// Rows that do not count, masks, NaN and infinities, and no rows at all.

import { assertEquals } from "@std/assert";
import { allocate, linearCrossEntropy, type LinearCrossEntropyOptions } from "../mod.ts";
import { type Choice, onEachBackend } from "./backends.ts";
import { assertResults, expectLinear, type Head, linearLoss, type LinearResults, randomHead } from "./linear_cases.ts";
import { blank, matrix, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const SEED = 20261204;
const inf = Infinity;

const ROWS = 9, HIDDEN = 20, VOCAB = 140;
const HEAD = randomHead(new Random(SEED), ROWS, HIDDEN, VOCAB);

/** Every third row does not count. */
const TARGETS = HEAD.targets.map((target, row) => row % 3 === 1 ? -1 : target);

/** Its states are NaN: they must not be read. */
const UNREAD = HEAD.hidden.map((state, row) => row % 3 === 1 ? new Float32Array(HIDDEN).fill(NaN) : state);

const OPTIONS: readonly LinearCrossEntropyOptions[] = [
  {},
  { labelSmoothing: 0.1, zLoss: 0.1 },
  { classWeights: Float32Array.from({ length: VOCAB }, (_, i) => 1 + i % 3), temperature: 0.8 },
];

async function testIgnored(options: LinearCrossEntropyOptions, ignoreIndex: number, on: Choice): Promise<void> {
  const { labelSmoothing = 0, zLoss, classWeights, temperature } = options, head = { ...HEAD, targets: TARGETS };
  const smoothing = { confidence: 1 - labelSmoothing, smoothing: labelSmoothing / VOCAB };
  const targets = TARGETS.map((target) => target < 0 ? ignoreIndex : target === ignoreIndex ? 6 : target);
  const expected = expectLinear({ ...head, targets: targets.map((target) => target === ignoreIndex ? -1 : target) }, {
    ...{ ...smoothing, zLoss, classWeights, temperature },
  });
  const what = `ignoreIndex ${ignoreIndex}, ${Object.keys(options)}`;
  const found = await linearLoss({ ...head, hidden: UNREAD, targets }, { ...on, ...options, ignoreIndex });
  assertResults(found, expected, what);
  const ignored = (values: ArrayLike<number>, width: number) =>
    Array.from(values).filter((_, i) => Math.floor(i / width) % 3 === 1);
  for (const name of ["loss", "logSumExp", "targetLogProbability"] as const) {
    assertSame(ignored(found[name], 1), [0, 0, 0], `${what}: ${name} of ignored rows`);
  }
  assertSame(
    ignored(found.gradientHidden, HIDDEN),
    new Array(3 * HIDDEN).fill(0),
    `${what}: gradients of ignored rows`,
  );
}

onEachBackend("linearCrossEntropy() neither reads nor counts ignored rows", async (on) => {
  for (const options of OPTIONS) for (const ignoreIndex of [-100, -1, 5]) await testIgnored(options, ignoreIndex, on);
});

onEachBackend(
  "linearCrossEntropy() of ignored rows alone is 0, with gradients of 0, and its mean is NaN",
  async (on) => {
    const targets = TARGETS.map(() => -1), weight = HEAD.weight.map((row) => Float32Array.from(row));
    weight[3].fill(NaN);
    for (const reduction of ["none", "sum", "mean"] as const) {
      const given = { hidden: blank([ROWS, HIDDEN]), weight: blank([VOCAB, HIDDEN]), bias: true };
      for (const gradient of [true, given, false]) {
        const head: Head = {
          hidden: HEAD.hidden.map(() => new Float32Array(HIDDEN).fill(NaN)),
          weight,
          bias: HEAD.bias,
          targets,
        };
        const found = await linearLoss(head, { ...on, reduction, gradient });
        const losses = { none: Array(ROWS).fill(0), sum: [0], mean: [NaN] }[reduction];
        assertSame(Array.from(found.loss), losses, reduction);
        for (const [name, values] of Object.entries(found)) {
          if (name !== "loss") assertSame(Array.from(values), Array(values.length).fill(0), `${reduction}: ${name}`);
        }
      }
    }
    const { accuracy } = await linearCrossEntropy(matrix(HEAD.hidden), matrix(HEAD.weight), targets, {
      ...on,
      ignoreIndex: -1,
    });
    assertEquals(accuracy, NaN);
  },
);

/** Fractions that are masked, and where: scattered, the first classes, the last ones, all but one. */
const MASKS: Readonly<Record<string, (i: number) => boolean>> = {
  scattered: (i) => i % 5 === 2,
  "the first classes": (i) => i < 70,
  "the last classes": (i) => i >= 64,
  "all but one": (i) => i !== 77,
};

onEachBackend("linearCrossEntropy() takes a bias of -Infinity for a mask", async (on) => {
  for (const [what, isMasked] of Object.entries(MASKS)) {
    const bias = Float32Array.from(HEAD.bias ?? [], (x, i) => isMasked(i) ? -inf : x);
    const targets = HEAD.targets.map((target) => isMasked(target) ? 77 : target);
    for (const options of [{}, { labelSmoothing: 0.2 }, { softcap: 9, temperature: 0.7 }]) {
      const { labelSmoothing = 0, ...transformation } = { labelSmoothing: undefined, ...options };
      const head: Head = { ...HEAD, bias, targets: what === "the last classes" ? targets.map((i) => i % 64) : targets };
      const smoothing = { confidence: 1 - labelSmoothing, smoothing: labelSmoothing / VOCAB };
      const found = await linearLoss(head, { ...on, ...options });
      assertResults(found, expectLinear(head, { ...smoothing, ...transformation }), `${what}, ${Object.keys(options)}`);
      const leaks = [found.gradientBias, found.gradientWeight].flatMap((values) =>
        Array.from(values).filter((x, i) => isMasked(Math.floor(i * VOCAB / values.length)) && x !== 0)
      );
      assertEquals(leaks, [], `${what}: gradients of masked classes`);
    }
  }
});

onEachBackend("linearCrossEntropy() returns Infinity when the target is masked, and finite gradients", async (on) => {
  const bias = Float32Array.from(HEAD.bias ?? [], (x, i) => i === HEAD.targets[2] ? -inf : x), head = { ...HEAD, bias };
  const found = await linearLoss(head, on), expected = expectLinear(head);
  assertResults(found, expected, "masked target");
  assertEquals([found.loss[2], found.targetLogProbability[2]], [inf, -inf]);
  assertEquals(found.gradientHidden.every(Number.isFinite), true);
});

onEachBackend("linearCrossEntropy() returns NaN when all classes are masked", async (on) => {
  const found = await linearLoss({ ...HEAD, bias: Array(VOCAB).fill(-inf) }, on);
  for (const [name, values] of Object.entries(found)) {
    const expected = name === "logSumExp" ? -inf : NaN;
    assertSame(Array.from(values), Array(values.length).fill(expected), name);
  }
});

/** States that leave their row without a loss or a finite one; all others must not notice. */
const SPOILT: Readonly<Record<string, ArrayLike<number>>> = {
  NaN: new Float32Array(HIDDEN).fill(NaN),
  "one NaN": Float32Array.from({ length: HIDDEN }, (_, i) => i === 7 ? NaN : i / 9),
  Infinity: Float32Array.from({ length: HIDDEN }, (_, i) => i === 2 ? inf : 0.5),
  "-Infinity": Float32Array.from({ length: HIDDEN }, (_, i) => i === 2 ? -inf : 0.5),
};

onEachBackend("linearCrossEntropy() keeps NaN and Infinity in their rows", async (on) => {
  const whole = await linearLoss(HEAD, on);
  for (const [what, state] of Object.entries(SPOILT)) {
    const isSpoilt = (row: number) => row === 0 || row === 4;
    const head = { ...HEAD, hidden: HEAD.hidden.map((row, r) => isSpoilt(r) ? state : row) };
    const found = await linearLoss(head, on), expected = expectLinear(head);
    assertResults(found, { loss: expected.loss, logSumExp: expected.logSumExp }, what);
    for (const name of ["loss", "logSumExp", "targetLogProbability", "gradientHidden"] as const) {
      const width = found[name].length / ROWS;
      const others = (values: ArrayLike<number>) =>
        Array.from(values).filter((_, i) => !isSpoilt(Math.floor(i / width)));
      assertSame(others(found[name]), others(whole[name]), `${what}: ${name} of other rows`);
    }
    const own = Array.from(found.gradientHidden).slice(0, HIDDEN);
    assertSame(own, Array(HIDDEN).fill(NaN), `${what}: the row's own gradient`);
    const sums = what.includes("NaN") ? found.gradientWeight : found.gradientWeight.filter((_, i) => i % HIDDEN === 2);
    assertEquals(sums.every(Number.isNaN), true, `${what}: gradientWeight is a sum over all rows`);
  }
});

onEachBackend("linearCrossEntropy() gives a row the same bits wherever it lies", async (on) => {
  const whole = await linearLoss(HEAD, on);
  const check = async (what: string, rows: readonly number[]) => {
    const part: Head = {
      ...HEAD,
      hidden: rows.map((row) => HEAD.hidden[row]),
      targets: rows.map((row) => HEAD.targets[row]),
    };
    const found: LinearResults<ArrayLike<number>> = await linearLoss(part, on);
    for (const name of ["loss", "logSumExp", "targetLogProbability", "gradientHidden"] as const) {
      const width = whole[name].length / ROWS;
      const values = rows.flatMap((row) => Array.from(whole[name]).slice(row * width, (row + 1) * width));
      assertWithin(found[name], { rule: "exact", values }, `${what}: ${name}`);
    }
  };
  for (let row = 0; row < ROWS; row++) await check(`row ${row} alone`, [row]);
  await check("in another order", [8, 3, 1, 0]);
  await check("among many", Array.from({ length: 600 }, (_, i) => i * 7 % ROWS));
});

onEachBackend("linearCrossEntropy() of no rows is 0 and clears the gradients that it is given", async (on) => {
  const hidden = { data: new Float32Array(0), shape: [0, HIDDEN] as const }, weight = matrix(HEAD.weight);
  assertEquals((await linearCrossEntropy(hidden, weight, [], on)).loss, NaN);
  using resident = allocate([VOCAB, HIDDEN]);
  resident.data.fill(NaN);
  const apart = blank([VOCAB, HIDDEN], "f32", HIDDEN + 3);
  for (const given of [true, apart, resident]) {
    const gradient = { hidden: true, weight: given, bias: true }, options = { ...on, bias: HEAD.bias, gradient };
    const result = await linearCrossEntropy(hidden, weight, [], { ...options, reduction: "sum" });
    assertEquals([result.loss, result.accuracy, result.gradientHidden?.shape], [0, NaN, [0, HIDDEN]]);
    assertSame(valuesOf(result.gradientWeight), new Float64Array(VOCAB * HIDDEN), "gradientWeight");
    assertSame(result.gradientBias ?? [], new Float32Array(VOCAB), "gradientBias");
  }
  assertSame(apart.data.subarray(HIDDEN, HIDDEN + 3), [NaN, NaN, NaN], "between the rows");
});
