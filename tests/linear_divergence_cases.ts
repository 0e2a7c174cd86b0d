/**
 * What the tests of linearKlDivergence share: a student and its teacher, what follows from their logits as a whole in f64
 * with its tolerances, and a call's results.
 *
 * @module
 */
import { linearKlDivergence, type LinearKlDivergenceOptions, type Matrix, type Reduction } from "../mod.ts";
import { expectKl } from "./divergence_cases.ts";
import { type Head, materialise, multiply, randomHead } from "./linear_cases.ts";
import { matrix, type Rows, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import type { Random } from "./random.ts";
import { elementError, type Expected, productSlack } from "./tolerance.ts";

/** States, weights and bias. */
export type Model = Omit<Head, "targets">;

/** Who learns, and from whom. */
export interface Lesson {
  readonly student: Model;
  readonly teacher: Model;
  /** How many classes there are; as many as the student has unless given. */
  readonly vocab?: number;
}

/** What a call gives for each row, and its gradients, flat. */
export type Results<T> = Readonly<Record<"divergence" | "gradientHidden" | "gradientWeight" | "gradientBias", T>>;

/** Sizes of a lesson. */
export interface Sizes {
  readonly rows: number;
  readonly hidden: number;
  readonly teacherHidden: number;
  readonly classes: number;
  readonly teacherClasses?: number;
  readonly vocab?: number;
}

/** Two models that know nothing of one another, whose logits have a standard deviation of about 3. */
export function randomLesson(random: Random, sizes: Sizes): Lesson {
  const { rows, hidden, teacherHidden, classes, teacherClasses = classes, vocab } = sizes;
  const student = randomHead(random, rows, hidden, classes);
  return { student, teacher: randomHead(random, rows, teacherHidden, teacherClasses), vocab };
}

/** A model's logits of the classes that there are, and what those of each row may be off by, in ε₃₂. */
function logitsOf(model: Model, vocab: number): { readonly logits: Float64Array[]; readonly slack: number[] } {
  const weight = model.weight.slice(0, vocab), missing = vocab - weight.length;
  const { logits, slack } = materialise({ ...model, weight, targets: [] });
  return { logits: logits.map((row) => Float64Array.of(...row, ...Array(missing).fill(-Infinity))), slack };
}

/** The rows of both models' logits, the teacher's first. */
export function logitsOfBoth({ student, teacher, vocab = student.weight.length }: Lesson): [p: Rows, q: Rows] {
  return [logitsOf(teacher, vocab).logits, logitsOf(student, vocab).logits];
}

/** Divergences, and the gradients of their sum times `scale`, each row's times its `gradientScale`. */
export function expectLesson(
  lesson: Lesson,
  options: oracle.DivergenceOptions = {},
): Results<Expected> {
  const { student, teacher, vocab = student.weight.length } = lesson, { temperature = 1 } = options;
  const p = logitsOf(teacher, vocab), q = logitsOf(student, vocab), rows = p.logits.length;
  const { divergence, gradientQ } = expectKl(p.logits, q.logits, options);
  const own = Math.min(vocab, student.weight.length), padding = student.weight.length - own;
  const values = new Float64Array(rows * own), terms = new Float64Array(rows * own), off = new Float64Array(rows * own);
  for (let i = 0; i < values.length; i++) {
    const row = Math.floor(i / own), at = row * vocab + i % own, slack = (p.slack[row] + q.slack[row]) / temperature;
    values[i] = gradientQ.values[at];
    terms[i] = (gradientQ.terms ?? [])[at];
    off[i] = elementError(terms[i], 2 * slack + (gradientQ.slack ? gradientQ.slack[row] : 0));
  }
  const product = (count: number, right: Rows, isTurned: boolean): Expected => {
    const times = (left: ArrayLike<number>, right: Rows) => multiply(left, rows, own, right, isTurned);
    const all = off.map((error, i) => error + productSlack(count) * terms[i]), width = right[0].length;
    const padded = (
      values: ArrayLike<number>,
    ) => [...Array.from(values), ...Array(isTurned ? padding * width : 0).fill(0)];
    const sizes = right.map((row) => Float64Array.from(row, Math.abs));
    return { rule: "sum", values: padded(times(values, right)), terms: padded(times(all, sizes)) };
  };
  return {
    divergence: { ...divergence, slack: slackOf(p, q, options, divergence.slack) },
    gradientHidden: product(own, student.weight.slice(0, own), false),
    gradientWeight: product(rows, student.hidden, true),
    gradientBias: product(rows, student.hidden.map(() => [1]), true),
  };
}

type Logits = ReturnType<typeof logitsOf>;

/**
 * What the rounding of logits does to a divergence D, in ε₃₂: to first order Σ |∂D/∂x|·|error of x| over both rows, whose sums
 * are of the size of √D where D is small; and to second order half the square of the errors.
 */
function slackOf(
  p: Logits,
  q: Logits,
  options: oracle.DivergenceOptions,
  transformed: ArrayLike<number> | undefined,
): number[] {
  const { temperature = 1 } = options;
  const { gradientP, gradientQ } = oracle.klDivergence(p.logits, q.logits, { ...options, scale: 1 });
  const size = (gradient: Float64Array, row: number) => {
    const length = gradient.length / p.logits.length, own = gradient.subarray(row * length, (row + 1) * length);
    return own.reduce((sum, x) => sum + Math.abs(x), 0);
  };
  return p.slack.map((ofP, row) => {
    const both = (ofP + q.slack[row]) / temperature;
    const first = ofP * size(gradientP, row) + q.slack[row] * size(gradientQ, row);
    return first + 2 ** -24 * both ** 2 + (transformed ? transformed[row] : 0);
  });
}

/** The four matrices of a lesson, wherever they lie. */
export type Matrices = readonly [hidden: Matrix, weight: Matrix, teacherHidden: Matrix, teacherWeight: Matrix];

/** The four matrices, in f32. */
export function matricesOf({ student, teacher }: Lesson): Matrices {
  return [matrix(student.hidden), matrix(student.weight), matrix(teacher.hidden), matrix(teacher.weight)];
}

/** Calls linearKlDivergence for one divergence a row and new gradients unless `options` say otherwise. */
export async function divergenceOf(
  lesson: Lesson,
  options: LinearKlDivergenceOptions<Reduction>,
  matrices: Matrices = matricesOf(lesson),
): Promise<Results<Float32Array | Float64Array>> {
  const { student: { bias }, teacher: { bias: teacherBias }, vocab } = lesson;
  const settings = { reduction: "none", gradient: true, vocab, bias, teacherBias, ...options } as const;
  const { divergence, gradientHidden, gradientWeight, gradientBias } = await linearKlDivergence(...matrices, settings);
  return {
    divergence: typeof divergence === "number" ? Float64Array.of(divergence) : divergence,
    gradientHidden: gradientHidden ? valuesOf(gradientHidden as Matrix) : new Float32Array(0),
    gradientWeight: gradientWeight ? valuesOf(gradientWeight as Matrix) : new Float32Array(0),
    gradientBias: gradientBias ?? new Float32Array(0),
  };
}
