/**
 * Hidden states and the weights of an adaptive softmax: what a caller gives, checked.
 *
 * @module
 */
import { isOnDevice } from "../../arguments.ts";
import { show } from "../../check.ts";
import { projectedSize } from "../../cost/adaptive.ts";
import { checkCutoffs } from "../../cost/head.ts";
import type { CommonOptions, Matrix, MatrixData, Tensor } from "../../operation.ts";
import { shared } from "../../tensors.ts";
import { type Checker, MAX_SIZE } from "../../validate.ts";

/** A tail cluster of an adaptive softmax. */
export interface AdaptiveTail<Data extends MatrixData = MatrixData> {
  /** [size, hidden]: narrows the hidden states. */
  readonly projection: Matrix<Data>;
  /** [classes of the cluster, size]. */
  readonly weight: Matrix<Data>;
}

/** The weights of an adaptive softmax; `adaptiveShapes` tells their shapes. */
export interface AdaptiveWeights<Data extends MatrixData = MatrixData> {
  /** [classes of the head and clusters, hidden]: a row for each of the most frequent classes, then for each cluster. */
  readonly head: Matrix<Data>;
  /** [classes of the head and clusters]: added to the head's logits. −∞ masks a class, or a whole cluster. */
  readonly headBias?: ArrayLike<number>;
  /** The clusters of all other classes, from frequent to rare. */
  readonly tails: readonly AdaptiveTail<Data>[];
}

/** Options of all that is computed from {@linkcode AdaptiveWeights}: what they say is held against the weights. */
export interface AdaptiveSoftmaxOptions extends CommonOptions {
  /** Where the head's classes and all clusters but the last end, rising, without the vocabulary. */
  readonly cutoffs?: readonly number[];
  /** How many times narrower than its predecessor each cluster is, from 1 on. */
  readonly divValue?: number;
}

/** The names of {@linkcode AdaptiveSoftmaxOptions} beside the common ones. */
export const LAYOUT: readonly string[] = ["cutoffs", "divValue"];

/** A checked tail cluster. */
export interface Cluster {
  /** Its column of the head. */
  readonly column: number;
  /** Its first class. */
  readonly first: number;
  readonly projection: Tensor;
  readonly weight: Tensor;
}

/** Hidden states and weights that belong together. */
export interface AdaptiveSoftmax {
  readonly hidden: Tensor;
  readonly head: Tensor;
  /** [1, columns of the head]. */
  readonly headBias?: Tensor;
  readonly clusters: readonly Cluster[];
  /** Classes of the head, which are its first columns. */
  readonly headClasses: number;
  /** All classes. */
  readonly vocab: number;
}

/** Checks hidden states, weights, and what the options say of them. */
export function checkAdaptive(
  check: Checker,
  states: unknown,
  weights: unknown,
  { cutoffs, divValue }: AdaptiveSoftmaxOptions,
): AdaptiveSoftmax {
  const hidden = onHost(check, "hidden", states), names = ["head", "headBias", "tails"];
  const given = check.bag<AdaptiveWeights>(weights, names, "weights are", "weight"), { headBias } = given;
  const tails: unknown = given.tails;
  if (!Array.isArray(tails)) throw check.typeError(`weights.tails is ${show(tails)}, not an array`);
  const head = factor(check, "weights.head", given.head, hidden), headClasses = head.rows - tails.length;
  if (headClasses < 1) {
    throw check.rangeError(`weights.head is ${shapeOf(head)}: no class beside ${tails.length} clusters`);
  }
  const bias = headBias === undefined
    ? undefined
    : check.numbers("weights.headBias", headBias, head.rows, "head row", true);
  const divisor = divValue === undefined ? undefined : check.number("divValue", divValue, { least: 1 });
  const clusters: Cluster[] = [];
  let vocab = headClasses;
  for (const [i, tail] of tails.entries()) {
    const cluster = { column: headClasses + i, first: vocab, ...checkTail(check, `weights.tails[${i}]`, tail, hidden) };
    if (divisor !== undefined) checkSize(check, i, cluster.projection, divisor);
    clusters.push(cluster);
    vocab += cluster.weight.rows;
  }
  check.number("the number of classes", vocab, { most: MAX_SIZE });
  if (cutoffs !== undefined) compareCutoffs(check, checkCutoffs(check, cutoffs, vocab), clusters);
  return { hidden, head, headBias: bias && shared(bias), clusters, headClasses, vocab };
}

function checkTail(
  check: Checker,
  name: string,
  tail: unknown,
  hidden: Tensor,
): Pick<Cluster, "projection" | "weight"> {
  const given = check.bag<AdaptiveTail>(tail, ["projection", "weight"], `${name} is`, `matrix of ${name}`);
  const projection = factor(check, `${name}.projection`, given.projection, hidden);
  const weight = onHost(check, `${name}.weight`, given.weight);
  if (weight.rows === 0) throw check.rangeError(`${name}.weight.shape[0] is 0, less than 1`);
  if (weight.columns === projection.rows) return { projection, weight };
  throw check.rangeError(
    `${name}.weight is ${shapeOf(weight)}, ${name}.projection is ${
      shapeOf(projection)
    }: it projects to ${projection.rows}`,
  );
}

/** A matrix that hidden states are multiplied with. */
function factor(check: Checker, name: string, value: unknown, hidden: Tensor): Tensor {
  const matrix = onHost(check, name, value);
  check.factors("hidden", hidden, name, matrix);
  return matrix;
}

function onHost(check: Checker, name: string, value: unknown): Tensor {
  const tensor = check.matrix(name, value);
  if (!isOnDevice(tensor)) return tensor;
  throw check.typeError(`${name}.data is a GPUBuffer, not a Float32Array, Float16Array or Uint16Array`);
}

function checkSize(check: Checker, i: number, { rows, columns }: Tensor, divValue: number): void {
  const size = projectedSize(columns, divValue, i + 1);
  if (rows === size) return;
  throw check.rangeError(
    `weights.tails[${i}].projection is [${rows}, ${columns}], divValue ${divValue} makes it [${size}, ${columns}]`,
  );
}

function compareCutoffs(check: Checker, cutoffs: readonly number[], clusters: readonly Cluster[]): void {
  if (cutoffs.length !== clusters.length) {
    throw check.rangeError(`weights.tails has ${clusters.length} elements, cutoffs has ${cutoffs.length}`);
  }
  const wrong = clusters.findIndex(({ first }, i) => first !== cutoffs[i]);
  if (wrong < 0) return;
  throw check.rangeError(
    `cutoffs[${wrong}] is ${cutoffs[wrong]}, the weights before weights.tails[${wrong}] are of ${
      clusters[wrong].first
    } classes`,
  );
}

function shapeOf({ rows, columns }: Tensor): string {
  return `[${rows}, ${columns}]`;
}
