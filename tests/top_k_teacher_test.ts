// Teachers of whom only the likeliest tokens are known, by an oracle of their own: divergences of top + 1 buckets, in f64.

import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual, assertRejects } from "@std/assert";
import { distillationLoss, klDivergence, tokenStatistics, type TopKTeacher } from "../mod.ts";
import { onEachBackend, onEachKernel } from "./backends.ts";
import { centralDifferences } from "./differences.ts";
import { distil } from "./distillation_cases.ts";
import { masked, matrix, normalRows, type Rows } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const DIVERGENCES = ["forward", "reverse", "js"] as const, BETA = 0.3, inf = Infinity;

type Divergence = typeof DIVERGENCES[number];

/** What is kept of a teacher's rows. */
function kept(teacher: Rows, top: number, temperature = 1): TopKTeacher {
  const { probabilities } = oracle.softmax(teacher, { temperature }), vocab = teacher[0].length;
  const rows = teacher.map((_, row) => {
    const p = probabilities.subarray(row * vocab, (row + 1) * vocab);
    const order = [...p.keys()].sort((a, b) => p[b] - p[a]);
    return { tokens: order.slice(0, top), p, rest: order.slice(top).reduce((sum, i) => sum + p[i], 0) };
  });
  return {
    top,
    tokens: rows.flatMap(({ tokens }) => tokens),
    logProbabilities: rows.flatMap(({ tokens, p }) => tokens.map((token) => Math.log(p[token]))),
    tail: rows.map(({ rest }) => Math.log(rest)),
    temperature,
  };
}

function kl(p: readonly number[], q: readonly number[]): number {
  return p.reduce((sum, x, i) => x === 0 ? sum : sum + x * Math.log(x / q[i]), 0);
}

function divergenceOf(teacher: readonly number[], student: readonly number[], divergence: Divergence): number {
  if (divergence === "forward") return kl(teacher, student);
  if (divergence === "reverse") return kl(student, teacher);
  const m = teacher.map((x, i) => BETA * x + (1 - BETA) * student[i]);
  return BETA * kl(teacher, m) + (1 - BETA) * kl(student, m);
}

/** The divergence of the buckets of each row. */
function bucketed(student: Rows, { top, ...teacher }: TopKTeacher, divergence: Divergence): number[] {
  const { temperature = 1 } = teacher, vocab = student[0].length;
  const { probabilities } = oracle.softmax(student, { temperature });
  return student.map((_, row) => {
    const q = probabilities.subarray(row * vocab, (row + 1) * vocab);
    const tokens = Array.from({ length: top }, (_, i) => teacher.tokens[row * top + i]);
    const known = tokens.map((_, i) => Math.exp(teacher.logProbabilities[row * top + i]));
    const others = q.reduce((sum, x, i) => tokens.includes(i) ? sum : sum + x, 0);
    const rest = teacher.tail ? Math.exp(teacher.tail[row]) : 1 - known.reduce((sum, x) => sum + x, 0);
    return divergenceOf([...known, rest], [...tokens.map((token) => q[token]), others], divergence);
  });
}

const STUDENT = masked(normalRows(new Random(41), 3, 1500, 3), 11, 5);
const TEACHER = normalRows(new Random(42), 3, 1500, 3);

onEachBackend("distillationLoss() by a teacher's likeliest tokens is that of buckets", async (on) => {
  for (const temperature of [1, 2.5]) {
    for (const top of [1, 8, 100]) {
      const teacher = kept(TEACHER, top, temperature);
      for (const divergence of DIVERGENCES) {
        const student = STUDENT.map((row) => row.map((x) => x === -inf ? -9 : x));
        const options = { ...on, divergence, temperature, beta: BETA };
        const { soft } = await distil(matrix(student), teacher, undefined, options);
        const values = bucketed(student, teacher, divergence);
        // Stored log-probabilities are f32 numbers, which are off by half an ε₃₂ of themselves
        assertWithin(
          soft,
          { rule: "divergence", values, slack: [12, 12, 12] },
          `${divergence}, ${top}, ${temperature}`,
        );
      }
    }
  }
});

onEachBackend("distillationLoss() by a teacher's likeliest tokens has the gradient of its loss", async (on) => {
  const random = new Random(43), targets = [3, 8];
  const [student, known] = [0, 1].map(() => masked(normalRows(random, 2, 12, 2), 12, 5));
  for (const temperature of [1, 3]) {
    const teacher = kept(known, 4, temperature);
    for (const divergence of DIVERGENCES) {
      const values = centralDifferences(student, (rows) => {
        const { loss } = oracle.crossEntropy(rows, { targets });
        return bucketed(rows, teacher, divergence).map((soft, row) =>
          0.25 * loss[row] + 0.75 * temperature ** 2 * soft
        );
      });
      const options = { ...on, alpha: 0.25, divergence, temperature, beta: BETA };
      const { gradient } = await distil(matrix(student), teacher, targets, options);
      assertWithin(gradient, { rule: "element", values, terms: values.map(() => 40) }, `${divergence}, ${temperature}`);
    }
  }
});

onEachBackend("distillationLoss() says how much the unknown tokens hide", async (on) => {
  for (const temperature of [1, 2]) {
    for (const divergence of DIVERGENCES) {
      const options = { ...on, divergence, temperature, beta: BETA, gradient: false };
      const student = matrix(STUDENT.map((row) => row.map((x) => x === -inf ? -9 : x)));
      const whole = await distil(student, matrix(TEACHER), undefined, options);
      for (const top of [1, 5, 50, 1499, 1500]) {
        const { soft, hidden } = await distil(student, kept(TEACHER, top, temperature), undefined, options);
        for (let row = 0; row < 3; row++) {
          assertLessOrEqual(soft[row], whole.soft[row] * (1 + 1e-5) + 1e-6);
          assertGreaterOrEqual(soft[row] + hidden[row], whole.soft[row] * (1 - 1e-5));
          if (top === 1500) assertEquals(hidden[row], 0);
          else if (divergence === "reverse") assertEquals(hidden[row], inf);
        }
      }
    }
  }
});

onEachBackend("distillationLoss() hides no less than it says", async (on) => {
  // All of the tail is one token, the student's least, and no likelier than the one that is known; or no token of both
  const student = matrix([[1, 0, -2, -6]]), known = { top: 1, tokens: [0], logProbabilities: [Math.log(0.6)] };
  const worst = matrix([[0.6, 0, 0, 0.4].map(Math.log)]);
  const found = await distil(student, known, undefined, { ...on, gradient: false });
  const { divergence } = await klDivergence(worst, student, on);
  assertWithin([found.soft[0] + found.hidden[0]], { rule: "divergence", values: [divergence] }, "forward");
  const apart = matrix([[0, -inf, 0, -6]]), options = { ...on, divergence: "js", beta: BETA, gradient: false } as const;
  const two = { top: 2, tokens: [0, 3], logProbabilities: [0.5, 0.25].map(Math.log) };
  const parts = await distil(apart, two, undefined, options);
  const whole = await distil(apart, matrix([[0.5, 0.25, 0, 0.25].map(Math.log)]), undefined, options);
  assertWithin([parts.soft[0] + parts.hidden[0]], { rule: "divergence", values: whole.soft }, "js");
});

onEachBackend("distillationLoss() of tokens that tokenStatistics() found is about that of the whole", async (on) => {
  const { topTokens: tokens = [], topLogProbabilities: logProbabilities = [] } = await tokenStatistics(
    matrix(TEACHER),
    [0, 0, 0],
    { ...on, top: 1500 },
  );
  const options = { ...on, gradient: false };
  const { soft } = await distil(matrix(STUDENT), { top: 1500, tokens, logProbabilities }, undefined, options);
  const whole = await distil(matrix(STUDENT), matrix(TEACHER), undefined, options);
  assertWithin(soft, { rule: "divergence", values: whole.soft, slack: [20, 20, 20] }, "all tokens");
});

onEachBackend("distillationLoss() by tokens treats what cannot come as the divergences do", async (on) => {
  const options = { ...on, temperature: 2, gradient: false };
  const all = { top: 2, tokens: [0, 2], logProbabilities: [0.75, 0.25].map(Math.log), temperature: 2 };
  const student = [[0, 0, 0, 0], [0, -inf, 0, -inf], [0, 0, -inf, 0], [-inf, -inf, -inf, -inf], [0, NaN, 0, 0]];
  const rows = <T>(list: readonly T[]) => student.flatMap(() => list);
  const teacher = { ...all, tokens: rows(all.tokens), logProbabilities: rows(all.logProbabilities) };
  const known = await distil(matrix(student), teacher, undefined, options);
  const ofTwo = 0.75 * Math.log(0.75 / 0.5) + 0.25 * Math.log(0.25 / 0.5);
  assertWithin(known.soft, { rule: "divergence", values: [ofTwo + Math.LN2, ofTwo, inf, NaN, NaN] }, "nothing left");
  assertEquals(Array.from(known.hidden).slice(0, 3), [0, 0, 0]);
  const left = { ...teacher, logProbabilities: rows([0.5, 0.25].map(Math.log)) };
  const part = await distil(matrix(student), left, undefined, options);
  const quarter = 0.5 * Math.log(2) + 0.25 * Math.log(0.25 / 0.5);
  assertWithin(part.soft, { rule: "divergence", values: [quarter, inf, inf, NaN, NaN] }, "a quarter left");
});

onEachBackend("distillationLoss() by tokens leaves padding out, and can be of no rows", async (on) => {
  const teacher = kept(TEACHER.map((row) => row.subarray(0, 1400)), 8), padded = matrix(STUDENT);
  const exact = await distil(matrix(STUDENT.map((row) => row.subarray(0, 1400))), teacher, [0, 1, 2], on);
  const found = await distil(padded, teacher, [0, 1, 2], { ...on, vocab: 1400, gradient: "inPlace" });
  assertSame([...found.loss, ...found.hidden], [...exact.loss, ...exact.hidden], "numbers");
  for (let row = 0; row < 3; row++) {
    const own = exact.gradient.subarray(row * 1400, (row + 1) * 1400);
    assertSame(found.gradient.subarray(row * 1500, (row + 1) * 1500), [...own, ...new Float64Array(100)], `row ${row}`);
  }
  const none = { data: new Float32Array(), shape: [0, 5] as const };
  const { loss, gradient } = await distillationLoss(none, { top: 2, tokens: [], logProbabilities: [] }, [], {
    ...on,
    gradient: true,
  });
  assertEquals([loss, gradient?.shape], [NaN, [0, 5]]);
});

onEachKernel(
  "distillationLoss() by tokens takes many rows a few at a time, and leaves ignored ones out",
  async (on) => {
    const vocab = 30_000, count = 300, random = new Random(44), logits = normalRows(random, 3, vocab, 2);
    const rows = Array.from(
      { length: count },
      (_, row) => row % 5 === 4 ? new Float32Array(vocab).fill(NaN) : logits[row % 3],
    );
    const targets = rows.map((_, row) => row % 5 === 4 ? -100 : row);
    const one = kept(logits.map((row) => row.map((x, i) => x + i % 7)), 20);
    const spread = (list: ArrayLike<number>, width: number) =>
      rows.flatMap((_, row) => Array.from(list).slice(row % 3 * width, (row % 3 + 1) * width));
    const teacher = {
      top: 20,
      tokens: spread(one.tokens, 20),
      logProbabilities: spread(one.logProbabilities, 20),
      tail: spread(one.tail ?? [], 1),
    };
    const student = matrix(rows), few = matrix(logits);
    const all = await distil(student, teacher, targets, { ...on, gradient: "inPlace" });
    const some = await distil(few, one, [0, 1, 2], on);
    for (const row of [0, 1, 2, 150, 298]) {
      assertSame([all.soft[row], all.hidden[row]], [some.soft[row % 3], some.hidden[row % 3]], `row ${row}`);
    }
    assertSame(all.gradient.subarray(3, 2 * vocab), some.gradient.subarray(3, 2 * vocab), "gradients");
    assertSame(
      [all.loss[4], all.hidden[4], ...all.gradient.subarray(4 * vocab, 5 * vocab)],
      new Float64Array(vocab + 2),
      "ignored",
    );
    const { loss } = await distillationLoss(matrix([rows[4]]), { ...one, ...slice(one) }, [-100], on);
    assert(Number.isNaN(loss));
  },
);

function slice({ tokens, logProbabilities, tail = [] }: TopKTeacher): Omit<TopKTeacher, "top"> {
  const [a, b, c] = [tokens, logProbabilities, tail].map((list) => Array.from(list));
  return { tokens: a.slice(0, 20), logProbabilities: b.slice(0, 20), tail: c.slice(0, 1) };
}

onEachBackend("distillationLoss() refuses tokens that make no sense", async (on) => {
  const student = matrix([[1, 2, 3], [4, 5, 6]]), half = Math.log(0.5);
  const teacher = { top: 1, tokens: [0, 1], logProbabilities: [half, half] };
  const wrong: readonly [kind: ErrorConstructor, problem: string, changed: object, options?: object][] = [
    [RangeError, "teacher.top is 4, more than 3", { top: 4 }],
    [RangeError, "teacher.top is 1.5, not an integer", { top: 1.5 }],
    [TypeError, "teacher.top is undefined, not a number", { top: undefined }],
    [TypeError, "teacher.tokens has 1 elements, not 1 for each of 2 rows", { tokens: [0] }],
    [TypeError, "teacher.tokens is 7, not an array", { tokens: 7 }],
    [RangeError, "teacher.tokens[1] is 3, vocab is 3", { tokens: [0, 3] }],
    [TypeError, "teacher.logProbabilities is undefined, not an array", { logProbabilities: undefined }],
    [RangeError, "teacher.logProbabilities[1] is NaN, not finite", { logProbabilities: [half, NaN] }],
    [RangeError, "teacher's row 1 has probabilities that sum to 2.71828, not 1", { logProbabilities: [half, 1] }],
    [RangeError, "teacher's row 0 has probabilities that sum to 1.5, not 1", { tail: [0, half] }],
    [TypeError, "teacher.tail has 1 elements, not one for each of 2 rows", { tail: [half] }],
    [RangeError, "teacher.temperature is 1, temperature is 2", {}, { temperature: 2 }],
    [RangeError, "teacher.tokens[1] is 0, which row 0 has twice", {
      top: 2,
      tokens: [0, 0, 1, 2],
      logProbabilities: [-1, -1, -1, -1],
    }],
    [TypeError, "softcap is for teachers whose logits are known", {}, { softcap: 30 }],
  ];
  for (const [kind, problem, changed, options] of wrong) {
    const all = { ...on, ...options };
    await assertRejects(
      () => distillationLoss(student, { ...teacher, ...changed } as never, undefined, all),
      kind,
      problem,
    );
  }
});
