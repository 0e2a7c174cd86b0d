// The shapes of an adaptive softmax, and what is wrong with arguments that do not have them.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as asynchronous from "../mod.ts";
import { adaptiveShapes, type Matrix } from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import { HAS_GPU } from "./backends.ts";
import { readGolden } from "./golden.ts";

function zeros(rows: number, columns: number): Matrix {
  return { data: new Float32Array(rows * columns), shape: [rows, columns] };
}

/** Three classes in the head, two clusters of four and five: twelve of width 8. */
const TAILS = [{ projection: zeros(4, 8), weight: zeros(4, 4) }, { projection: zeros(2, 8), weight: zeros(5, 2) }];
const WEIGHTS = { head: zeros(5, 8), tails: TAILS };
const HIDDEN = zeros(2, 8);

type Fault = readonly [given: object, error: ErrorConstructor, problem: string];

const replaced = (i: number, tail: unknown) => ({
  weights: { ...WEIGHTS, tails: TAILS.with(i, tail as typeof TAILS[0]) },
});
const headed = (head: unknown) => ({ weights: { ...WEIGHTS, head } });
const cut = (cutoffs: unknown) => ({ options: { cutoffs } });
const divided = (divValue: unknown) => ({ options: { divValue } });

/** What all functions refuse. */
const FAULTS: readonly Fault[] = [
  [{ hidden: null }, TypeError, "hidden is null, not a matrix"],
  [{ hidden: zeros(2, 7) }, RangeError, "hidden is [2, 7], weights.head is [5, 8]: their rows differ in length"],
  [{ weights: 5 }, TypeError, "weights are 5, not an object"],
  [{ weights: { ...WEIGHTS, bias: [] } }, TypeError, 'there is no weight "bias"'],
  [{ weights: { head: WEIGHTS.head } }, TypeError, "weights.tails is undefined, not an array"],
  [headed(undefined), TypeError, "weights.head is undefined, not a matrix"],
  [headed(zeros(2, 8)), RangeError, "weights.head is [2, 8]: no class beside 2 clusters"],
  [headed(zeros(0, 8)), RangeError, "weights.head.shape[0] is 0, less than 1"],
  [{ weights: { ...WEIGHTS, headBias: null } }, TypeError, "weights.headBias is null, not an array"],
  [
    { weights: { ...WEIGHTS, headBias: [1, 2] } },
    TypeError,
    "weights.headBias has 2 elements, not one for each of 5 head rows",
  ],
  [{ weights: { ...WEIGHTS, headBias: [0, 0, NaN, 0, 0] } }, RangeError, "weights.headBias[2] is NaN, not finite"],
  [replaced(1, null), TypeError, "weights.tails[1] is null, not an object"],
  [replaced(1, { ...TAILS[1], bias: 0 }), TypeError, 'there is no matrix of weights.tails[1] "bias"'],
  [replaced(0, { weight: TAILS[0].weight }), TypeError, "weights.tails[0].projection is undefined, not a matrix"],
  [replaced(1, { projection: TAILS[1].projection }), TypeError, "weights.tails[1].weight is undefined, not a matrix"],
  [
    replaced(1, { ...TAILS[1], projection: zeros(2, 9) }),
    RangeError,
    "hidden is [2, 8], weights.tails[1].projection is [2, 9]: their rows differ in length",
  ],
  [
    replaced(1, { ...TAILS[1], weight: zeros(5, 3) }),
    RangeError,
    "weights.tails[1].weight is [5, 3], weights.tails[1].projection is [2, 8]: it projects to 2",
  ],
  [replaced(0, { ...TAILS[0], weight: zeros(0, 4) }), RangeError, "weights.tails[0].weight.shape[0] is 0, less than 1"],
  [cut(3), TypeError, "cutoffs is not an array"],
  [cut([3, 3]), RangeError, "cutoffs[1] is 3, less than 4"],
  [cut([7, 3]), RangeError, "cutoffs[1] is 3, less than 8"],
  [cut([0, 7]), RangeError, "cutoffs[0] is 0, less than 1"],
  [cut([3, 12]), RangeError, "cutoffs[1] is 12, not below 12"],
  [cut([3.5, 7]), RangeError, "cutoffs[0] is 3.5, not an integer"],
  [cut([3, "7"]), TypeError, 'cutoffs[1] is "7", not a number'],
  [cut([3]), RangeError, "weights.tails has 2 elements, cutoffs has 1"],
  [cut([3, 7, 9]), RangeError, "weights.tails has 2 elements, cutoffs has 3"],
  [cut([2, 7]), RangeError, "cutoffs[0] is 2, the weights before weights.tails[0] are of 3 classes"],
  [cut([3, 8]), RangeError, "cutoffs[1] is 8, the weights before weights.tails[1] are of 7 classes"],
  [divided(4), RangeError, "weights.tails[0].projection is [4, 8], divValue 4 makes it [2, 8]"],
  [divided(0.5), RangeError, "divValue is 0.5, less than 1"],
  [divided("2"), TypeError, 'divValue is "2", not a number'],
  [{ options: { softcap: 1 } }, TypeError, 'there is no option "softcap"'],
];

/** What only the loss refuses. */
const LOSS_FAULTS: readonly Fault[] = [
  [{ targets: [0, 12] }, RangeError, "targets[1] is 12, vocab is 12"],
  [{ targets: [-1, 1] }, RangeError, "targets[0] is -1, vocab is 12"],
  [{ targets: [0, 1.5] }, RangeError, "targets[1] is 1.5, vocab is 12"],
  [{ targets: [0] }, TypeError, "targets has 1 elements, not one for each of 2 rows"],
  [{ options: { reduction: "max" } }, RangeError, 'reduction is "max", not one of'],
  [{ options: { gradient: {} } }, TypeError, "gradient is a Object, not a boolean"],
  [{ options: { gradientScale: [1, NaN] } }, RangeError, "gradientScale[1] is NaN, not finite"],
  [{ options: { ignoreIndex: 0.5 } }, RangeError, "ignoreIndex is 0.5, not an integer"],
];

const FUNCTIONS = {
  adaptiveLogSoftmax: [...FAULTS, ...LOSS_FAULTS],
  adaptiveLogProbabilities: FAULTS,
  adaptivePredictions: FAULTS,
};

type Callable = (...args: readonly unknown[]) => unknown;

for (const [name, faults] of Object.entries(FUNCTIONS)) {
  const [withPromise, without] = [asynchronous, synchronous].map((module) =>
    new Map(Object.entries(module)).get(name) as unknown as Callable
  );
  const argumentsOf = (given: object) => {
    const all = {
      hidden: HIDDEN,
      weights: WEIGHTS,
      targets: [0, 11],
      options: { cutoffs: [3, 7], divValue: 2 },
      ...given,
    };
    const { hidden, weights, targets, options } = all;
    return name === "adaptiveLogSoftmax" ? [hidden, weights, targets, options] : [hidden, weights, options];
  };

  Deno.test(`${name}() names what is wrong, with and without a promise`, async () => {
    await withPromise(...argumentsOf({}));
    for (const [given, error, problem] of faults) {
      const message = `Cannot compute ${name}: ${problem}`;
      assertThrows(() => without(...argumentsOf(given)), error, message);
      await assertRejects(() => withPromise(...argumentsOf(given)) as Promise<unknown>, error, message);
    }
  });

  Deno.test({ name: `${name}() takes no matrix of the GPU`, ignore: !HAS_GPU, fn: () => refuseBuffers(name) });

  const refuseBuffers = async (name: string) => {
    const device = await (await navigator.gpu.requestAdapter())?.requestDevice();
    if (device === undefined) throw new Error("The adapter is gone");
    const usage = GPUBufferUsage.STORAGE;
    const there = (rows: number, columns: number) => ({
      data: device.createBuffer({ size: 4 * rows * columns, usage }),
      shape: [rows, columns],
      dtype: "f32",
    });
    const cases = [
      ["hidden", { hidden: there(2, 8) }],
      ["weights.head", headed(there(5, 8))],
      ["weights.tails[1].weight", replaced(1, { ...TAILS[1], weight: there(5, 2) })],
    ] as const;
    for (const [matrix, given] of cases) {
      const message = `Cannot compute ${name}: ${matrix}.data is a GPUBuffer, not a Float32Array`;
      await assertRejects(() => withPromise(...argumentsOf(given)) as Promise<unknown>, TypeError, message);
    }
    device.destroy();
  };
}

Deno.test("adaptiveShapes() are those of PyTorch's weights", () => {
  for (const { hidden, vocab, cutoffs, divValue, head, tail } of readGolden("adaptive_softmax")) {
    const shape = (rows: number[][]) => [rows.length, rows[0].length] as const;
    assertEquals(adaptiveShapes({ hidden, vocab, cutoffs, divValue }), {
      head: shape(head),
      tails: tail.map(([projection, weight]) => ({ projection: shape(projection), weight: shape(weight) })),
    });
  }
});

Deno.test("adaptiveShapes() of a head alone, of clusters narrower than nothing, and of quotients that round up", () => {
  assertEquals(adaptiveShapes({ hidden: 7, vocab: 9, cutoffs: [] }), { head: [9, 7], tails: [] });
  const sizes = (hidden: number, divValue: number | undefined, cutoffs: number[]) =>
    adaptiveShapes({ hidden, vocab: 100, cutoffs, divValue }).tails.map(({ projection }) => projection[0]);
  assertEquals(sizes(64, undefined, [1, 2, 3, 4]), [16, 4, 1, 1]);
  assertEquals(sizes(10, 3, [50, 99]), [3, 1]);
  assertEquals([11 / 1.1, ...sizes(11, 1.1, [50])], [10, 9]); // 1.1 is above eleven tenths: Python's 11 // 1.1 is 9
});

Deno.test("adaptiveShapes() names what is wrong", () => {
  const good = { hidden: 8, vocab: 12, cutoffs: [3, 7] };
  const faults: readonly Fault[] = [
    [{ hidden: 0 }, RangeError, "hidden is 0, less than 1"],
    [{ hidden: undefined }, TypeError, "hidden is undefined, not a number"],
    [{ vocab: 2 ** 31 }, RangeError, "vocab is 2147483648, more than 2147483647"],
    [{ cutoffs: [3, 12] }, RangeError, "cutoffs[1] is 12, not below 12"],
    [{ cutoffs: undefined }, TypeError, "cutoffs is not an array"],
    [{ divValue: NaN }, RangeError, "divValue is NaN, not finite"],
    [{ headBias: true }, TypeError, 'there is no option "headBias"'],
  ];
  for (const [given, error, problem] of faults) {
    assertThrows(() => adaptiveShapes({ ...good, ...given }), error, `Cannot compute adaptiveShapes: ${problem}`);
  }
});
