// What linearKlDivergence takes, wherever it lies and whoever computes; and what it refuses.

import { assertEquals, assertLessOrEqual, assertRejects, assertThrows } from "@std/assert";
import { allocate, linearKlDivergence, type LinearKlDivergenceOptions, type Matrix } from "../mod.ts";
import { linearKlDivergence as linearKlDivergenceSync } from "../src/sync.ts";
import { availableBytes, committedBytes } from "../src/wasm/memory.ts";
import { onEachBackend, onEachBuild, onEachSyncBackend, onGpu } from "./backends.ts";
import { elements, ownGpu, upload } from "./gpu.ts";
import { assertResults, same } from "./linear_cases.ts";
import {
  divergenceOf,
  expectLesson,
  type Matrices,
  matricesOf,
  type Model,
  randomLesson,
} from "./linear_divergence_cases.ts";
import { blank, DTYPES, fill, matrix, rounded, type Rows, rowsOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame } from "./tolerance.ts";

const SEED = 20261203;

onEachBuild("linearKlDivergence() has the same bits for any number of threads", async (on) => {
  for (
    const sizes of [{ rows: 37, hidden: 30, teacherHidden: 300, classes: 9000 }, {
      rows: 513,
      hidden: 3,
      teacherHidden: 2,
      classes: 65,
    }]
  ) {
    const lesson = randomLesson(new Random(SEED), sizes);
    const alone = same(await divergenceOf(lesson, { ...on, threads: 1 }));
    for (const threads of [2, 3]) assertResults(await divergenceOf(lesson, { ...on, threads }), alone, `${threads}`);
  }
});

onEachSyncBackend("linearKlDivergence() gives the same without a promise", async (on) => {
  const lesson = randomLesson(new Random(SEED), { rows: 37, hidden: 67, teacherHidden: 20, classes: 300 });
  const options = { ...on, gradient: true, temperature: 2, bias: lesson.student.bias } as const;
  const { report: here, ...found } = linearKlDivergenceSync(...matricesOf(lesson), options);
  const { report: there, ...expected } = await linearKlDivergence(...matricesOf(lesson), options);
  assertEquals<unknown>(found, expected);
  assertEquals([here.backend, here.bytesRead], [there.backend, there.bytesRead]);
});

onEachBackend("linearKlDivergence() reads any dtype, row stride and memory", async (on) => {
  const raw = randomLesson(new Random(SEED), { rows: 7, hidden: 261, teacherHidden: 30, classes: 75 });
  const of = (model: Model, hidden: Rows, weight: Rows): Model => ({ ...model, hidden, weight });
  for (const [from, to] of DTYPES.flatMap((from) => DTYPES.map((to) => [from, to] as const))) {
    const student = of(raw.student, rounded(raw.student.hidden, from), rounded(raw.student.weight, to));
    const teacher = of(raw.teacher, rounded(raw.teacher.hidden, to), rounded(raw.teacher.weight, from));
    const four = (stride: number): Matrices => [
      matrix(student.hidden, from, 261 + stride),
      matrix(student.weight, to, 261 + 2 * stride),
      matrix(teacher.hidden, to, 30 + stride),
      matrix(teacher.weight, from, 30 + 2 * stride),
    ];
    const lesson = { student, teacher }, packed = await divergenceOf(lesson, on, four(0));
    assertResults(packed, expectLesson(lesson), `${from} and ${to}`);
    assertResults(await divergenceOf(lesson, on, four(3)), same(packed), `${from} and ${to}, with strides`);
    using stack = new DisposableStack();
    const resident = four(0).map((source): Matrix => {
      const target = stack.use(allocate(source.shape, source.dtype));
      fill(target, rowsOf(source));
      return target;
    }) as unknown as Matrices;
    assertResults(await divergenceOf(lesson, on, resident), same(packed), `${from} and ${to}, in wasm memory`);
  }
});

onEachBuild("linearKlDivergence() takes no more than 16 MiB beside its arguments, and gives them back", async (on) => {
  const zeros = (...shape: [rows: number, columns: number]): Matrix => {
    return { data: new Float32Array(shape[0] * shape[1]), shape };
  };
  const matrices = [zeros(64, 64), zeros(9000, 64), zeros(64, 2000), zeros(9000, 2000)] as const;
  const [committed, available] = [committedBytes(), availableBytes()];
  const { divergence } = await linearKlDivergence(...matrices, { ...on, gradient: true, threads: 2 });
  assertEquals(divergence, 0);
  assertLessOrEqual(committedBytes() - committed, 16 * 2 ** 20);
  assertEquals(availableBytes(), available);
});

onEachBackend("linearKlDivergence() returns the gradients that are asked for", async (on) => {
  const lesson = randomLesson(new Random(SEED), { rows: 4, hidden: 5, teacherHidden: 6, classes: 20 });
  const matrices = matricesOf(lesson), bias = lesson.student.bias;
  const whole = await linearKlDivergence(...matrices, { ...on, bias, gradient: true });
  const wishes = [undefined, false, {}, { hidden: true }, { weight: true, bias: true }, { bias: true }] as const;
  for (const gradient of wishes) {
    const { report: _, ...found } = await linearKlDivergence(...matrices, { ...on, bias, gradient });
    const wanted = Object.keys(gradient || {}).map((name) => `gradient${name[0].toUpperCase()}${name.slice(1)}`);
    const expected = Object.entries(whole).filter(([name]) => name === "divergence" || wanted.includes(name));
    assertEquals<unknown>(found, Object.fromEntries(expected));
  }
  const [hidden, weight] = [matrix(lesson.student.hidden), matrix(lesson.student.weight)];
  const found = await linearKlDivergence(...matrices, { ...on, bias, gradient: { hidden, weight } });
  assertEquals([found.gradientHidden === hidden, found.gradientWeight === weight], [true, true]);
  assertEquals([hidden.data, weight.data], [whole.gradientHidden?.data, whole.gradientWeight?.data]);
});

onEachBackend("linearKlDivergence() reduces to the mean over rows, or the sum", async (on) => {
  const lesson = randomLesson(new Random(SEED), { rows: 4, hidden: 5, teacherHidden: 6, classes: 20 });
  for (const [reduction, scale] of [["mean", 1 / 4], ["sum", 1]] as const) {
    const { divergence, ...gradients } = expectLesson(lesson, { scale });
    const values = [scale * Array.from(divergence.values).reduce((sum, x) => sum + x)], slack = [100];
    const expected = { ...gradients, divergence: { rule: "reduction", values, slack } };
    assertResults(await divergenceOf(lesson, { ...on, reduction }), expected, reduction);
  }
});

onEachBackend("linearKlDivergence() of no rows leaves zeros in a gradient by weights", async (on) => {
  const none: Matrix = { data: new Float32Array(0), shape: [0, 2] }, weight = matrix([[1, 2], [3, 4]]);
  const receiver = blank([2, 2]);
  await linearKlDivergence(none, weight, none, weight, { ...on, gradient: { weight: receiver } });
  assertSame(receiver.data as Float32Array, new Float32Array(4), "gradient");
});

onEachBackend("linearKlDivergence() of no rows is empty", async (on) => {
  const none = (columns: number): Matrix => ({ data: new Float32Array(0), shape: [0, columns] });
  const [, weight, , teacherWeight] = matricesOf(
    randomLesson(new Random(SEED), { rows: 1, hidden: 2, teacherHidden: 3, classes: 4 }),
  );
  const options = { ...on, gradient: true, reduction: "none" } as const;
  const found = await linearKlDivergence(none(2), weight, none(3), teacherWeight, options);
  assertEquals(found.divergence, new Float32Array(0));
  assertEquals(found.gradientHidden?.shape, [0, 2]);
  assertEquals(found.gradientWeight?.data, new Float32Array(8));
  assertEquals((await linearKlDivergence(none(2), weight, none(3), teacherWeight, on)).divergence, NaN);
});

onGpu("linearKlDivergence() computes where the matrices are, and leaves gradients there", async (on) => {
  const { device } = await ownGpu();
  const sizes = { rows: 37, hidden: 20, teacherHidden: 11, classes: 700, teacherClasses: 650, vocab: 690 };
  const lesson = randomLesson(new Random(SEED), sizes), { student: { bias }, teacher: { bias: teacherBias } } = lesson;
  const expected = expectLesson(lesson), matrices = matricesOf(lesson).map((matrix) => upload(device, matrix));
  const [hidden, weight, teacherHidden, teacherWeight] = matrices;
  const options = { ...on, bias, teacherBias, vocab: 690, reduction: "none", gradient: true, outputs: "gpu" } as const;
  const found = await linearKlDivergence(hidden, weight, teacherHidden, teacherWeight, options);
  assertResults(
    {
      divergence: found.divergence,
      gradientHidden: found.gradientHidden && await elements(device, found.gradientHidden),
      gradientWeight: found.gradientWeight && await elements(device, found.gradientWeight),
      gradientBias: found.gradientBias,
    },
    expected,
    "on the GPU",
  );
  for (const { data } of matrices) data.destroy();
});

/** Two rows; a student of 3 numbers a row, a teacher of 2, four classes. */
function good(): Record<string, Matrix> {
  const make = (rows: number, columns: number): Matrix => ({
    data: new Float32Array(rows * columns).fill(0.5),
    shape: [rows, columns],
  });
  return { hidden: make(2, 3), weight: make(4, 3), teacherHidden: make(2, 2), teacherWeight: make(4, 2) };
}

type Options = LinearKlDivergenceOptions & Record<string, unknown>;

/** What is wrong, and what follows "Cannot compute linearKlDivergence: ". */
const BAD: readonly [arguments: Record<string, unknown>, options: unknown, error: ErrorConstructor, problem: string][] =
  [
    [{ hidden: null }, {}, TypeError, "hidden is null, not a matrix"],
    [{ weight: [[1]] }, {}, TypeError, "weight.data is undefined, not a Float32Array"],
    [{ teacherHidden: 3 }, {}, TypeError, "teacherHidden is 3, not a matrix"],
    [{ teacherWeight: undefined }, {}, TypeError, "teacherWeight is undefined, not a matrix"],
    [
      { weight: good().teacherWeight },
      {},
      RangeError,
      "hidden is [2, 3], weight is [4, 2]: their rows differ in length",
    ],
    [{ teacherWeight: good().weight }, {}, RangeError, "teacherHidden is [2, 2], teacherWeight is [4, 3]: their rows"],
    [{ teacherHidden: good().teacherWeight }, {}, RangeError, "teacherHidden has 4 rows, hidden has 2"],
    [
      { teacherWeight: good().teacherHidden },
      {},
      RangeError,
      "weight has 4 rows, teacherWeight has 2: vocab must say how many classes there are",
    ],
    [
      { teacherWeight: { data: new Float32Array(0), shape: [0, 2] } },
      {},
      RangeError,
      "teacherWeight.shape[0] is 0, less than 1",
    ],
    [{}, { vocab: 0 }, RangeError, "vocab is 0, less than 1"],
    [{}, { vocab: 5 }, RangeError, "vocab is 5, more than 4"],
    [{ teacherWeight: good().teacherHidden }, { vocab: 5 }, RangeError, "vocab is 5, more than 4"],
    [{}, { vocab: 2.5 }, RangeError, "vocab is 2.5, not an integer"],
    [{}, { vocab: "4" }, TypeError, 'vocab is "4", not a number'],
    [{}, { bias: [1, 2, 3] }, TypeError, "bias has 3 elements, not one for each of 4 classes"],
    [{}, { bias: [1, 2, 3, NaN] }, RangeError, "bias[3] is NaN, not finite"],
    [{}, { teacherBias: [1, 2, 3, Infinity] }, RangeError, "teacherBias[3] is Infinity, not finite"],
    [{}, { teacherBias: 7 }, TypeError, "teacherBias is 7, not an array"],
    [{}, { gradientScale: [1] }, TypeError, "gradientScale has 1 elements, not one for each of 2 rows"],
    [{}, { reduction: "median" }, RangeError, 'reduction is "median", not one of "mean", "sum", "none"'],
    [{}, { temperature: 0 }, RangeError, "temperature is 0, not above 0"],
    [{}, { softcap: -1 }, RangeError, "softcap is -1, not above 0"],
    [{}, { gradient: "both" }, TypeError, 'gradient is "both", not a boolean'],
    [{}, { gradient: { bias: true } }, TypeError, "gradient.bias is true, and there is no bias"],
    [{}, { gradient: { teacherWeight: true } }, TypeError, 'there is no gradient "teacherWeight"'],
    [{}, { gradient: { weight: good().hidden } }, RangeError, "gradient.weight is [2, 3], weight is [4, 3]"],
    [{}, { direction: "reverse" }, TypeError, 'there is no option "direction"'],
    [{}, { outputs: "cpu" }, RangeError, 'outputs is "cpu", not one of "gpu"'],
    [{}, null, TypeError, "options are null, not an object"],
  ];

Deno.test("linearKlDivergence() names the argument that is wrong, and its value", async () => {
  for (const [wrong, options, error, problem] of BAD) {
    const { hidden, weight, teacherHidden, teacherWeight } = { ...good(), ...wrong } as Record<string, Matrix>;
    const message = `Cannot compute linearKlDivergence: ${problem}`;
    const settings = options as Options;
    await assertRejects(
      () => linearKlDivergence(hidden, weight, teacherHidden, teacherWeight, settings),
      error,
      message,
    );
    assertThrows(
      () => linearKlDivergenceSync(hidden, weight, teacherHidden, teacherWeight, settings),
      error,
      message,
    );
  }
});

Deno.test("linearKlDivergence() refuses gradients over its inputs", async () => {
  const { hidden, weight, teacherHidden, teacherWeight } = good();
  const refuse = (gradient: { hidden?: Matrix; weight?: Matrix }, problem: string) =>
    assertRejects(
      () => linearKlDivergence(hidden, weight, teacherHidden, teacherWeight, { gradient }),
      RangeError,
      problem,
    );
  await refuse({ weight }, "gradient.weight overlaps weight");
  await refuse({ hidden: { ...hidden, data: teacherWeight.data } }, "gradient.hidden overlaps teacherWeight");
  await refuse({ hidden, weight }, "gradient.hidden overlaps hidden");
});
