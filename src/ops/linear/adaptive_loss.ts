/**
 * The loss of an adaptive softmax, from linearCrossEntropy: of all rows over the head, where a cluster's column is the
 * target of its rows, and of each cluster's rows over its classes, seen through the projection. No logits are kept.
 *
 * @module
 */
import type { CheckedCall, CommonOptions, Tensor } from "../../operation.ts";
import { rowsOf, vector } from "../../tensors.ts";
import { record as linearCrossEntropy } from "../linear_cross_entropy.ts";
import { blank, chunksOf, take, timesTransposed } from "./adaptive_products.ts";
import type { AdaptiveSoftmax, Cluster } from "./adaptive_weights.ts";
import { multiply, PRODUCT_NN, PRODUCT_TN } from "./products.ts";

/** The gradients of a loss, all f32. */
export interface LossGradients {
  readonly hidden: Tensor;
  readonly head: Tensor;
  /** [1, columns of the head]. */
  readonly headBias?: Tensor;
  readonly tails: readonly Readonly<Record<"projection" | "weight", Tensor>>[];
}

/** A loss to compute. */
export interface AdaptiveLoss extends AdaptiveSoftmax {
  /** [rows] classes, −1 for a row that does not count. */
  readonly targets: Int32Array;
  /** [rows]. */
  readonly gradientScale?: Float32Array;
  /** What all gradients are multiplied by. */
  readonly scale: number;
  readonly options: CommonOptions;
  /** [rows]. */
  readonly loss: Float32Array;
  /** [rows]. */
  readonly targetLogProbability: Float32Array;
  /** New, if they are wanted. */
  readonly gradients?: LossGradients;
}

/** The calls that compute a loss and its gradients. */
export function* lossCalls(loss: AdaptiveLoss): Generator<CheckedCall> {
  const { hidden, head, headBias, clusters, gradients, gradientScale } = loss;
  yield crossEntropyCall(loss, {
    hidden,
    weight: head,
    bias: headBias,
    targets: vector(loss.targets.map((target) => columnOf(loss, target))),
    gradientScale: gradientScale && vector(gradientScale),
    loss: vector(loss.loss),
    targetLogProbability: vector(loss.targetLogProbability),
    gradientHidden: gradients?.hidden,
    gradientWeight: gradients?.head,
    gradientBias: gradients?.headBias,
  });
  for (const [i, cluster] of clusters.entries()) {
    const end = cluster.first + cluster.weight.rows, rows: number[] = [];
    loss.targets.forEach((target, row) => target >= cluster.first && target < end && rows.push(row));
    if (rows.length > 0) yield* clusterCalls(loss, cluster, rows, gradients?.tails[i]);
  }
}

/** The head's column that a target is behind. */
function columnOf({ headClasses, clusters }: AdaptiveSoftmax, target: number): number {
  if (target < headClasses) return target;
  return clusters.findLast(({ first }) => target >= first)?.column ?? target;
}

/** What the rows of a cluster's targets add. */
function* clusterCalls(
  loss: AdaptiveLoss,
  { first, projection, weight }: Cluster,
  rows: readonly number[],
  gradients: LossGradients["tails"][number] | undefined,
): Generator<CheckedCall> {
  const { hidden, gradientScale, options } = loss, projected = blank(rows.length, projection.rows);
  for (const { first, chunk } of chunksOf(rows, hidden.columns)) {
    const product = rowsOf(projected, first, chunk.length);
    yield timesTransposed({ left: take(hidden, chunk), right: projection, product }, options);
  }
  const found = new Float32Array(rows.length), logProbability = new Float32Array(rows.length);
  const gradient = gradients && blank(rows.length, projection.rows);
  yield crossEntropyCall(loss, {
    hidden: projected,
    weight,
    targets: vector(Int32Array.from(rows, (row) => loss.targets[row] - first)),
    gradientScale: gradientScale && vector(Float32Array.from(rows, (row) => gradientScale[row])),
    loss: vector(found),
    targetLogProbability: vector(logProbability),
    gradientHidden: gradient,
    gradientWeight: gradients?.weight,
  });
  rows.forEach((row, i) => {
    loss.loss[row] += found[i];
    loss.targetLogProbability[row] += logProbability[i];
  });
  if (gradient && gradients) yield* backwards(loss, projection, rows, gradient, gradients.projection);
}

/** From the gradient by projected states to those by the projection and the states, which it is added to. */
function* backwards(
  { hidden, gradients, options }: AdaptiveLoss,
  projection: Tensor,
  rows: readonly number[],
  gradient: Tensor,
  gradientProjection: Tensor,
): Generator<CheckedCall> {
  const { columns } = hidden, gradientHidden = gradients?.hidden.data as Float32Array;
  for (const { first, chunk } of chunksOf(rows, columns)) {
    const left = rowsOf(gradient, first, chunk.length), product = blank(chunk.length, columns);
    yield multiply(PRODUCT_NN, { left, right: projection, product }, options);
    chunk.forEach((row, i) => {
      for (let k = 0; k < columns; k++) gradientHidden[row * columns + k] += product.data[i * columns + k];
    });
    const sum = { product: gradientProjection, previous: first > 0 ? gradientProjection : undefined };
    yield multiply(PRODUCT_TN, { left, right: take(hidden, chunk), ...sum }, options);
  }
}

/** A call of linearCrossEntropy without options of its own. */
function crossEntropyCall(
  { scale, options }: AdaptiveLoss,
  tensors: Readonly<Record<"hidden" | "weight" | "targets", Tensor>> & CheckedCall["tensors"],
): CheckedCall {
  const { hidden: { rows, columns: hidden }, weight: { rows: vocab } } = tensors;
  const unused = { logSumExp: vector(new Float32Array(rows)), hit: vector(new Int32Array(rows)) };
  return {
    operation: linearCrossEntropy,
    dims: { rows, hidden, vocab },
    tensors: { ...tensors, ...unused },
    params: { ...linearCrossEntropy.params, scale },
    options,
  };
}
