import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { klDivergence, linear } from "../mod.ts";
import { onEachBackend, onEachKernel } from "./backends.ts";
import { centralDifferences } from "./differences.ts";
import { assertResults } from "./linear_cases.ts";
import {
  divergenceOf,
  expectLesson,
  type Lesson,
  logitsOfBoth,
  matricesOf,
  type Model,
  randomLesson,
} from "./linear_divergence_cases.ts";
import { blank, DTYPES, matrix, valuesOf } from "./matrices.ts";
import { once } from "./once.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const SEED = 20261202;
const inf = Infinity;

/** Small ones; then more classes than a tile, more rows than a chunk, both, and states that take the room of a chunk. */
const SIZES = [
  { rows: 1, hidden: 1, teacherHidden: 1, classes: 1 },
  { rows: 5, hidden: 3, teacherHidden: 7, classes: 2 },
  { rows: 6, hidden: 7, teacherHidden: 3, classes: 63 },
  { rows: 7, hidden: 255, teacherHidden: 64, classes: 65 },
  { rows: 1, hidden: 33, teacherHidden: 300, classes: 129 },
  { rows: 3, hidden: 7, teacherHidden: 5, classes: 8300 },
  { rows: 513, hidden: 3, teacherHidden: 2, classes: 65 },
  { rows: 513, hidden: 2, teacherHidden: 3, classes: 4200 },
  { rows: 150, hidden: 4000, teacherHidden: 3000, classes: 19 },
];

const ofSizes = once(() => {
  const random = new Random(SEED);
  return SIZES.map((sizes) => {
    const lesson = randomLesson(random, sizes);
    return { what: JSON.stringify(sizes), lesson, expected: expectLesson(lesson) };
  });
});

onEachBackend("linearKlDivergence() is klDivergence of the logits at all kinds of sizes", async (on) => {
  for (const { what, lesson, expected } of ofSizes()) assertResults(await divergenceOf(lesson, on), expected, what);
});

/** The logits themselves are rounded to f32 in both. */
onEachKernel("linearKlDivergence() gives what linear() and klDivergence() give", async (on) => {
  for (const classes of [65, 9000]) {
    const lesson = randomLesson(new Random(SEED), { rows: 9, hidden: 20, teacherHidden: 31, classes });
    const [hidden, weight, teacherHidden, teacherWeight] = matricesOf(lesson), { student, teacher } = lesson;
    const { logits: p } = await linear(teacherHidden, teacherWeight, { ...on, bias: teacher.bias });
    const { logits: q } = await linear(hidden, weight, { ...on, bias: student.bias });
    const options = { ...on, reduction: "none", temperature: 1.3 } as const;
    const { divergence: values } = await klDivergence(p, q, options);
    const { divergence } = await divergenceOf(lesson, options);
    assertWithin(divergence, { rule: "divergence", values }, `${classes} classes`);
  }
});

/** Which of the weights have rows beyond the vocabulary, and which do not reach it. */
const PADDINGS = [
  { classes: 20, teacherClasses: 16, vocab: 16 },
  { classes: 20, teacherClasses: 16, vocab: 13 },
  { classes: 16, teacherClasses: 20, vocab: 16 },
  { classes: 20, teacherClasses: 16, vocab: 20 },
  { classes: 20, teacherClasses: 16, vocab: 18 },
  { classes: 70, teacherClasses: 9, vocab: 67 },
  { classes: 16, teacherClasses: 16, vocab: 1 },
].map((sizes) => ({ rows: 5, hidden: 3, teacherHidden: 4, ...sizes }));

onEachBackend("linearKlDivergence() takes weights with padding, and gives it gradient 0", async (on) => {
  const random = new Random(SEED);
  for (const sizes of PADDINGS) {
    const lesson = randomLesson(random, sizes), what = JSON.stringify(sizes);
    const expected = expectLesson(lesson), found = await divergenceOf(lesson, on);
    assertResults(found, expected, what);
    const weight = blank([sizes.classes, sizes.hidden], "f32", sizes.hidden + 2);
    await divergenceOf(lesson, { ...on, gradient: { weight } });
    assertWithin(valuesOf(weight), { rule: "exact", values: found.gradientWeight }, `${what}: into NaN`);
  }
});

onEachBackend("linearKlDivergence() is Infinity where the student lacks what the teacher has", async (on) => {
  const lesson = randomLesson(new Random(SEED), { ...PADDINGS[0], classes: 16, teacherClasses: 20, vocab: 18 });
  const expected = expectLesson(lesson);
  assertSame(Float64Array.from(expected.divergence.values), [inf, inf, inf, inf, inf], "expected");
  assertResults(await divergenceOf(lesson, on), expected, "lacking");
  const bias = Float32Array.from(lesson.teacher.bias ?? [], (x, i) => i >= 16 ? -inf : x);
  const masked = { ...lesson, teacher: { ...lesson.teacher, bias } };
  const found = await divergenceOf(masked, on);
  assertResults(found, expectLesson(masked), "masked");
  const cut = { ...lesson, vocab: 16 };
  assertResults(await divergenceOf(cut, on), expectLesson(cut), "cut");
});

const transformed = once(() => {
  const random = new Random(SEED);
  const transformations = [{}, { temperature: 0.7 }, { temperature: 3 }, { softcap: 5 }, {
    softcap: 30,
    temperature: 1.5,
  }];
  return transformations.map((options) => {
    const lesson = randomLesson(random, { rows: 9, hidden: 20, teacherHidden: 12, classes: 70 });
    const gradientScale = [0, ...random.normals(8)].map(Math.fround);
    return { lesson, options, gradientScale, expected: expectLesson(lesson, { ...options, gradientScale }) };
  });
});

onEachBackend("linearKlDivergence() follows soft cap, temperature and upstream gradients", async (on) => {
  for (const { lesson, options, gradientScale, expected } of transformed()) {
    const found = await divergenceOf(lesson, { ...on, ...options, gradientScale });
    assertResults(found, expected, JSON.stringify(options));
  }
});

const SMALL = randomLesson(new Random(SEED + 1), { rows: 4, hidden: 3, teacherHidden: 5, classes: 9 });

/** Differences of the f64 oracle's divergences, by what the student is made of. */
onEachBackend("linearKlDivergence() has the gradients of its divergence", async (on) => {
  for (const transformation of [{}, { softcap: 3, temperature: 1.7 }]) {
    const { student } = SMALL, { divergence: _, ...expected } = expectLesson(SMALL, transformation);
    const of = (changed: Partial<Model>) => {
      const [p, q] = logitsOfBoth({ ...SMALL, student: { ...student, ...changed } });
      return oracle.klDivergence(p, q, transformation).divergence;
    };
    const total = (changed: Partial<Model>) => of(changed).reduce((sum, x) => sum + x, 0);
    const differences = {
      gradientHidden: centralDifferences(student.hidden, (hidden) => of({ hidden })),
      gradientWeight: centralDifferences(student.weight, (weight) => Array(9).fill(total({ weight }))),
      gradientBias: centralDifferences([student.bias ?? []], ([bias]) => [total({ bias })]),
    };
    const found = await divergenceOf(SMALL, { ...on, ...transformation });
    for (const name of ["gradientHidden", "gradientWeight", "gradientBias"] as const) {
      // What a difference is off by itself
      const terms = Array.from(expected[name].terms ?? [], (term) => term + 0.1);
      assertWithin(found[name], { ...expected[name], values: differences[name], terms }, name);
    }
  }
});

/** A teacher, and a student whose weights are off by noise: divergences of about noise². */
function noisy(noise: number, seed = SEED): Lesson {
  const random = new Random(seed);
  const { teacher } = randomLesson(random, { rows: 5, hidden: 64, teacherHidden: 64, classes: 3000 });
  const weight = teacher.weight.map((row) => Float32Array.from(row, (x) => x + noise * random.normal()));
  return { student: { ...teacher, weight }, teacher };
}

/** What logits of a few nats, sums of 64 products, are off by at most. */
const LOGIT_ERROR = 2e-6;

const near = once(() =>
  [1e-2, 1e-4, 1e-6].map((noise) => {
    const lesson = noisy(noise);
    return { noise, lesson, expected: expectLesson(lesson) };
  })
);

onEachBackend("linearKlDivergence() of near models is as right as their logits are", async (on) => {
  for (const { noise, lesson, expected } of near()) {
    const found = await divergenceOf(lesson, on), { values } = expected.divergence;
    for (const [row, value] of Array.from(values).entries()) {
      assertLess(value, 100 * noise ** 2);
      assertLess(Math.abs(found.divergence[row] - value), LOGIT_ERROR * Math.sqrt(2 * value));
    }
    assertResults(found, expected, `noise ${noise}`);
  }
});

onEachBackend("linearKlDivergence() is never negative", async (on) => {
  for (const noise of [1e-2, 1e-5, 1e-6, 1e-7, 1e-8]) {
    const { divergence } = await divergenceOf(noisy(noise, SEED + noise * 1e8), { ...on, gradient: false });
    for (const value of divergence) assertGreaterOrEqual(value, 0);
  }
});

onEachBackend("linearKlDivergence() of a model from itself is exactly 0, and so are its gradients", async (on) => {
  const random = new Random(SEED);
  for (const [sizes, dtypes] of [[SIZES[2], DTYPES], [{ ...SIZES[5], rows: 20 }, ["f32"]]] as const) {
    const { teacher } = randomLesson(random, sizes);
    const bias = Float32Array.from(teacher.bias ?? [], (x, i) => i % 5 === 1 ? -inf : x), own = { ...teacher, bias };
    for (const options of [{}, { temperature: 0.7, softcap: 20 }]) {
      for (const dtype of dtypes) {
        const [hidden, weight] = [matrix(own.hidden, dtype), matrix(own.weight, dtype)];
        const found = await divergenceOf({ student: own, teacher: own }, { ...on, ...options }, [
          ...[hidden, weight] as const,
          ...[hidden, weight] as const,
        ]);
        for (const [name, values] of Object.entries(found)) {
          assertSame(Array.from(values, Math.abs), Array(values.length).fill(0), `${dtype}: ${name}`);
        }
      }
    }
  }
});

onEachBackend("linearKlDivergence() takes a bias of -Infinity for a mask", async (on) => {
  const lesson = randomLesson(new Random(SEED), { rows: 4, hidden: 5, teacherHidden: 6, classes: 20 });
  const mask = ({ bias = [], ...model }: Model, isMasked: (i: number) => boolean): Model => {
    return { ...model, bias: Float32Array.from(bias, (x, i) => isMasked(i) ? -inf : x) };
  };
  const both = (p: (i: number) => boolean, q: (i: number) => boolean): Lesson => {
    return { teacher: mask(lesson.teacher, p), student: mask(lesson.student, q) };
  };
  const third = (i: number) => i % 3 === 0, sixth = (i: number) => i % 6 === 0, all = () => true;
  for (const [what, masked] of Object.entries({ "p = 0": both(third, sixth), "q = 0": both(sixth, third) })) {
    const found = await divergenceOf(masked, on);
    assertResults(found, expectLesson(masked), what);
    const isFinite = what === "p = 0";
    assertEquals(Array.from(found.divergence, Number.isFinite), Array(4).fill(isFinite), what);
    const leaks = Array.from(found.gradientBias).filter((x, i) => masked.student.bias?.[i] === -inf && x !== 0);
    assertEquals(leaks, [], what);
  }
  for (const masked of [both(all, sixth), both(sixth, all), both(all, all)]) {
    const { divergence, gradientHidden } = await divergenceOf(masked, { ...on, gradient: { hidden: true } });
    assertSame(divergence, Array(4).fill(NaN), "nothing left");
    assertSame(gradientHidden, Array(20).fill(NaN), "gradientHidden, nothing left");
  }
});

onEachBackend("linearKlDivergence() keeps rows with NaN or infinite states to themselves", async (on) => {
  const { student, teacher } = randomLesson(new Random(SEED), { rows: 5, hidden: 6, teacherHidden: 6, classes: 200 });
  const options = { ...on, gradient: { hidden: true } };
  const clean = await divergenceOf({ student, teacher }, options);
  for (const bad of [NaN, inf, -inf]) {
    const spoil = ({ hidden, ...model }: Model, row: number): Model => {
      return { ...model, hidden: hidden.map((state, i) => i === row ? Float32Array.from(state, () => bad) : state) };
    };
    const lesson = { student: spoil(student, 1), teacher: spoil(teacher, 3) };
    const { divergence, gradientHidden } = await divergenceOf(lesson, options);
    const kept = (values: ArrayLike<number>, width: number) =>
      Array.from(values, (x, i) => [1, 3].includes(Math.floor(i / width)) ? NaN : x);
    assertSame(divergence, kept(clean.divergence, 1), `${bad}: divergence`);
    assertSame(gradientHidden, kept(clean.gradientHidden, 6), `${bad}: gradientHidden`);
  }
});
