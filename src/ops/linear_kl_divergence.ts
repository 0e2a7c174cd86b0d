import type { AnyData, AnyMatrix, CommonOptions, GpuOutputs, LogitsOptions } from "../operation.ts";
import type { AnyTensor, Matrix, MatrixData, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { shared, vector } from "../tensors.ts";
import { Checker } from "../validate.ts";
import { gradientsOf, isDifferentiated, linearWork, type WantedGradients } from "./linear/gradients.ts";
import { linearKlDivergenceSteps } from "./linear/kl_divergence_steps.ts";
import { reduce, type Reduced, type Reduction, REDUCTIONS } from "./reduction.ts";

/** The record of linearKlDivergence. `vocab` is how many classes there are; those that a weight lacks have logit −∞. */
export const record: Operation = {
  name: "linearKlDivergence",
  inputs: [
    { name: "hidden", shape: ["rows", "hidden"], type: "float" },
    { name: "weight", shape: ["classes", "hidden"], type: "float" },
    { name: "bias", shape: ["classes"], type: "f32", optional: true },
    { name: "teacherHidden", shape: ["rows", "teacherHidden"], type: "float" },
    { name: "teacherWeight", shape: ["teacherClasses", "teacherHidden"], type: "float" },
    { name: "teacherBias", shape: ["teacherClasses"], type: "f32", optional: true },
    { name: "gradientScale", shape: ["rows"], type: "f32", optional: true },
  ],
  outputs: [
    { name: "divergence", shape: ["rows"], type: "f32" },
    { name: "gradientHidden", shape: ["rows", "hidden"], type: "float", optional: true },
    { name: "gradientWeight", shape: ["classes", "hidden"], type: "float", optional: true },
    { name: "gradientBias", shape: ["classes"], type: "f32", optional: true },
  ],
  params: { vocab: 0, softcap: 0, temperature: 1, scale: 1 },
  work(present, { hidden, teacherHidden }) {
    const times = isDifferentiated((name) => present.has(name)) ? 2 : 1;
    const { matrixFlops = 0 } = linearWork(present, hidden);
    return { exps: 2 * times, flops: 8 + 16 * times, matrixFlops: matrixFlops + 2 * teacherHidden * times };
  },
  compose: linearKlDivergenceSteps,
};

/** Options of {@linkcode linearKlDivergence}. */
export interface LinearKlDivergenceOptions<R extends Reduction = Reduction, Data extends AnyData = MatrixData>
  extends CommonOptions, LogitsOptions {
  /** [classes of `weight`]: added to the student's logits. −∞ masks a class. */
  readonly bias?: ArrayLike<number>;
  /** [classes of `teacherWeight`]: added to the teacher's logits. −∞ masks a class. */
  readonly teacherBias?: ArrayLike<number>;
  /**
   * How many classes there are. Rows of either weight from there on are padding; a class below that only one of them has is
   * impossible for the other. Needed where the weights differ in rows.
   */
  readonly vocab?: number;
  /** "mean" (the default) over rows, "sum", or "none" for one number a row. */
  readonly reduction?: R;
  /** `true` for new f32 gradients by all that the student is made of, or which are wanted and where they go. */
  readonly gradient?: boolean | WantedGradients<Data>;
  /** [rows]: the upstream gradient of each row's divergence, which its gradients are multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
}

/** What {@linkcode linearKlDivergence} returns. */
export interface LinearKlDivergenceResult<R extends Reduction = Reduction, Data extends AnyData = MatrixData> {
  /** Nats: a number, or [rows] for "none". */
  readonly divergence: Reduced<R>;
  /** [rows, hidden]. */
  readonly gradientHidden?: Matrix<Data>;
  /** [classes of `weight`, hidden]; 0 for padding. */
  readonly gradientWeight?: Matrix<Data>;
  /** [classes of `weight`]; 0 for padding. */
  readonly gradientBias?: Float32Array;
  /** How it ran. */
  readonly report: Report;
}

type AnyOptions<R extends Reduction> = LinearKlDivergenceOptions<R, AnyData> & Partial<GpuOutputs>;

const OPTIONS = ["bias", "teacherBias", "vocab", "reduction", "gradient", "gradientScale", "outputs"];

function prepare<R extends Reduction>(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  teacherHidden: AnyMatrix,
  teacherWeight: AnyMatrix,
  options: AnyOptions<R> = {},
): Prepared<LinearKlDivergenceResult<R, AnyData>> {
  const check = new Checker("compute linearKlDivergence");
  const { options: common, softcap, temperature } = check.logitsOptions(options, OPTIONS);
  const states = check.matrix("hidden", hidden), table = check.matrix("weight", weight), { rows } = states;
  check.factors("hidden", states, "weight", table);
  const teacher = check.matrix("teacherHidden", teacherHidden);
  const teacherTable = check.matrix("teacherWeight", teacherWeight);
  check.factors("teacherHidden", teacher, "teacherWeight", teacherTable);
  if (teacher.rows !== rows) throw check.rangeError(`teacherHidden has ${teacher.rows} rows, hidden has ${rows}`);
  const reduction = check.choice("reduction", options.reduction, REDUCTIONS, "mean") as R;
  const vocab = vocabOf(check, options.vocab, table, teacherTable);
  const { bias, teacherBias, gradientScale } = options;
  const biases = bias === undefined ? undefined : check.numbers("bias", bias, table.rows, "class", true);
  const teacherBiases = teacherBias === undefined
    ? undefined
    : check.numbers("teacherBias", teacherBias, teacherTable.rows, "class", true);
  const upstream = check.gradientScale(gradientScale, rows);

  const inputs = {
    hidden: states,
    weight: table,
    bias: biases && shared(biases),
    teacherHidden: teacher,
    teacherWeight: teacherTable,
    teacherBias: teacherBiases && shared(teacherBiases),
    gradientScale: upstream && vector(upstream),
  };
  const gradients = gradientsOf(check, options, inputs), divergence = vector(new Float32Array(rows));
  return {
    call: {
      operation: record,
      dims: {
        rows,
        vocab,
        hidden: states.columns,
        classes: table.rows,
        teacherHidden: teacher.columns,
        teacherClasses: teacherTable.rows,
      },
      tensors: { ...inputs, divergence, ...gradients.tensors },
      params: { vocab, softcap, temperature, scale: reduction === "mean" ? 1 / rows : 1 },
      options: common,
    },
    finish: (report) => ({
      divergence: reduce(divergence.data, reduction, rows),
      ...gradients.results(),
      report,
    }),
  };
}

/** How many classes there are: as many as both weights have, or as the option says. */
function vocabOf(check: Checker, vocab: unknown, { rows }: AnyTensor, teacher: AnyTensor): number {
  if (vocab === undefined && rows !== teacher.rows) {
    throw check.rangeError(
      `weight has ${rows} rows, teacherWeight has ${teacher.rows}: vocab must say how many classes there are`,
    );
  }
  return check.number("vocab", vocab, { fallback: rows, least: 1, most: Math.max(rows, teacher.rows), integer: true });
}

/**
 * The Kullback–Leibler divergence D(P ‖ Q) of a student Q = softmax(hidden·weightᵀ + bias) from its teacher
 * P = softmax(teacherHidden·teacherWeightᵀ + teacherBias), without the logits of either: they are computed, used and
 * forgotten a tile of rows and classes at a time. Extra memory is at most 16 MiB on the CPU and 64 MiB on a GPU, at any size.
 *
 * The divergence of each row is that of `klDivergence` of both rows of logits, and so is what −∞ and NaN do: never negative,
 * exactly 0 for equal pairs, +∞ where the student has no probability and the teacher has some. Products are summed in f32:
 * where logits are off by η nats, a small divergence D is off by about η·√(2·D), so that below η² it is rounding.
 *
 * Gradients are those of the reduced divergence by what the student is made of; the teacher has none. Soft cap and
 * temperature T are those of both, as in "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531). Gradients are
 * those of the divergence itself, which shrink as 1 / T²; the factor T² by which that paper makes up for it is the caller's.
 *
 * Weights may be padded: `vocab` says how many classes there are. Rows from there on take no part, and have gradient 0.
 * Classes below that a weight does not reach are impossible to its model, as if it had them with a bias of −∞.
 *
 * @param hidden [rows, hidden] states of the student.
 * @param weight [classes, hidden] of the student, a row a class.
 * @param teacherHidden [rows, hidden] states of the teacher, whose size may be another one.
 * @param teacherWeight [classes, hidden] of the teacher.
 * @param options Biases, classes, reduction, gradients; soft cap and temperature; and the common options.
 * @returns The divergence in nats, and the gradients asked for.
 * @throws {TypeError} If an argument has the wrong type or length, or a gradient is not f32.
 * @throws {RangeError} If a shape, stride or option is out of range, sizes do not match, or a gradient overlaps an input.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example A student that knows nothing yet
 * ```ts
 * import { linearKlDivergence } from "@surprisal/core";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const hidden = { data: new Float32Array([1, 2]), shape: [1, 2] as const };
 * const weight = { data: new Float32Array(4), shape: [2, 2] as const };
 * const teacherHidden = { data: new Float32Array([1]), shape: [1, 1] as const };
 * const teacherWeight = { data: new Float32Array([Math.log(3), 0]), shape: [2, 1] as const };
 * const { divergence, gradientWeight } = await linearKlDivergence(hidden, weight, teacherHidden, teacherWeight, {
 *   gradient: { weight: true },
 * });
 * assertAlmostEquals(divergence, 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5), 1e-6);
 * assertEquals(gradientWeight?.data.length, 4);
 * assertAlmostEquals(gradientWeight?.data[0] ?? NaN, 0.5 - 0.75, 1e-6);
 * ```
 */
export function linearKlDivergence<R extends Reduction = "mean">(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  teacherHidden: AnyMatrix,
  teacherWeight: AnyMatrix,
  options: LinearKlDivergenceOptions<R, GPUBuffer> & GpuOutputs,
): Promise<LinearKlDivergenceResult<R, GPUBuffer>>;
/** The same with gradients in new arrays or where `gradient` says. */
export function linearKlDivergence<R extends Reduction = "mean", Data extends AnyData = MatrixData>(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  teacherHidden: AnyMatrix,
  teacherWeight: AnyMatrix,
  options?: LinearKlDivergenceOptions<R, Data>,
): Promise<LinearKlDivergenceResult<R, MatrixData | Data>>;
export function linearKlDivergence<R extends Reduction = "mean">(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  teacherHidden: AnyMatrix,
  teacherWeight: AnyMatrix,
  options?: AnyOptions<R>,
): Promise<LinearKlDivergenceResult<R, AnyData>> {
  return run(() => prepare(hidden, weight, teacherHidden, teacherWeight, options));
}

/** {@linkcode linearKlDivergence} without a promise. */
export function linearKlDivergenceSync<R extends Reduction = "mean">(
  hidden: Matrix,
  weight: Matrix,
  teacherHidden: Matrix,
  teacherWeight: Matrix,
  options?: LinearKlDivergenceOptions<R>,
): LinearKlDivergenceResult<R> {
  return runSync(() => prepare(hidden, weight, teacherHidden, teacherWeight, options)) as LinearKlDivergenceResult<R>;
}
