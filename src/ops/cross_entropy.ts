import type {
  AnyData,
  AnyMatrix,
  CommonOptions,
  GpuOutputs,
  LogitsOptions,
  Matrix,
  MatrixData,
  Operation,
  Report,
} from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { asMatrix, shared, vector } from "../tensors.ts";
import { Checker } from "../validate.ts";
import { gradientOf } from "./gradient.ts";
import { reduce, type Reduced, type Reduction, REDUCTIONS } from "./reduction.ts";

/** The record of crossEntropy. */
export const record: Operation = {
  name: "crossEntropy",
  inputs: [
    { name: "logits", shape: ["rows", "vocab"], type: "float" },
    { name: "targets", shape: ["rows"], type: "i32", optional: true },
    { name: "targetProbabilities", shape: ["rows", "vocab"], type: "float", optional: true },
    { name: "classWeights", shape: ["vocab"], type: "f32", optional: true },
    { name: "gradientScale", shape: ["rows"], type: "f32", optional: true },
  ],
  outputs: [
    { name: "loss", shape: ["rows"], type: "f32" },
    { name: "logSumExp", shape: ["rows"], type: "f32" },
    { name: "hit", shape: ["rows"], type: "i32", optional: true },
    { name: "partial", shape: ["rows", 5], type: "f64", optional: true },
    { name: "gradient", shape: ["rows", "vocab"], type: "float", optional: true },
  ],
  params: { softcap: 0, temperature: 1, confidence: 1, smoothing: 0, zLoss: 0, scale: 1 },
  work: (present) => present.has("gradient") ? { exps: 2, flops: 5 } : { exps: 1, flops: 3 },
};

/** Class indices, one a row. */
export type Targets = Int32Array | Uint32Array | ArrayLike<number>;

/** Options of {@linkcode crossEntropy}. */
export interface CrossEntropyOptions<R extends Reduction = Reduction, Data extends AnyData = MatrixData>
  extends CommonOptions, LogitsOptions {
  /** "mean" (the default) over the rows that count, "sum", or "none" for one loss a row. */
  readonly reduction?: R;
  /** The target that marks a row to be left out: −100 unless given. */
  readonly ignoreIndex?: number;
  /** [vocab]: how much each class counts; the mean then divides by the weights of the targets, as PyTorch's does. */
  readonly classWeights?: ArrayLike<number>;
  /** α in [0, 1): the target keeps 1 − α and every class gets α / vocab. */
  readonly labelSmoothing?: number;
  /** z: adds z·logSumExp² to the loss of every row that counts, before the reduction. */
  readonly zLoss?: number;
  /** `true` for a new f32 gradient, "inPlace" to overwrite the logits, or the matrix that receives it. */
  readonly gradient?: boolean | "inPlace" | Matrix<Data>;
  /** [rows]: the upstream gradient of each row's loss, which its gradient row is multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
}

/** What {@linkcode crossEntropy} returns. */
export interface CrossEntropyResult<R extends Reduction = Reduction, Data extends AnyData = MatrixData> {
  /** Nats: a number, or [rows] for "none". */
  readonly loss: Reduced<R>;
  /** [rows], nats; 0 for ignored rows, which are not read. */
  readonly logSumExp: Float32Array;
  /** Share of the counted rows whose target is a most likely class; only for class indices. NaN if none counts. */
  readonly accuracy?: number;
  /** [rows, vocab]: with respect to the raw logits, before soft cap and temperature. */
  readonly gradient?: Matrix<Data>;
  /** How it ran. */
  readonly report: Report;
}

const OPTIONS = [
  ...["reduction", "ignoreIndex", "classWeights", "labelSmoothing", "zLoss", "gradient", "gradientScale", "outputs"],
];

function prepare<R extends Reduction>(
  logits: AnyMatrix,
  targets: Targets | AnyMatrix,
  options: CrossEntropyOptions<R, AnyData> & Partial<GpuOutputs> = {},
): Prepared<CrossEntropyResult<R, AnyData>> {
  const check = new Checker("compute crossEntropy");
  const { options: common, softcap, temperature } = check.logitsOptions(options, OPTIONS);
  const input = check.matrix("logits", logits);
  const { rows, columns: vocab } = input;
  const reduction = check.choice("reduction", options.reduction, REDUCTIONS, "mean") as R;
  const ignored = check.number("ignoreIndex", options.ignoreIndex, { fallback: -100, integer: true });
  const alpha = check.number("labelSmoothing", options.labelSmoothing, { fallback: 0, least: 0, below: 1 });
  const zLoss = check.number("zLoss", options.zLoss, { fallback: 0, least: 0 });

  const soft = isMatrix(targets) ? check.matching("targets", targets, [rows, vocab], "logits") : undefined;
  const classes = soft ? undefined : check.classes("targets", targets, rows, vocab, ignored);
  const { classWeights } = options;
  const weights = classWeights === undefined ? undefined : check.numbers("classWeights", classWeights, vocab, "class");
  const upstream = check.gradientScale(options.gradientScale, rows);

  const counted = classes ? classes.filter((target) => target >= 0) : undefined;
  const denominator = counted === undefined
    ? rows
    : weights
    ? counted.reduce((sum, target) => sum + weights[target], 0)
    : counted.length;
  const inputs = {
    logits: input,
    targets: classes && vector(classes),
    targetProbabilities: soft,
    classWeights: weights && shared(weights),
    gradientScale: upstream && vector(upstream),
  };
  const gradient = gradientOf(check, { name: "logits", matrix: logits, tensor: input }, options, inputs);
  const loss = vector(new Float32Array(rows)), logSumExp = vector(new Float32Array(rows));
  const hit = classes && vector(new Int32Array(rows));
  return {
    call: {
      operation: record,
      dims: { rows, vocab },
      tensors: { ...inputs, loss, logSumExp, hit, gradient: gradient?.tensor },
      params: {
        softcap,
        temperature,
        confidence: 1 - alpha,
        smoothing: alpha / vocab,
        zLoss,
        scale: reduction === "mean" ? 1 / denominator : 1,
      },
      options: common,
    },
    finish: (report) => ({
      loss: reduce(loss.data, reduction, denominator),
      logSumExp: logSumExp.data,
      ...(hit && counted && { accuracy: hit.data.reduce((sum, x) => sum + x, 0) / counted.length }),
      ...(gradient && { gradient: gradient.matrix ?? asMatrix(gradient.tensor) }),
      report,
    }),
  };
}

function isMatrix(value: unknown): value is AnyMatrix {
  return typeof value === "object" && value !== null && "shape" in value;
}

/**
 * The cross-entropy of each row's softmax against a class index, or against a distribution: −Σ t·ln p.
 *
 * Follows `torch.nn.functional.cross_entropy`: reductions, `ignoreIndex`, class weights, label smoothing, soft targets. It
 * differs where a logit is −∞: such a class is masked, takes no part in label smoothing and has gradient 0, where PyTorch's
 * loss would be +∞. Soft cap, temperature and z-loss (of PaLM, arXiv:2204.02311) come in the same pass.
 *
 * One pass over memory for the loss; the gradient is written in a second look at the row, from cache. A target whose logit
 * is −∞ has loss +∞ and a finite gradient; a row of −∞, or with NaN, gives NaN; ignored rows give 0 and are not read. If no
 * row counts the mean is NaN, as PyTorch's is.
 *
 * @param logits [rows, vocab].
 * @param targets [rows] class indices below vocab, or the ignored index; or a [rows, vocab] matrix of probabilities.
 * @param options Reduction, weights, smoothing, gradient; soft cap and temperature; and the common options.
 * @returns The loss in nats, `logSumExp` [rows], the accuracy, and the gradient if it was asked for.
 * @throws {TypeError} If an argument has the wrong type or length.
 * @throws {RangeError} If a target, shape, stride or option is out of range, or the gradient overlaps an input.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example Loss and gradient
 * ```ts
 * import { crossEntropy } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const logits = { data: new Float32Array([0, 0, 0, 0]), shape: [2, 2] as const };
 * const { loss, gradient } = await crossEntropy(logits, [1, -100], { gradient: true });
 * assertAlmostEquals(loss, Math.LN2, 1e-6);
 * assertAlmostEquals(gradient?.data[1] ?? NaN, -0.5, 1e-6);
 * ```
 */
export function crossEntropy<R extends Reduction = "mean">(
  logits: AnyMatrix,
  targets: Targets | AnyMatrix,
  options: CrossEntropyOptions<R> & GpuOutputs,
): Promise<CrossEntropyResult<R, GPUBuffer>>;
/** The same with the gradient in a new array, in place of the logits, or where `gradient` says. */
export function crossEntropy<R extends Reduction = "mean", Data extends AnyData = MatrixData>(
  logits: Matrix<Data>,
  targets: Targets | AnyMatrix,
  options?: CrossEntropyOptions<R, MatrixData | Data>,
): Promise<CrossEntropyResult<R, MatrixData | Data>>;
export function crossEntropy<R extends Reduction = "mean">(
  logits: AnyMatrix,
  targets: Targets | AnyMatrix,
  options?: CrossEntropyOptions<R, AnyData> & Partial<GpuOutputs>,
): Promise<CrossEntropyResult<R, AnyData>> {
  return run(() => prepare(logits, targets, options));
}

/** {@linkcode crossEntropy} without a promise. */
export function crossEntropySync<R extends Reduction = "mean">(
  logits: Matrix,
  targets: Targets | Matrix,
  options?: CrossEntropyOptions<R>,
): CrossEntropyResult<R> {
  return runSync(() => prepare(logits, targets, options)) as CrossEntropyResult<R>;
}
