import type { CommonOptions, Matrix, Report, Tensor } from "../operation.ts";
import { asMatrix, newMatrix, shared } from "../tensors.ts";
import { Checker } from "../validate.ts";
import type { Targets } from "./cross_entropy.ts";
import { lossCalls, type LossGradients } from "./linear/adaptive_loss.ts";
import { type AdaptiveSoftmax, checkAdaptive, LAYOUT } from "./linear/adaptive_weights.ts";
import type { AdaptiveSoftmaxOptions, AdaptiveWeights } from "./linear/adaptive_weights.ts";
import { runSeries, runSeriesSync, type Series } from "./linear/series.ts";
import { reduce, type Reduced, type Reduction, REDUCTIONS } from "./reduction.ts";

/** Options of {@linkcode adaptiveLogSoftmax}. */
export interface AdaptiveLogSoftmaxOptions<R extends Reduction = Reduction> extends AdaptiveSoftmaxOptions {
  /** "mean" (the default) over the rows that count, "sum", or "none" for one loss a row. */
  readonly reduction?: R;
  /** The target that marks a row to be left out: −100 unless given. PyTorch's has none. */
  readonly ignoreIndex?: number;
  /** `true` for new f32 gradients by the hidden states and all weights. */
  readonly gradient?: boolean;
  /** [rows]: the upstream gradient of each row's loss, which its gradients are multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
}

/** Gradients by {@linkcode AdaptiveWeights}, in their shapes. */
export interface AdaptiveGradients extends AdaptiveWeights<Float32Array> {
  /** [classes of the head and clusters]; with a bias. */
  readonly headBias?: Float32Array;
}

/** What {@linkcode adaptiveLogSoftmax} returns. */
export interface AdaptiveLogSoftmaxResult<R extends Reduction = Reduction> {
  /** Nats: a number, or [rows] for "none". */
  readonly loss: Reduced<R>;
  /** [rows], nats: ln p of each row's target, PyTorch's `output`; 0 for ignored rows. */
  readonly targetLogProbability: Float32Array;
  /** [rows, hidden]; with `gradient`. */
  readonly gradientHidden?: Matrix<Float32Array>;
  /** With `gradient`; 0 in a cluster that no target is in. */
  readonly gradientWeights?: AdaptiveGradients;
  /** How it ran: where the head was computed, the wall time of all, and the sums of all calls that it took. */
  readonly report: Report;
}

const OPTIONS = [...LAYOUT, "reduction", "ignoreIndex", "gradient", "gradientScale"];

function prepare<R extends Reduction>(
  hidden: Matrix,
  weights: AdaptiveWeights,
  targets: Targets,
  options: AdaptiveLogSoftmaxOptions<R> = {},
): Series<AdaptiveLogSoftmaxResult<R>> {
  const check = new Checker("compute adaptiveLogSoftmax"), common: CommonOptions = check.options(options, OPTIONS);
  const softmax = checkAdaptive(check, hidden, weights, options), { rows } = softmax.hidden;
  const reduction = check.choice("reduction", options.reduction, REDUCTIONS, "mean") as R;
  const ignored = check.number("ignoreIndex", options.ignoreIndex, { fallback: -100, integer: true });
  const classes = check.classes("targets", targets, rows, softmax.vocab, ignored);
  const upstream = check.gradientScale(options.gradientScale, rows);
  const gradients = check.flag("gradient", options.gradient) ? newGradients(softmax) : undefined;
  const counted = classes.reduce((count, target) => count + (target < 0 ? 0 : 1), 0);
  const loss = new Float32Array(rows), targetLogProbability = new Float32Array(rows);
  return {
    calls: lossCalls({
      ...softmax,
      targets: classes,
      gradientScale: upstream,
      scale: reduction === "mean" ? 1 / counted : 1,
      options: common,
      loss,
      targetLogProbability,
      gradients,
    }),
    finish: (report) => ({
      loss: reduce(loss, reduction, counted),
      targetLogProbability,
      ...(gradients && { gradientHidden: face(gradients.hidden), gradientWeights: faces(gradients) }),
      report,
    }),
  };
}

function newGradients({ hidden, head, headBias, clusters }: AdaptiveSoftmax): LossGradients {
  const like = ({ rows, columns }: Tensor) => newMatrix(rows, columns, undefined) as Tensor;
  return {
    hidden: like(hidden),
    head: like(head),
    headBias: headBias && shared(new Float32Array(headBias.columns)),
    tails: clusters.map(({ projection, weight }) => ({ projection: like(projection), weight: like(weight) })),
  };
}

function faces({ head, headBias, tails }: LossGradients): AdaptiveGradients {
  return {
    head: face(head),
    ...(headBias && { headBias: headBias.data as Float32Array }),
    tails: tails.map(({ projection, weight }) => ({ projection: face(projection), weight: face(weight) })),
  };
}

function face(tensor: Tensor): Matrix<Float32Array> {
  return asMatrix(tensor) as Matrix<Float32Array>;
}

/**
 * The loss of an adaptive softmax: classes by falling frequency, the first of them in a head, the others in clusters
 * that see the hidden states through ever narrower projections. Only rows whose target is in a cluster pay for it, and
 * no logits are kept.
 *
 * ln p(class) = ln softmax(hidden·headᵀ + headBias)[class] for a class of the head, and for one of cluster c the same
 * of the cluster's column plus ln softmax((hidden·projectionᵀ)·weightᵀ)[class in c]. It equals PyTorch's
 * `AdaptiveLogSoftmaxWithLoss`, after {@link https://arxiv.org/abs/1609.04309 Grave et al.}, and takes its weights as
 * they are: `head.weight`, `head.bias`, and the two of each `tail[i]`. −∞ and NaN do what they do in
 * `linearCrossEntropy`, in the head and in the target's own cluster: a head's bias of −∞ masks a class or a whole
 * cluster. Ignored rows have loss and gradient 0; the mean is NaN if no row counts. Gradients are those of the reduced
 * loss.
 *
 * Where `backend` is "auto", each of the products that it takes goes where it is predicted to be fastest.
 *
 * @param hidden [rows, hidden] states, in an array.
 * @param weights The head and the clusters, in arrays: they say how many classes there are, and where they are cut.
 * @param targets [rows] class indices below vocab, or the ignored index.
 * @param options Reduction, gradients, what is expected of the weights, and the common options.
 * @returns The loss in nats, `targetLogProbability` [rows], and the gradients if they are asked for.
 * @throws {TypeError} If an argument has the wrong type or length, or a matrix is a `GPUBuffer`.
 * @throws {RangeError} If a target, shape, stride or option is out of range, or the weights or `cutoffs` do not fit.
 * @throws {BackendUnavailableError} If the backend asked for by name cannot run.
 *
 * @example Six classes, four of them in a cluster
 * ```ts
 * import { adaptiveLogSoftmax, adaptiveShapes, allocate } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const shapes = adaptiveShapes({ hidden: 8, vocab: 6, cutoffs: [2] });
 * const tails = shapes.tails.map(({ projection, weight }) => ({
 *   projection: allocate(projection),
 *   weight: allocate(weight),
 * }));
 * const hidden = allocate([2, 8]);
 * const weights = { head: allocate(shapes.head), tails };
 * const { targetLogProbability } = await adaptiveLogSoftmax(hidden, weights, [0, 5], { cutoffs: [2] });
 * assertAlmostEquals(targetLogProbability[0], -Math.log(3), 1e-6);
 * assertAlmostEquals(targetLogProbability[1], -Math.log(3 * 4), 1e-6);
 * ```
 */
export function adaptiveLogSoftmax<R extends Reduction = "mean">(
  hidden: Matrix,
  weights: AdaptiveWeights,
  targets: Targets,
  options?: AdaptiveLogSoftmaxOptions<R>,
): Promise<AdaptiveLogSoftmaxResult<R>> {
  return runSeries(() => prepare(hidden, weights, targets, options));
}

/** {@linkcode adaptiveLogSoftmax} without a promise. */
export function adaptiveLogSoftmaxSync<R extends Reduction = "mean">(
  hidden: Matrix,
  weights: AdaptiveWeights,
  targets: Targets,
  options?: AdaptiveLogSoftmaxOptions<R>,
): AdaptiveLogSoftmaxResult<R> {
  return runSeriesSync(() => prepare(hidden, weights, targets, options));
}
