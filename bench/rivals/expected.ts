/** What the contenders must agree with: the definitions in f64. */
import { fillLogits, makeTargets, type Shape } from "../cases.ts";
import type { OperationName, Problem } from "./contender.ts";

/** Farther from f64, relative to the value, is another result: the widest seen of a running f32 sum is 1e-4. */
const TOLERANCE = 5e-4;

/** Entries of a matrix that are compared, beside the targets'. */
const SAMPLES = 4096;

/** The definitions' values for a problem. */
export interface Expected {
  /** ln Σ e^p of each row. */
  readonly logSumExp: Float64Array;
  /** Mean cross-entropy. */
  readonly loss: number;
  /** Mean of KL(p ‖ q). */
  readonly divergence: number;
  /** Indices of the compared entries. */
  readonly entries: readonly number[];
  /** Softmax there. */
  readonly probabilities: readonly number[];
  /** Gradient of the loss there. */
  readonly gradient: readonly number[];
}

/** The problem that bench/cases.ts measures. */
export function makeProblem(shape: Shape): Problem {
  const [rows, vocab] = shape;
  const p = new Float32Array(rows * vocab), q = new Float32Array(rows * vocab);
  fillLogits(p, q);
  return { rows, vocab, p, q, targets: makeTargets(shape) };
}

/** Computes it all in f64. */
export function expect({ rows, vocab, p, q, targets }: Problem): Expected {
  const logSumExp = logSumExps(p, rows, vocab), other = logSumExps(q, rows, vocab);
  let loss = 0, divergence = 0;
  for (let row = 0; row < rows; row++) {
    loss += (logSumExp[row] - p[row * vocab + targets[row]]) / rows;
    let sum = 0;
    for (let i = row * vocab; i < (row + 1) * vocab; i++) {
      const logP = p[i] - logSumExp[row];
      sum += Math.exp(logP) * (logP - (q[i] - other[row]));
    }
    divergence += sum / rows;
  }
  const hits = Array.from(targets, (target, row) => row * vocab + target);
  const entries = [...hits, ...Array.from({ length: SAMPLES }, (_, i) => Math.floor(i * p.length / SAMPLES))];
  const probabilities = entries.map((i) => Math.exp(p[i] - logSumExp[Math.floor(i / vocab)]));
  const isHit = new Set(hits);
  const gradient = entries.map((entry, i) => (probabilities[i] - (isHit.has(entry) ? 1 : 0)) / rows);
  return { logSumExp, loss, divergence, entries, probabilities, gradient };
}

function logSumExps(x: Float32Array, rows: number, vocab: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => {
    const values = x.subarray(row * vocab, (row + 1) * vocab);
    let max = -Infinity, sum = 0;
    for (let i = 0; i < vocab; i++) max = Math.max(max, values[i]);
    for (let i = 0; i < vocab; i++) sum += Math.exp(values[i] - max);
    return max + Math.log(sum);
  });
}

/** The largest absolute error of an operation's last output; throws where a result is another one. */
export function largestError(operation: OperationName, arrays: readonly Float32Array[], expected: Expected): number {
  const at = (matrix: Float32Array) => expected.entries.map((i) => matrix[i]);
  switch (operation) {
    case "log-sum-exp":
      return compare(arrays[0], expected.logSumExp);
    case "softmax":
      return compare(at(arrays[0]), expected.probabilities);
    case "CE forward":
      return compare(arrays[0], [expected.loss]);
    case "CE + gradient":
      compare(arrays[0], [expected.loss]);
      return compare(at(arrays[1]), expected.gradient);
    case "KL divergence":
      return compare(arrays[0], [expected.divergence]);
  }
}

function compare(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values instead of ${expected.length}`);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= TOLERANCE * Math.abs(expected[i]))) throw new Error(`wrong: ${actual[i]} instead of ${expected[i]}`);
    largest = Math.max(largest, error);
  }
  return largest;
}
