import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { allocate, crossEntropy, distillationLoss, jsDivergence, klDivergence, type Matrix } from "../mod.ts";
import { onEachBackend } from "./backends.ts";
import { centralDifferences } from "./differences.ts";
import { distil, type Distillation, expectDistillation } from "./distillation_cases.ts";
import { readGolden } from "./golden.ts";
import { blank, DTYPES, fill, masked, matrix, normalRows, rounded, type Rows, rowsOf, valuesOf } from "./matrices.ts";
import { once } from "./once.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { targetOf, testSubject } from "./subject.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const LOSSES: readonly Distillation[] = [
  { alpha: 0.3, divergence: "forward" },
  { alpha: 0.3, divergence: "reverse" },
  { alpha: 0.3, divergence: "js", beta: 0.2 },
];

for (const loss of LOSSES) {
  testSubject({
    title: `distillationLoss(), ${loss.divergence},`,
    matrices: 2,
    async compute([student, teacher], ids, options) {
      const targets = ids.map((id) => targetOf(id, student.shape[1]));
      const { hard, soft, gradient } = await distil(student, teacher, targets, { ...loss, ...options });
      return { hard, soft, gradient };
    },
    expect([student, teacher], ids, transformation) {
      const targets = ids.map((id) => targetOf(id, student[0].length));
      return expectDistillation(student, teacher, targets, { ...loss, ...transformation });
    },
    masked: { gradient: 0 },
  });
}

const VOCAB = 1500, inf = Infinity;
const STUDENT = masked(normalRows(new Random(31), 3, VOCAB, 3), 11, 5);
const TEACHER = masked(normalRows(new Random(32), 3, VOCAB, 3), 13, 7);
const TARGETS = [7, 1024, 1499];

onEachBackend("distillationLoss() agrees with PyTorch", async (on) => {
  for (const [i, golden] of readGolden("distillation").entries()) {
    const { student, teacher, targets, temperature, alpha } = golden;
    const found = await distil(matrix(student), matrix(teacher), targets, {
      ...on,
      alpha,
      temperature,
      reduction: "mean",
    });
    const expected = expectDistillation(student, teacher, targets, { alpha, temperature, divergence: "forward" });
    const rows = student.length, { gradient } = expected, slack = [8];
    assertWithin(found.loss, { rule: "reduction", values: [golden.loss], slack }, `case ${i}: loss`);
    assertWithin(found.hard, { rule: "reduction", values: [golden.hard], slack }, `case ${i}: hard`);
    assertWithin(found.soft, { rule: "divergence", values: [golden.soft], slack }, `case ${i}: soft`);
    const terms = Array.from(gradient.terms ?? [], (term) => term / rows);
    assertWithin(found.gradient, { ...gradient, values: golden.gradient.flat(), terms }, `case ${i}: gradient`);
  }
});

/** The oracle's parts are differenced: in f64, which the public functions do not return. */
onEachBackend("distillationLoss() has the gradient of its loss", async (on) => {
  const random = new Random(33), targets = [3, 8];
  const student = masked(normalRows(random, 2, 9, 2), 9, 4), teacher = normalRows(random, 2, 9, 2);
  for (const loss of LOSSES) {
    for (const transformation of [{}, { temperature: 0.6 }, { softcap: 3, temperature: 4 }]) {
      const all = { ...loss, ...transformation };
      const known = all.divergence === "forward"
        ? teacher.map((row) => row.map((x, i) => i === 4 ? -inf : x))
        : teacher;
      const { gradient } = await distil(matrix(student), matrix(known), targets, { ...on, ...all });
      const values = centralDifferences(student, (rows) => weighed(rows, known, targets, all));
      assertWithin(gradient, { rule: "element", values, terms: values.map(() => 20) }, JSON.stringify(all));
    }
  }
});

function weighed(student: Rows, teacher: Rows, targets: readonly number[], loss: Distillation): number[] {
  const { alpha, divergence, temperature = 1, softcap } = loss;
  const { loss: hard } = oracle.crossEntropy(student, { targets, softcap });
  const [p, q] = divergence === "reverse" ? [student, teacher] : [teacher, student];
  const { divergence: soft } = divergence === "js" ? oracle.jsDivergence(p, q, loss) : oracle.klDivergence(p, q, loss);
  return Array.from(hard, (value, row) => alpha * value + (1 - alpha) * temperature ** 2 * soft[row]);
}

onEachBackend("distillationLoss() has parts that are those of their own functions, bit for bit", async (on) => {
  const [student, teacher] = [matrix(STUDENT), matrix(TEACHER)];
  for (const temperature of [1, 2.5]) {
    const options = { ...on, reduction: "none", temperature } as const;
    const { loss } = await crossEntropy(student, TARGETS, { ...on, reduction: "none" });
    const kl = await klDivergence(teacher, student, options);
    const reverse = await klDivergence(student, teacher, options);
    const js = await jsDivergence(teacher, student, { ...options, beta: 0.3 });
    for (
      const [divergence, { divergence: expected }] of Object.entries({ forward: kl, reverse, js }) as [
        Distillation["divergence"],
        typeof kl,
      ][]
    ) {
      const found = await distil(student, teacher, TARGETS, { ...options, divergence, beta: 0.3, gradient: false });
      // A GPU sums the weights of a row alone, and of a pair, in different ways
      if (on.backend === "webgpu") assertWithin(found.hard, { rule: "reduction", values: loss }, "hard");
      else assertSame(found.hard, loss, "hard");
      assertSame(found.soft, expected, divergence);
    }
  }
});

onEachBackend("distillationLoss() of weight 0 leaves a part out, be it infinite", async (on) => {
  const student = [[0, 1, -inf]], teacher = [[0, 0, 0]];
  const soft = await distil(matrix(student), matrix(teacher), [1], { ...on, alpha: 1 });
  assertEquals([soft.soft[0], Number.isFinite(soft.loss[0])], [inf, true]);
  const { gradient } = await crossEntropy(matrix(student), [1], { ...on, gradient: true });
  assertWithin(soft.gradient, { rule: "element", values: valuesOf(gradient), terms: [1, 1, 0] }, "alpha 1");
  const hard = await distil(matrix(student), matrix(student), [2], { ...on, alpha: 0 });
  assertEquals([hard.hard[0], hard.loss[0], ...hard.gradient], [inf, 0, 0, 0, 0]);
  const none = await distillationLoss(matrix(student), matrix(student), undefined, on);
  assertEquals([none.loss, none.hard, none.soft], [0, undefined, 0]);
});

onEachBackend("distillationLoss() leaves ignored rows out of everything, and does not read them", async (on) => {
  const student = [STUDENT[0], STUDENT[1].map(() => NaN), STUDENT[2]], targets = [7, -1, 1499];
  for (const loss of LOSSES) {
    const options = { ...on, ...loss, temperature: 3, ignoreIndex: -1, reduction: "mean" } as const;
    const found = await distil(matrix(student), matrix(TEACHER), targets, options);
    const expected = expectDistillation(STUDENT, TEACHER, targets, { ...loss, temperature: 3 });
    const mean = (values: ArrayLike<number>) => [(values[0] + values[2]) / 2];
    assertWithin(found.hard, { rule: "reduction", values: mean(expected.hard.values), slack: [60] }, "hard");
    assertWithin(found.soft, { ...expected.soft, values: mean(expected.soft.values), slack: [60] }, "soft");
    const [values, terms] = [expected.gradient.values, expected.gradient.terms ?? []].map((list) =>
      Array.from(list, (value) => value / 2)
    );
    assertWithin(found.gradient, { ...expected.gradient, values, terms }, "gradient");
    const all = await distil(matrix(student), matrix(TEACHER), [-1, -1, -1], options);
    assertEquals([all.loss[0], all.hard[0], all.soft[0]], [NaN, NaN, NaN]);
    assertSame(all.gradient, new Float64Array(3 * VOCAB), "no row");
  }
});

/** Columns of the student, of the teacher, and how many classes there are. */
const SIZES = [[40, 33, 40], [33, 40, 33], [1500, 1024, 1500], [1024, 1500, 1030], [3000, 2000, 1900], [
  9000,
  20_000,
  20_000,
]] as const;

const cut = (rows: Rows, vocab: number, columns: number) =>
  rows.map((row) => Float64Array.from({ length: columns }, (_, i) => i < vocab ? row[i] ?? -inf : -inf));

const unequal = once(() =>
  SIZES.flatMap(([ofStudent, ofTeacher, vocab], i) =>
    LOSSES.map((loss) => {
      const random = new Random(200 + i), dtype = DTYPES[i % 3], most = Math.max(ofStudent, ofTeacher);
      const student = rounded(normalRows(random, 2, ofStudent, 3), dtype);
      const teacher = rounded(normalRows(random, 2, ofTeacher, 3), dtype);
      const targets = [3, Math.min(ofStudent, vocab) - 1], gradientScale = [0.5, -2];
      const whole = [cut(student, vocab, most), cut(teacher, vocab, most)] as const;
      const expected = expectDistillation(...whole, targets, { ...loss, temperature: 2, gradientScale });
      const crop = (list: ArrayLike<number>) =>
        Float64Array.from({ length: 2 * ofStudent }, (_, j) => list[Math.floor(j / ofStudent) * most + j % ofStudent]);
      const gradient = {
        ...expected.gradient,
        values: crop(expected.gradient.values),
        terms: crop(expected.gradient.terms ?? []),
      };
      const what = `${ofStudent} and ${ofTeacher} of ${vocab}, ${dtype}, ${loss.divergence}`;
      const options = { ...loss, temperature: 2, gradientScale, vocab };
      return { what, dtype, student, teacher, targets, options, expected: { ...expected, gradient } };
    })
  )
);

onEachBackend("distillationLoss() has no chance for classes that a matrix lacks", async (on) => {
  for (const { what, dtype, student, teacher, targets, options, expected } of unequal()) {
    const found = await distil(matrix(student, dtype), matrix(teacher, dtype), targets, { ...on, ...options });
    for (const name of ["hard", "soft", "gradient"] as const) {
      assertWithin(found[name], expected[name], `${what}: ${name}`);
    }
    // In place too, where the student has columns that are padding
    const place = matrix(student, dtype, student[0].length + 3);
    await distillationLoss(place, matrix(teacher, dtype), targets, {
      ...on,
      ...options,
      reduction: "none",
      gradient: "inPlace",
    });
    assertWithin(valuesOf(place), { ...expected.gradient, dtype }, `${what}: in place`);
  }
});

onEachBackend("distillationLoss() writes the gradient where it is wanted", async (on) => {
  for (const dtype of DTYPES) {
    const [student, teacher] = [rounded(STUDENT, dtype), rounded(TEACHER, dtype)];
    for (const temperature of [1, 4]) {
      const options = { ...on, temperature, reduction: "none" } as const;
      const { gradient } = expectDistillation(student, teacher, TARGETS, {
        alpha: 0.5,
        divergence: "forward",
        temperature,
      });
      const into = blank([3, VOCAB], dtype, VOCAB + 9);
      const result = await distillationLoss(matrix(student, dtype), matrix(teacher), TARGETS, {
        ...options,
        gradient: into,
      });
      assertEquals(result.gradient === into, true);
      assertWithin(valuesOf(into), { ...gradient, dtype }, `${dtype}: into`);
      using resident = allocate([3, VOCAB], dtype);
      for (const place of [matrix(student, dtype), matrix(student, dtype, VOCAB + 1), resident] as Matrix[]) {
        fill(place, student);
        await distillationLoss(place, matrix(teacher), TARGETS, { ...options, gradient: "inPlace" });
        assertSame(valuesOf(place), valuesOf(into), `${dtype}: in place`);
      }
    }
  }
});

/** T² is there for this: of the two temperatures that the gradient is divided by, one is in its P − Q, which are near. */
onEachBackend("distillationLoss() keeps the size of its gradient at all temperatures by T²", async (on) => {
  const [student, teacher] = [34, 35].map((seed) => matrix(normalRows(new Random(seed), 3, VOCAB, 3)));
  const norms = new Map<number, number>();
  for (const temperature of [1, 2, 5, 10, 20, 50, 100]) {
    const { gradient } = await distil(student, teacher, undefined, { ...on, temperature });
    norms.set(temperature, Math.hypot(...gradient));
  }
  const [one = NaN, fifty = NaN, hundred = NaN] = [1, 50, 100].map((temperature) => norms.get(temperature));
  for (const [temperature, norm] of norms) {
    assertLess(Math.abs(Math.log10(norm / one)), 1, `with it, at ${temperature}`);
    if (temperature >= 10) assertLess(norm / temperature ** 2, one / 20, `without it, at ${temperature}`);
  }
  assertLess(Math.abs((hundred / 100 ** 2) / (fifty / 50 ** 2) * 4 - 1), 0.1, "without it, as 1 / T²");
});

onEachBackend("distillationLoss() of a student that is its teacher has no divergence", async (on) => {
  for (const loss of LOSSES) {
    for (const temperature of [1, 0.7, 20]) {
      const found = await distil(matrix(TEACHER), matrix(rowsOf(matrix(TEACHER))), undefined, {
        ...on,
        ...loss,
        alpha: 0,
        temperature,
      });
      assertSame(found.soft, [0, 0, 0], loss.divergence);
      assertWithin(found.gradient, { rule: "exact", values: new Float64Array(3 * VOCAB) }, loss.divergence);
    }
  }
});

onEachBackend("distillationLoss() refuses what makes no sense", async (on) => {
  const two = matrix([[1, 2]]), three = matrix([[1, 2, 3]]);
  const refuse = (kind: ErrorConstructor, problem: string, ...args: Parameters<typeof distillationLoss>) =>
    assertRejects(() => distillationLoss(...args), kind, problem);
  await refuse(TypeError, "alpha is 0.5, and there are no targets", two, two, undefined, { ...on, alpha: 0.5 });
  await refuse(RangeError, "alpha is 1.5, more than 1", two, two, [0], { ...on, alpha: 1.5 });
  await refuse(RangeError, "beta is 1, not below 1", two, two, [0], { ...on, beta: 1 });
  await refuse(RangeError, 'divergence is "kl"', two, two, [0], { ...on, divergence: "kl" as "js" });
  await refuse(RangeError, "targets[0] is 2, vocab is 2", two, three, [2], { ...on, vocab: 2 });
  await refuse(RangeError, "teacher is [1, 3], student is [1, 2]: vocab must say", two, three, [0], on);
  await refuse(RangeError, "temperature is 0, not above 0", two, two, [0], { ...on, temperature: 0 });
  await refuse(RangeError, "gradient overlaps teacher", two, two, [0], { ...on, gradient: two });
  await refuse(TypeError, 'there is no option "T"', two, two, [0], { ...on, T: 2 } as never);
});
