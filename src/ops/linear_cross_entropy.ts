import type { AnyData, AnyMatrix, CommonOptions, GpuOutputs, LogitsOptions } from "../operation.ts";
import type { Matrix, MatrixData, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { shared, vector } from "../tensors.ts";
import { Checker } from "../validate.ts";
import type { Targets } from "./cross_entropy.ts";
import { linearCrossEntropySteps } from "./linear/cross_entropy_steps.ts";
import { gradientsOf, linearWork, type WantedGradients } from "./linear/gradients.ts";
import { reduce, type Reduced, type Reduction, REDUCTIONS } from "./reduction.ts";

/** The record of linearCrossEntropy. */
export const record: Operation = {
  name: "linearCrossEntropy",
  inputs: [
    { name: "hidden", shape: ["rows", "hidden"], type: "float" },
    { name: "weight", shape: ["vocab", "hidden"], type: "float" },
    { name: "bias", shape: ["vocab"], type: "f32", optional: true },
    { name: "targets", shape: ["rows"], type: "i32" },
    { name: "classWeights", shape: ["vocab"], type: "f32", optional: true },
    { name: "gradientScale", shape: ["rows"], type: "f32", optional: true },
  ],
  outputs: [
    { name: "loss", shape: ["rows"], type: "f32" },
    { name: "logSumExp", shape: ["rows"], type: "f32" },
    { name: "targetLogProbability", shape: ["rows"], type: "f32" },
    { name: "hit", shape: ["rows"], type: "i32" },
    { name: "gradientHidden", shape: ["rows", "hidden"], type: "float", optional: true },
    { name: "gradientWeight", shape: ["vocab", "hidden"], type: "float", optional: true },
    { name: "gradientBias", shape: ["vocab"], type: "f32", optional: true },
  ],
  params: { softcap: 0, temperature: 1, confidence: 1, smoothing: 0, zLoss: 0, scale: 1, filter: 0 },
  work: (present, { hidden }) => linearWork(present, hidden),
  compose: linearCrossEntropySteps,
};

/** Options of {@linkcode linearCrossEntropy}. */
export interface LinearCrossEntropyOptions<R extends Reduction = Reduction, Data extends AnyData = MatrixData>
  extends CommonOptions, LogitsOptions {
  /** [vocab]: added to the logits. −∞ masks a class. */
  readonly bias?: ArrayLike<number>;
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
  /** `true` for new f32 gradients by all that was given, or which of them are wanted and where they go. */
  readonly gradient?: boolean | WantedGradients<Data>;
  /** [rows]: the upstream gradient of each row's loss, which its gradients are multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
  /**
   * ε: leaves runs of 256 classes out of a row's gradients in which no probability comes to ε and the target is not, so that
   * products with nothing but zeros can be left out too. 0, the default, leaves nothing out.
   */
  readonly filter?: number;
}

/** What {@linkcode linearCrossEntropy} returns. */
export interface LinearCrossEntropyResult<R extends Reduction = Reduction, Data extends AnyData = MatrixData> {
  /** Nats: a number, or [rows] for "none". */
  readonly loss: Reduced<R>;
  /** [rows], nats; 0 for ignored rows. */
  readonly logSumExp: Float32Array;
  /** [rows], nats: ln p of each row's target, whatever the smoothing; 0 for ignored rows. */
  readonly targetLogProbability: Float32Array;
  /** Share of the counted rows whose target is a most likely class. NaN if none counts. */
  readonly accuracy: number;
  /** [rows, hidden]. */
  readonly gradientHidden?: Matrix<Data>;
  /** [vocab, hidden]. */
  readonly gradientWeight?: Matrix<Data>;
  /** [vocab]. */
  readonly gradientBias?: Float32Array;
  /** How it ran. */
  readonly report: Report;
}

const OPTIONS = [
  ...["bias", "reduction", "ignoreIndex", "classWeights", "labelSmoothing", "zLoss", "gradient", "gradientScale"],
  ...["filter", "outputs"],
];

function prepare<R extends Reduction>(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  targets: Targets,
  options: LinearCrossEntropyOptions<R, AnyData> & Partial<GpuOutputs> = {},
): Prepared<LinearCrossEntropyResult<R, AnyData>> {
  const check = new Checker("compute linearCrossEntropy");
  const { options: common, softcap, temperature } = check.logitsOptions(options, OPTIONS);
  const states = check.matrix("hidden", hidden), table = check.matrix("weight", weight);
  const { rows, columns } = states, vocab = table.rows;
  check.factors("hidden", states, "weight", table);
  const reduction = check.choice("reduction", options.reduction, REDUCTIONS, "mean") as R;
  const ignored = check.number("ignoreIndex", options.ignoreIndex, { fallback: -100, integer: true });
  const alpha = check.number("labelSmoothing", options.labelSmoothing, { fallback: 0, least: 0, below: 1 });
  const zLoss = check.number("zLoss", options.zLoss, { fallback: 0, least: 0 });
  const filter = check.number("filter", options.filter, { fallback: 0, least: 0, below: 1 });
  const classes = check.classes("targets", targets, rows, vocab, ignored);
  const { bias, classWeights, gradientScale } = options;
  const biases = bias === undefined ? undefined : check.numbers("bias", bias, vocab, "class", true);
  const weights = classWeights === undefined ? undefined : check.numbers("classWeights", classWeights, vocab, "class");
  const upstream = check.gradientScale(gradientScale, rows);

  const counted = classes.filter((target) => target >= 0);
  const denominator = weights ? counted.reduce((sum, target) => sum + weights[target], 0) : counted.length;
  const inputs = {
    hidden: states,
    weight: table,
    bias: biases && shared(biases),
    targets: vector(classes),
    classWeights: weights && shared(weights),
    gradientScale: upstream && vector(upstream),
  };
  const gradients = gradientsOf(check, options, inputs);
  const numbers = () => vector(new Float32Array(rows));
  const outputs = { loss: numbers(), logSumExp: numbers(), targetLogProbability: numbers() };
  const hit = vector(new Int32Array(rows));
  return {
    call: {
      operation: record,
      dims: { rows, hidden: columns, vocab },
      tensors: { ...inputs, ...outputs, hit, ...gradients.tensors },
      params: {
        softcap,
        temperature,
        confidence: 1 - alpha,
        smoothing: alpha / vocab,
        zLoss,
        scale: reduction === "mean" ? 1 / denominator : 1,
        filter,
      },
      options: common,
    },
    finish: (report) => ({
      loss: reduce(outputs.loss.data, reduction, denominator),
      logSumExp: outputs.logSumExp.data,
      targetLogProbability: outputs.targetLogProbability.data,
      accuracy: hit.data.reduce((sum, x) => sum + x, 0) / counted.length,
      ...gradients.results(),
      report,
    }),
  };
}

/**
 * The cross-entropy of softmax(hidden·weightᵀ + bias) against a class index, without the logits: they are computed, used and
 * forgotten a tile of rows and classes at a time. Extra memory is at most 16 MiB on the CPU and 64 MiB on a GPU, at any size.
 *
 * The loss is that of `crossEntropy` with the same options, and so is what −∞ and NaN do: a bias of −∞ masks its class, whose
 * gradients are 0. Gradients are those of the reduced loss, summed over rows and classes in a fixed order, so that their bits do
 * not depend on the threads; tiles of logits are computed a second time for them. Ignored rows are dropped before anything
 * is computed (a `hidden` on the GPU is computed as it lies) and have gradient 0. Products are summed in f32. Without the
 * logits as in "Cut Your Losses in Large-Vocabulary Language Models" (arXiv:2411.09009), whose filter `filter` is.
 *
 * With `filter` ε each entry of the gradient by the logits is off by less than (ε·(w + 2·zLoss·|logSumExp|) + w·α / vocab) / T
 * of the row's upstream gradient, w the largest class weight, α the label smoothing and T the temperature; so each entry of
 * `gradientHidden` by less than that times the sum of its column of |weight|.
 *
 * @param hidden [rows, hidden] states.
 * @param weight [vocab, hidden], a row a class.
 * @param targets [rows] class indices below vocab, or the ignored index.
 * @param options Bias, reduction, weights, smoothing, gradients; soft cap and temperature; and the common options.
 * @returns The loss in nats, `logSumExp` and `targetLogProbability` [rows], the accuracy, and the gradients asked for.
 * @throws {TypeError} If an argument has the wrong type or length, or a gradient is not f32.
 * @throws {RangeError} If a target, shape, stride or option is out of range, or a gradient overlaps an input.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example Loss and gradients of a head
 * ```ts
 * import { linearCrossEntropy } from "@surprisal/core";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const hidden = { data: new Float32Array([1, 2]), shape: [1, 2] as const };
 * const weight = { data: new Float32Array(8), shape: [4, 2] as const };
 * const { loss, gradientWeight } = await linearCrossEntropy(hidden, weight, [3], { gradient: true });
 * assertAlmostEquals(loss, Math.log(4), 1e-6);
 * assertEquals(gradientWeight?.data.slice(6), new Float32Array([-0.75, -1.5]));
 * ```
 */
export function linearCrossEntropy<R extends Reduction = "mean">(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  targets: Targets,
  options: LinearCrossEntropyOptions<R, GPUBuffer> & GpuOutputs,
): Promise<LinearCrossEntropyResult<R, GPUBuffer>>;
/** The same with gradients in new arrays or where `gradient` says. */
export function linearCrossEntropy<R extends Reduction = "mean", Data extends AnyData = MatrixData>(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  targets: Targets,
  options?: LinearCrossEntropyOptions<R, Data>,
): Promise<LinearCrossEntropyResult<R, MatrixData | Data>>;
export function linearCrossEntropy<R extends Reduction = "mean">(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  targets: Targets,
  options?: LinearCrossEntropyOptions<R, AnyData> & Partial<GpuOutputs>,
): Promise<LinearCrossEntropyResult<R, AnyData>> {
  return run(() => prepare(hidden, weight, targets, options));
}

/** {@linkcode linearCrossEntropy} without a promise. */
export function linearCrossEntropySync<R extends Reduction = "mean">(
  hidden: Matrix,
  weight: Matrix,
  targets: Targets,
  options?: LinearCrossEntropyOptions<R>,
): LinearCrossEntropyResult<R> {
  return runSync(() => prepare(hidden, weight, targets, options)) as LinearCrossEntropyResult<R>;
}
