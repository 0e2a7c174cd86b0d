import type {
  AnyData,
  AnyMatrix,
  CommonOptions,
  GpuOutputs,
  Matrix,
  MatrixData,
  Operation,
  Report,
  Work,
} from "../operation.ts";
import { asMatrix } from "../tensors.ts";
import { Checker } from "../validate.ts";
import { onHost } from "./counted.ts";
import type { Targets } from "./cross_entropy.ts";
import { type DistillationDivergence, KINDS, lossCall, type Problem, topKCalls } from "./distillation/calls.ts";
import { checkTopK, isTopK, type TopKTeacher } from "./distillation/top_k_teacher.ts";
import { commonVocab, firstColumns } from "./divergence.ts";
import { gradientOf } from "./gradient.ts";
import { runSeries, runSeriesSync, type Series } from "./linear/series.ts";
import { reduce, type Reduced, type Reduction, REDUCTIONS } from "./reduction.ts";

/** The record of distillationLoss: of p and q one is the teacher. */
export const record: Operation = {
  name: "distillationLoss",
  inputs: [
    { name: "p", shape: ["rows", "vocab"], type: "float" },
    { name: "q", shape: ["rows", "vocab"], type: "float" },
    { name: "targets", shape: ["rows"], type: "i32", optional: true },
    { name: "gradientScale", shape: ["rows"], type: "f32", optional: true },
  ],
  outputs: [
    { name: "hard", shape: ["rows"], type: "f32", optional: true },
    { name: "soft", shape: ["rows"], type: "f32" },
    { name: "gradient", shape: ["rows", "vocab"], type: "float", optional: true },
  ],
  params: { kind: 0, softcap: 0, temperature: 1, alpha: 0.5, beta: 0.5, scale: 1 },
  work: workOf({ exps: 2, flops: 28 }, { exps: 4, flops: 50 }),
};

/** The same for a mixture, whose kernels do several times as much. */
const mixtureRecord: Operation = { ...record, work: workOf({ exps: 5, flops: 140 }, { exps: 8, flops: 300 }) };

/** Work with and without a gradient, and what the cross-entropy adds. */
function workOf(divergence: Work, gradient: Work): Operation["work"] {
  return (present) => {
    const { exps, flops } = present.has("gradient") ? gradient : divergence;
    if (!present.has("hard")) return { exps, flops };
    return present.has("gradient") ? { exps: exps + 2, flops: flops + 6 } : { exps: exps + 1, flops: flops + 3 };
  };
}

/** Options of {@linkcode distillationLoss}. */
export interface DistillationLossOptions<R extends Reduction = Reduction, Data extends AnyData = MatrixData>
  extends CommonOptions {
  /** α from 0 to 1, the weight of the targets' cross-entropy: 0.5 unless given, 0 where there are no targets. */
  readonly alpha?: number;
  /** T, which divides the logits of both for the divergence, and none for the cross-entropy. 1 unless given. */
  readonly temperature?: number;
  /** Soft cap s of both, before the temperature: x becomes s·tanh(x / s). None unless given. */
  readonly softcap?: number;
  /** "forward" (the default) for D(teacher ‖ student), "reverse" for D(student ‖ teacher), "js" for Jensen–Shannon's. */
  readonly divergence?: DistillationDivergence;
  /** With "js": β, the weight of the teacher in the mixture, above 0 and below 1: 0.5 unless given. */
  readonly beta?: number;
  /** "mean" (the default) over the rows that count, "sum", or "none" for one loss a row. */
  readonly reduction?: R;
  /** The target that marks a row to be left out, of the divergence too: −100 unless given. */
  readonly ignoreIndex?: number;
  /**
   * How many classes there are: columns of either matrix from there on are padding, with gradient 0, and a class below that
   * only one of them has is impossible for the other. Needed where the matrices differ in columns.
   */
  readonly vocab?: number;
  /** `true` for a new f32 gradient, "inPlace" to overwrite the student's logits, or the matrix that receives it. */
  readonly gradient?: boolean | "inPlace" | Matrix<Data>;
  /** [rows]: the upstream gradient of each row's loss, which its gradient row is multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
}

/** What {@linkcode distillationLoss} returns; each part reduced as the loss is. */
export interface DistillationLossResult<R extends Reduction = Reduction, Data extends AnyData = MatrixData> {
  /** α·hard + (1 − α)·T²·soft: a number, or [rows] for "none". */
  readonly loss: Reduced<R>;
  /** The cross-entropy of the targets, nats; with targets. */
  readonly hard?: Reduced<R>;
  /** The divergence at temperature T, nats, not multiplied by T². */
  readonly soft: Reduced<R>;
  /** With a {@linkcode TopKTeacher}: the most that `soft` would be more if all of the teacher were known, nats. */
  readonly hidden?: Reduced<R>;
  /** The student's shape: with respect to its raw logits, before soft cap and temperature. */
  readonly gradient?: Matrix<Data>;
  /** How it ran, the sums of all calls that it took. */
  readonly report: Report;
}

const OPTIONS = [
  ...["alpha", "divergence", "beta", "reduction", "ignoreIndex", "vocab", "gradient", "gradientScale", "outputs"],
];

function prepare<R extends Reduction>(
  student: AnyMatrix,
  teacher: AnyMatrix | TopKTeacher,
  targets?: Targets,
  options: DistillationLossOptions<R, AnyData> & Partial<GpuOutputs> = {},
): Series<DistillationLossResult<R, AnyData>> {
  const check = new Checker("compute distillationLoss");
  const { options: common, softcap, temperature } = check.logitsOptions(options, OPTIONS);
  const alpha = check.number("alpha", options.alpha, { fallback: targets === undefined ? 0 : 0.5, least: 0, most: 1 });
  const kind = check.choice<DistillationDivergence>("divergence", options.divergence, KINDS, "forward");
  const beta = check.number("beta", options.beta, { fallback: 0.5, above: 0, below: 1 });
  const reduction = check.choice("reduction", options.reduction, REDUCTIONS, "mean") as R;
  const ignored = check.number("ignoreIndex", options.ignoreIndex, { fallback: -100, integer: true });
  if (targets === undefined && alpha > 0) throw check.typeError(`alpha is ${alpha}, and there are no targets`);

  const whole = check.matrix("student", student), { rows } = whole;
  const given = isTopK(teacher) ? whole : check.matrix("teacher", teacher);
  const vocab = commonVocab(check, { student: whole, teacher: given }, options.vocab);
  const classes = targets === undefined ? undefined : check.classes("targets", targets, rows, vocab, ignored);
  const counted = classes ? classes.reduce((sum, target) => sum + (target < 0 ? 0 : 1), 0) : rows;
  const upstream = check.gradientScale(options.gradientScale, rows);
  const inputs = { student: whole, ...!isTopK(teacher) && { teacher: given } };
  const gradient = gradientOf(check, { name: "student", matrix: student, tensor: whole }, options, inputs);

  const soft = new Float32Array(rows), hard = classes && new Float32Array(rows);
  const hidden = isTopK(teacher) ? new Float32Array(rows) : undefined;
  const scale = reduction === "mean" ? 1 / counted : 1;
  const problem: Problem = {
    record: kind === "js" ? mixtureRecord : record,
    student: firstColumns(whole, vocab),
    rows,
    columns: Math.max(whole.columns, given.columns),
    kind,
    targets: classes,
    gradientScale: upstream,
    hard,
    soft,
    gradient: gradient?.tensor,
    params: { softcap, temperature, alpha, beta, scale },
    options: common,
  };
  return {
    calls: isTopK(teacher) && hidden
      ? topKCallsOf(check, problem, teacher, hidden, options.outputs)
      : [lossCall(problem, firstColumns(given, vocab), 0, rows)],
    finish: (report) => ({
      loss: reduce(soft.map((value, row) => lossOf(value, hard?.[row], alpha, temperature)), reduction, counted),
      ...(hard && { hard: reduce(hard, reduction, counted) }),
      soft: reduce(soft, reduction, counted),
      ...(hidden && { hidden: reduce(hidden, reduction, counted) }),
      ...(gradient && { gradient: gradient.matrix ?? asMatrix(gradient.tensor) }),
      report,
    }),
  };
}

/** A part of weight 0 adds nothing, be it infinite. */
function lossOf(soft: number, hard: number | undefined, alpha: number, temperature: number): number {
  const ofHard = alpha === 0 || hard === undefined ? 0 : alpha * hard;
  return ofHard + (alpha === 1 ? 0 : (1 - alpha) * temperature ** 2 * soft);
}

function topKCallsOf(
  check: Checker,
  problem: Problem,
  teacher: TopKTeacher,
  hidden: Float32Array,
  outputs: "gpu" | undefined,
): Series<unknown>["calls"] {
  const { rows, params: { softcap, temperature } } = problem, student = onHost(check, "student", problem.student);
  if (softcap !== 0) throw check.typeError("softcap is for teachers whose logits are known, not some tokens only");
  if (outputs) throw check.typeError('outputs is "gpu", and the teacher is some tokens only');
  const known = checkTopK(check, teacher, { rows, vocab: student.columns, temperature });
  return topKCalls({ ...problem, student }, known, hidden);
}

/**
 * What a student that learns from a teacher is to minimise: α·CE(student, target) + (1 − α)·T²·D(teacher, student), D being a
 * divergence of the two softmaxes at temperature T.
 *
 * Hinton, Vinyals and Dean's (arXiv:1503.02531). T² keeps the weight of the two parts: without it the gradient of the
 * divergence would vanish as 1 / T², once for each of the two temperatures that it is divided by. "reverse" and "js" are
 * those of GKD (arXiv:2306.13649), "js" being β·D(teacher ‖ m) + (1 − β)·D(student ‖ m), m = β·teacher + (1 − β)·student.
 *
 * Both matrices are read once from memory, and the gradient is written in a second look at the row, from cache. The
 * divergence is as accurate as `klDivergence` and `jsDivergence`, never negative, exactly 0 for equal rows, and has their
 * edges. Where a target's logit is −∞ the loss is +∞ and the gradient finite; masked classes get gradient 0; a row of −∞,
 * or with NaN or +∞, gives NaN. Rows with the ignored target are not read and give 0; if no row counts the mean is NaN.
 *
 * A {@linkcode TopKTeacher} is compared by its tokens and by what is left of both, which is the least that the divergence can
 * be, whatever the teacher thinks of the other tokens; `hidden` says how much more it can be, given that none of them is
 * likelier than those stored: +∞ for "reverse", where it may be impossible. The gradient is that of the least.
 *
 * @param student [rows, vocab] logits.
 * @param teacher [rows, vocab] logits, or log-probabilities; or its likeliest tokens, with the student in an array.
 * @param targets [rows] class indices below vocab, or the ignored index; `undefined` where α is 0.
 * @param options α, T, divergence, reduction, vocab, gradient; soft cap; and the common options.
 * @returns The loss in nats and its parts, and the gradient if it was asked for.
 * @throws {TypeError} If an argument has the wrong type or length, or there are no targets and α is not 0.
 * @throws {RangeError} If a target, token, shape, stride or option is out of range, stored probabilities do not sum to 1 or
 * are of another temperature, or the gradient overlaps an input.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example A student that knows the answer, and what its teacher thinks of the others
 * ```ts
 * import { distillationLoss } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const teacher = { data: new Float32Array([3, 2, 0]), shape: [1, 3] as const };
 * const student = { data: new Float32Array([3, 0, 2]), shape: [1, 3] as const };
 * const { loss, hard = NaN, soft } = await distillationLoss(student, teacher, [0], { alpha: 0.25, temperature: 4 });
 * assertAlmostEquals(loss, 0.25 * hard + 0.75 * 16 * soft, 1e-6);
 * ```
 *
 * @example The teacher's two likeliest tokens, kept in a few bytes
 * ```ts
 * import { distillationLoss, tokenStatistics } from "@surprisal/core";
 * import { assert } from "@std/assert";
 *
 * const teacher = { data: new Float32Array([3, 2, 0, 0]), shape: [1, 4] as const };
 * const student = { data: new Float32Array([3, 0, 2, 1]), shape: [1, 4] as const };
 * const { topTokens: tokens, topLogProbabilities: logProbabilities } = await tokenStatistics(teacher, [0], { top: 2 });
 * if (tokens && logProbabilities) {
 *   const { soft, hidden = NaN } = await distillationLoss(student, { top: 2, tokens, logProbabilities });
 *   const { soft: whole } = await distillationLoss(student, teacher);
 *   assert(soft <= whole && whole <= soft + hidden);
 * }
 * ```
 */
export function distillationLoss<R extends Reduction = "mean">(
  student: AnyMatrix,
  teacher: AnyMatrix,
  targets: Targets | undefined,
  options: DistillationLossOptions<R> & GpuOutputs,
): Promise<DistillationLossResult<R, GPUBuffer>>;
/** The same with the gradient in a new array, in place of the student's logits, or where `gradient` says. */
export function distillationLoss<R extends Reduction = "mean", Data extends AnyData = MatrixData>(
  student: Matrix<Data>,
  teacher: AnyMatrix | TopKTeacher,
  targets?: Targets,
  options?: DistillationLossOptions<R, MatrixData | Data>,
): Promise<DistillationLossResult<R, MatrixData | Data>>;
export function distillationLoss<R extends Reduction = "mean">(
  student: AnyMatrix,
  teacher: AnyMatrix | TopKTeacher,
  targets?: Targets,
  options?: DistillationLossOptions<R, AnyData> & Partial<GpuOutputs>,
): Promise<DistillationLossResult<R, AnyData>> {
  return runSeries(() => prepare(student, teacher, targets, options));
}

/** {@linkcode distillationLoss} without a promise. */
export function distillationLossSync<R extends Reduction = "mean">(
  student: Matrix,
  teacher: Matrix | TopKTeacher,
  targets?: Targets,
  options?: DistillationLossOptions<R>,
): DistillationLossResult<R> {
  return runSeriesSync(() => prepare(student, teacher, targets, options)) as DistillationLossResult<R>;
}
