import { isOnDevice } from "../arguments.ts";
import type { AnyData, AnyMatrix, CommonOptions, Matrix, MatrixData, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { shared, vector } from "../tensors.ts";
import { Checker } from "../validate.ts";
import type { Targets } from "./cross_entropy.ts";
import { candidatesOf, gatherRows } from "./linear/candidates.ts";
import { linearCrossEntropySteps } from "./linear/cross_entropy_steps.ts";
import { gradientsOf, linearWork } from "./linear/gradients.ts";
import { draw, DRAW_OPTIONS, type DrawOptions } from "./linear/sampler.ts";
import {
  foldRows,
  type SparseNumbers,
  type SparseRows,
  type WantedSparseGradients,
} from "./linear/sparse_gradients.ts";
import { record as linearCrossEntropy } from "./linear_cross_entropy.ts";
import { reduce, type Reduced, type Reduction, REDUCTIONS } from "./reduction.ts";

/** The record of sampledSoftmaxLoss, whose classes are those that are gathered: the first `forAll` are for all rows. */
export const record: Operation = {
  name: "sampledSoftmaxLoss",
  inputs: [
    { name: "hidden", shape: ["rows", "hidden"], type: "float" },
    { name: "weight", shape: ["vocab", "hidden"], type: "float" },
    { name: "bias", shape: ["vocab"], type: "f32" },
    { name: "targets", shape: ["rows"], type: "i32" },
    { name: "hits", shape: ["rows"], type: "i32" },
    { name: "gradientScale", shape: ["rows"], type: "f32", optional: true },
  ],
  outputs: [
    { name: "loss", shape: ["rows"], type: "f32" },
    { name: "gradientHidden", shape: ["rows", "hidden"], type: "float", optional: true },
    { name: "gradientWeight", shape: ["vocab", "hidden"], type: "float", optional: true },
    { name: "gradientBias", shape: ["vocab"], type: "f32", optional: true },
  ],
  params: { temperature: 1, scale: 1, forAll: 1 },
  work: (present, { hidden }) => linearWork(present, hidden),
  compose: (call, room) =>
    linearCrossEntropySteps({ ...call, params: { ...linearCrossEntropy.params, ...call.params } }, room),
};

/** Options of {@linkcode sampledSoftmaxLoss}. */
export interface SampledSoftmaxLossOptions<R extends Reduction = Reduction, Data extends AnyData = MatrixData>
  extends CommonOptions, DrawOptions {
  /** [vocab]: added to the logits. −∞ masks a class. */
  readonly bias?: ArrayLike<number>;
  /** Temperature T: the logit x becomes x / T, before anything is subtracted. 1 unless given. */
  readonly temperature?: number;
  /** Whether a row's target is left out of what was drawn, for that row: `true` unless given. */
  readonly removeAccidentalHits?: boolean;
  /** Whether the logarithm of its expected count is subtracted from each logit: `true` unless given. */
  readonly subtractLogQ?: boolean;
  /** "mean" (the default) over the rows that count, "sum", or "none" for one loss a row. */
  readonly reduction?: R;
  /** The target that marks a row to be left out: −100 unless given. */
  readonly ignoreIndex?: number;
  /** `true` for new gradients by all that was given, or which of them are wanted and where that by the states goes. */
  readonly gradient?: boolean | WantedSparseGradients<Data>;
  /** [rows]: the upstream gradient of each row's loss, which its gradients are multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
}

/** What {@linkcode sampledSoftmaxLoss} returns. */
export interface SampledSoftmaxLossResult<R extends Reduction = Reduction, Data extends AnyData = MatrixData> {
  /** Nats: a number, or [rows] for "none". */
  readonly loss: Reduced<R>;
  /** [samples]: the classes that were drawn, for all rows. */
  readonly samples: Int32Array;
  /** What decides the draw. */
  readonly seed: number;
  /** [rows, hidden]. */
  readonly gradientHidden?: Matrix<Data>;
  /** By the weights of the classes that were drawn and of the targets: by all others it is 0. */
  readonly gradientWeight?: SparseRows;
  /** By the bias of the same classes. */
  readonly gradientBias?: SparseNumbers;
  /** How it ran. */
  readonly report: Report;
}

const OPTIONS = [
  ...[...DRAW_OPTIONS, "bias", "temperature", "removeAccidentalHits", "subtractLogQ"],
  ...["reduction", "ignoreIndex", "gradient", "gradientScale"],
];

function prepare<R extends Reduction>(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  targets: Targets,
  options: SampledSoftmaxLossOptions<R, AnyData>,
): Prepared<SampledSoftmaxLossResult<R, AnyData>> {
  const check = new Checker("compute sampledSoftmaxLoss");
  const common = check.options(options, OPTIONS);
  const states = check.matrix("hidden", hidden), table = check.matrix("weight", weight);
  const { rows, columns } = states, classes = table.rows;
  check.factors("hidden", states, "weight", table);
  if (isOnDevice(table)) throw check.typeError("weight.data is a GPUBuffer: rows are gathered from arrays only");
  const temperature = check.number("temperature", options.temperature, { fallback: 1, above: 0 });
  const reduction = check.choice("reduction", options.reduction, REDUCTIONS, "mean") as R;
  const ignored = check.number("ignoreIndex", options.ignoreIndex, { fallback: -100, integer: true });
  const wanted = check.classes("targets", targets, rows, classes, ignored);
  const treatment = {
    removeAccidentalHits: isOn(check, "removeAccidentalHits", options.removeAccidentalHits),
    subtractLogQ: isOn(check, "subtractLogQ", options.subtractLogQ),
  };
  const { bias, gradientScale, gradient } = options;
  const biases = bias === undefined ? undefined : check.numbers("bias", bias, classes, "class", true);
  const upstream = check.gradientScale(gradientScale, rows);
  if (typeof gradient === "object" && gradient !== null) check.flag("gradient.weight", gradient.weight);

  const drawn = draw(check, options, classes);
  if (treatment.subtractLogQ) checkPossible(check, wanted, drawn.expectedCount);
  const { ids, corrections, ...places } = candidatesOf(drawn, wanted, treatment);
  const level = (id: number, place: number) => (biases?.[id] ?? 0) + temperature * corrections[place];
  const inputs = { hidden: states, bias: shared(Float32Array.from(ids, level)), targets: vector(places.targets) };
  // As many rows as are gathered, where they all lie: what must not be overlapped
  const gathered = { ...table, rows: ids.length };
  const gradients = gradientsOf(check, { gradient }, { ...inputs, weight: gathered, bias: biases && inputs.bias });
  const loss = vector(new Float32Array(rows));
  const denominator = wanted.reduce((count, target) => target >= 0 ? count + 1 : count, 0);
  return {
    call: {
      operation: record,
      dims: { rows, hidden: columns, vocab: ids.length },
      tensors: {
        ...inputs,
        weight: gatherRows(table, ids),
        hits: vector(places.hits),
        gradientScale: upstream && vector(upstream),
        loss,
        ...gradients.tensors,
      },
      params: { temperature, scale: reduction === "mean" ? 1 / denominator : 1, forAll: places.forAll },
      options: common,
    },
    finish: (report) => {
      const { gradientHidden, gradientWeight, gradientBias } = gradients.results();
      return {
        loss: reduce(loss.data, reduction, denominator),
        samples: drawn.ids,
        seed: drawn.seed,
        ...(gradientHidden && { gradientHidden }),
        ...(gradientWeight && { gradientWeight: sparse(ids, gradientWeight.data as Float32Array, columns) }),
        ...(gradientBias && { gradientBias: foldRows(ids, gradientBias, 1) }),
        report,
      };
    },
  };
}

/** An option that is `true` unless given. */
function isOn(check: Checker, name: string, value: unknown): boolean {
  return value === undefined || check.flag(name, value);
}

/** What is never drawn has an expected count without a logarithm. */
function checkPossible(check: Checker, targets: Int32Array, expectedCount: (id: number) => number): void {
  const row = targets.findIndex((target) => target >= 0 && expectedCount(target) === 0);
  if (row >= 0) throw check.rangeError(`targets[${row}] is ${targets[row]}, which the sampler never draws`);
}

function sparse(ids: Int32Array, gradient: Float32Array, columns: number): SparseRows {
  const { rows, values } = foldRows(ids, gradient, columns);
  return { rows, values: { data: values, shape: [rows.length, columns] } };
}

/**
 * The cross-entropy of a softmax over each row's target and a few classes that are drawn once for all rows: what a
 * model over many classes is trained by at the cost of those few.
 *
 * With x = (hidden·weight + bias) / temperature, target t, drawn classes s and their expected counts E, the loss of a
 * row is −y_t + ln(e^(y_t) + Σ e^(y_s)), y = x − ln E, over all s ≠ t: TensorFlow's `sampled_softmax_loss`, after
 * Bengio and Senécal (2008) and Jean et al. (arXiv:1412.2007). With replacement E = samples·P. Without, what was
 * drawn is drawn no more, and E = 1 − e^(−P·τ), where τ is how long the draw took, for which TensorFlow has 1 − (1 −
 * P)^tries; E is samples / vocab where all classes are equally likely, and 1 where all are drawn.
 *
 * It is another number than the loss over all classes: −ln of the target's share among the few, which is less where
 * E_t < 1 and comes to the full loss as all are drawn. So it is for training only; evaluate by `linearCrossEntropy`.
 * What it is least for are the same probabilities. Σ e^x / E over the drawn is an unbiased estimate of the sum over
 * all classes; its inverse is not, so gradients are biased, less the more are drawn and the nearer P is to the
 * softmax.
 *
 * "logUniform" expects classes in order of falling frequency, as those of most tokenizers roughly are; where they are
 * in another order, draw by their counts. `removeAccidentalHits: false` sums over all s, and so counts a target again
 * where it was drawn; `subtractLogQ: false` has y = x, and what is learnt is then ln p − ln E.
 *
 * A target with logit −∞ has loss +∞; a row with NaN, or of −∞, NaN; ignored rows 0. Gradients are those of the
 * reduced loss with what was drawn held fixed. Rows of weights are gathered in memory, for the drawn and the targets.
 *
 * @param hidden [rows, hidden] states.
 * @param weight [vocab, hidden], a row a class, in an array.
 * @param targets [rows] class indices below vocab, or the ignored index.
 * @param options How many classes are drawn, and how; bias, temperature, reduction, gradients; and the common options.
 * @returns The loss in nats, what was drawn [samples] and its seed, and the gradients asked for.
 * @throws {TypeError} If an argument has the wrong type or length, the weight is on a GPU, or a gradient is not f32.
 * @throws {RangeError} If a target, shape, stride or option is out of range, there are fewer classes than are to be
 *   drawn, a target can never be drawn, or a gradient overlaps an input.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example A step of training over 64 of 1000 classes
 * ```ts
 * import { sampledSoftmaxLoss } from "@surprisal/core";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const hidden = { data: new Float32Array([1, 2]), shape: [1, 2] as const };
 * const weight = { data: new Float32Array(2000), shape: [1000, 2] as const };
 * const options = { samples: 64, sampler: "uniform", gradient: true, seed: 7 } as const;
 * const { loss, samples, gradientWeight } = await sampledSoftmaxLoss(hidden, weight, [3], options);
 * assertEquals([samples.length, gradientWeight?.rows.length], [64, 65]);
 * // All classes are as likely as one another, and 64 of 1000 stand for all
 * assertAlmostEquals(loss, Math.log(1 + 64), 1e-6);
 * ```
 */
export function sampledSoftmaxLoss<R extends Reduction = "mean", Data extends AnyData = MatrixData>(
  hidden: AnyMatrix,
  weight: Matrix,
  targets: Targets,
  options: SampledSoftmaxLossOptions<R, Data>,
): Promise<SampledSoftmaxLossResult<R, MatrixData | Data>> {
  return run(() => prepare(hidden, weight, targets, options)) as Promise<
    SampledSoftmaxLossResult<R, MatrixData | Data>
  >;
}

/** {@linkcode sampledSoftmaxLoss} without a promise. */
export function sampledSoftmaxLossSync<R extends Reduction = "mean">(
  hidden: Matrix,
  weight: Matrix,
  targets: Targets,
  options: SampledSoftmaxLossOptions<R>,
): SampledSoftmaxLossResult<R> {
  return runSync(() => prepare(hidden, weight, targets, options)) as SampledSoftmaxLossResult<R>;
}
