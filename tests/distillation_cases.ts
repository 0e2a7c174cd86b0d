/**
 * What the tests of distillationLoss share: expected parts and gradients with their tolerances, and a call's results.
 *
 * @module
 */
import { distillationLoss, type DistillationLossOptions, type Matrix, type Targets, type TopKTeacher } from "../mod.ts";
import { expectLoss } from "./cross_entropy_cases.ts";
import { expectJs, expectKl } from "./divergence_cases.ts";
import { type Rows, valuesOf } from "./matrices.ts";
import type { Transformation } from "./oracle.ts";
import type { Expected } from "./tolerance.ts";

/** A loss, all of it said. */
export interface Distillation extends Transformation {
  readonly alpha: number;
  readonly divergence: "forward" | "reverse" | "js";
  readonly beta?: number;
  readonly gradientScale?: ArrayLike<number>;
}

type Name = "hard" | "soft" | "gradient";

/** Both parts of each row, and the gradient of the sum of their weighted sums; class −1 is an ignored row. */
export function expectDistillation(
  student: Rows,
  teacher: Rows,
  targets: readonly number[],
  { alpha, divergence, beta = 0.5, softcap, temperature = 1, gradientScale }: Distillation,
): Record<Name, Expected> {
  const hard = expectLoss(student, { targets, softcap, gradientScale });
  const options = { softcap, temperature, gradientScale, beta };
  const pair = divergence === "js"
    ? expectJs(teacher, student, options)
    : divergence === "forward"
    ? expectKl(teacher, student, options)
    : expectKl(student, teacher, options);
  const slope = divergence === "reverse" ? pair.gradientP : pair.gradientQ;
  const isIgnored = (row: number) => targets[row] === -1, vocab = student[0].length;
  const join = (ofHard: ArrayLike<number>, ofSoft: ArrayLike<number>) =>
    Array.from(ofHard, (value, i) => {
      if (isIgnored(Math.floor(i / vocab))) return 0;
      return (alpha === 0 ? 0 : alpha * value) + (alpha === 1 ? 0 : (1 - alpha) * temperature ** 2 * ofSoft[i]);
    });
  return {
    hard: hard.loss,
    soft: { ...pair.divergence, values: Array.from(pair.divergence.values, (v, row) => isIgnored(row) ? 0 : v) },
    gradient: {
      rule: "element",
      values: join(hard.gradient.values, slope.values),
      terms: join(hard.gradient.terms ?? [], slope.terms ?? []),
      slack: student.map((_, row) => (hard.gradient.slack?.[row] ?? 0) + (slope.slack?.[row] ?? 0)),
    },
  };
}

/** Parts of each row and a new gradient, unless `options` say otherwise. */
export async function distil(
  student: Matrix,
  teacher: Matrix | TopKTeacher,
  targets: Targets | undefined,
  options: DistillationLossOptions,
): Promise<Record<Name | "loss" | "hidden", Float32Array | Float64Array>> {
  const all = { reduction: "none", gradient: true, ...options } as const;
  const { loss, hard, soft, hidden, gradient } = await distillationLoss(student, teacher, targets, all);
  const list = (value: number | Float32Array | undefined) =>
    typeof value === "number" ? Float64Array.of(value) : value ?? new Float64Array();
  return {
    loss: list(loss),
    hard: list(hard),
    soft: list(soft),
    hidden: list(hidden),
    gradient: gradient ? valuesOf(gradient) : list(0),
  };
}
