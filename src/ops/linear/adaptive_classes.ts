/**
 * What an adaptive softmax says of all classes: their log-probabilities, and which is the most likely one.
 *
 * @module
 */
import type { CheckedCall, CommonOptions, Tensor } from "../../operation.ts";
import { columnsOf, rowsOf, vector } from "../../tensors.ts";
import { record as logSoftmax } from "../log_softmax.ts";
import { record as tokenStatistics } from "../token_statistics.ts";
import { blank, chunksOf, take, timesTransposed } from "./adaptive_products.ts";
import type { AdaptiveSoftmax, Cluster } from "./adaptive_weights.ts";

/** The calls that write all log-probabilities to a matrix of [rows, vocab]. */
export function* logProbabilityCalls(
  softmax: AdaptiveSoftmax,
  logProbabilities: Tensor,
  options: CommonOptions,
): Generator<CheckedCall> {
  const { hidden, head, headBias, clusters, headClasses, vocab } = softmax;
  const data = logProbabilities.data as Float32Array;
  if (hidden.rows === 0) yield logSoftmaxCall(logProbabilities, options);
  for (const { first, chunk } of chunksOf(all(hidden), elementsOfRow(softmax))) {
    const left = take(hidden, chunk), known = blank(chunk.length, head.rows);
    yield timesTransposed({ left, right: head, bias: headBias, product: known }, options);
    yield logSoftmaxCall(known, options);
    chunk.forEach((row, i) => data.set(known.data.subarray(i * head.rows, i * head.rows + headClasses), row * vocab));
    for (const cluster of clusters) {
      const { weight } = cluster;
      const product = columnsOf(rowsOf(logProbabilities, first, chunk.length), cluster.first, weight.rows);
      yield* logitsCalls(left, cluster, product, options);
      yield logSoftmaxCall(product, options);
      chunk.forEach((row, i) => {
        const shift = known.data[i * head.rows + cluster.column], start = row * vocab + cluster.first;
        for (let k = start; k < start + weight.rows; k++) data[k] += shift;
      });
    }
  }
}

/**
 * The calls that find each row's most likely class. Within a row logits of the head and log-probabilities within a
 * cluster, shifted by the logit of its column, differ from log-probabilities by a constant. None of the latter is
 * positive: a cluster whose column does not exceed the best class so far has none that does.
 */
export function* predictionCalls(
  softmax: AdaptiveSoftmax,
  predictions: Int32Array,
  options: CommonOptions,
): Generator<CheckedCall> {
  const { hidden, head, headBias, clusters, headClasses } = softmax;
  if (hidden.rows === 0) yield statisticsCall(blank(0, softmax.vocab), options).call;
  for (const { chunk } of chunksOf(all(hidden), elementsOfRow(softmax))) {
    const columns = blank(chunk.length, head.rows);
    yield timesTransposed({ left: take(hidden, chunk), right: head, bias: headBias, product: columns }, options);
    const best = new Float64Array(chunk.length).fill(-Infinity);
    chunk.forEach((row, i) => {
      for (let k = 0; k < headClasses; k++) {
        const logit = columns.data[i * head.rows + k];
        if (logit > best[i]) [best[i], predictions[row]] = [logit, k];
      }
    });
    for (const cluster of clusters) {
      const column = (i: number) => columns.data[i * head.rows + cluster.column];
      const open = Array.from(chunk.keys()).filter((i) => column(i) > best[i]);
      if (open.length === 0) continue;
      const logits = blank(open.length, cluster.weight.rows);
      yield* logitsCalls(take(hidden, open.map((i) => chunk[i])), cluster, logits, options);
      const { call, argmax, logSumExp } = statisticsCall(logits, options);
      yield call;
      open.forEach((i, at) => {
        const value = column(i) + (logits.data[at * logits.columns + argmax[at]] - logSumExp[at]);
        if (value > best[i]) [best[i], predictions[chunk[i]]] = [value, cluster.first + argmax[at]];
      });
    }
  }
}

/** The logits of a cluster's classes. */
function* logitsCalls(
  left: Tensor,
  { projection, weight }: Cluster,
  product: Tensor,
  options: CommonOptions,
): Generator<CheckedCall> {
  const projected = blank(left.rows, projection.rows);
  yield timesTransposed({ left, right: projection, product: projected }, options);
  yield timesTransposed({ left: projected, right: weight, product }, options);
}

/** Logits become log-probabilities. */
function logSoftmaxCall(logits: Tensor, options: CommonOptions): CheckedCall {
  const { rows, columns: vocab } = logits, tensors = { logits, logProbabilities: logits };
  return { operation: logSoftmax, dims: { rows, vocab }, tensors, params: logSoftmax.params, options };
}

function statisticsCall(logits: Tensor, options: CommonOptions) {
  const { rows, columns: vocab } = logits, argmax = new Int32Array(rows), logSumExp = new Float32Array(rows);
  const outputs = { logSumExp: vector(logSumExp), entropy: vector(new Float32Array(rows)), argmax: vector(argmax) };
  const call: CheckedCall = {
    operation: tokenStatistics,
    dims: { rows, vocab, top: 0 },
    tensors: { logits, ...outputs },
    params: tokenStatistics.params,
    options,
  };
  return { call, argmax, logSumExp };
}

function all({ rows }: Tensor): readonly number[] {
  return Array.from({ length: rows }, (_, row) => row);
}

/** What a row takes at a time: its states, the head's logits and those of the largest cluster. */
function elementsOfRow({ hidden, head, clusters }: AdaptiveSoftmax): number {
  return hidden.columns + head.rows + Math.max(0, ...clusters.map(({ weight }) => weight.rows));
}
