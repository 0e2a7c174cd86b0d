/**
 * Adaptive softmaxes for tests, and what follows from their definition in f64.
 *
 * @module
 */
import type { AdaptiveGradients, AdaptiveWeights, DType } from "../mod.ts";
import { matrix, rounded, type Rows, valuesOf } from "./matrices.ts";
import type { Random } from "./random.ts";
import { type Expected, productSlack } from "./tolerance.ts";

/** Hidden states and weights. */
export interface Softmax {
  readonly hidden: Rows;
  readonly head: Rows;
  readonly headBias?: ArrayLike<number>;
  readonly tails: readonly { readonly projection: Rows; readonly weight: Rows }[];
}

/** Sizes of an adaptive softmax: classes of the head, and [size, classes] of each cluster. */
export interface Sizes {
  readonly rows: number;
  readonly hidden: number;
  readonly head: number;
  readonly tails: readonly (readonly [size: number, classes: number])[];
}

/** A softmax of these sizes that is exact in a dtype; with a bias unless there is to be none. */
export function randomSoftmax(random: Random, sizes: Sizes, dtype: DType = "f32", hasBias = true): Softmax {
  const { rows, hidden, head, tails } = sizes, columns = head + tails.length;
  const make = (rows: number, columns: number, scale: number) =>
    rounded(Array.from({ length: rows }, () => random.normals(columns, scale)), dtype);
  return {
    hidden: make(rows, hidden, 1),
    head: make(columns, hidden, 2 / Math.sqrt(hidden)),
    ...(hasBias && { headBias: Float32Array.from(random.normals(columns)) }),
    tails: tails.map(([size, classes]) => ({
      projection: make(size, hidden, 1 / Math.sqrt(hidden)),
      weight: make(classes, size, 2 / Math.sqrt(size)),
    })),
  };
}

/** The same with so many rows, the first ones over and over. */
export function repeated({ hidden, ...weights }: Softmax, rows: number): Softmax {
  return { ...weights, hidden: Array.from({ length: rows }, (_, row) => hidden[row % hidden.length]) };
}

/** A class for each row. */
export function targetsOf(random: Random, softmax: Softmax): number[] {
  const classes = softmax.tails.reduce((sum, { weight }) => sum + weight.length, softmax.head.length);
  return softmax.hidden.map(() => random.integer(classes - softmax.tails.length));
}

/** The same as arguments; rows lie `gap` elements apart. */
export function asWeights({ head, headBias, tails }: Softmax, dtype: DType = "f32", gap = 0): AdaptiveWeights {
  const make = (rows: Rows) => matrix(rows, dtype, rows[0].length + gap);
  const clusters = tails.map(({ projection, weight }) => ({ projection: make(projection), weight: make(weight) }));
  return { head: make(head), ...(headBias && { headBias }), tails: clusters };
}

/** The cutoffs that weights have. */
export function cutoffsOf({ head, tails }: Softmax): number[] {
  let end = head.length - tails.length;
  return tails.map(({ weight }) => (end += weight.length) - weight.length);
}

/** The log-probabilities of all classes, a row each. */
export function logProbabilities({ hidden, head, headBias, tails }: Softmax): number[][] {
  return hidden.map((state) => {
    const known = normalise(times(state, head, headBias)), classes = head.length - tails.length;
    const clusters = tails.map(({ projection, weight }, i) =>
      normalise(times(times(state, projection), weight)).map((x) => x + known[classes + i])
    );
    return [known.slice(0, classes), ...clusters].flat();
  });
}

/** What the log-probabilities of each row may be off by beside their own rounding, in ε₃₂: logits are summed in f32. */
export function slackOf({ hidden, head, headBias, tails }: Softmax): number[] {
  const abs = (rows: Rows) => rows.map((row) => Float64Array.from(row, Math.abs));
  return abs(hidden).map((state) => {
    const sizes = times(state, abs(head), headBias && Float64Array.from(headBias, Math.abs)).filter(Number.isFinite);
    const inHead = productSlack(state.length) * Math.max(...sizes);
    const inTails = tails.map(({ projection, weight }) =>
      (productSlack(state.length) + productSlack(projection.length)) *
      Math.max(...times(times(state, abs(projection)), abs(weight)))
    );
    return 5 + 2 * (inHead + Math.max(0, ...inTails));
  });
}

/** What a row's log-probabilities are to be. */
export function expectLogProbabilities(softmax: Softmax): Expected {
  return { rule: "reduction", values: logProbabilities(softmax).flat(), slack: slackOf(softmax) };
}

/** What gradients may be off by, relative to 1 and to themselves, as sums of a few numbers of magnitude 1. */
export const GRADIENT = 4e-6;

/** The index of the largest, the lowest among equals. */
export function argmax(row: readonly number[]): number {
  return row.indexOf(Math.max(...row));
}

/** Gradients by their names, flat. */
export function flat(hidden: AdaptiveGradients["head"] | undefined, weights: AdaptiveGradients | undefined) {
  if (weights === undefined) throw new Error("There are no gradients");
  const found: Record<string, ArrayLike<number>> = { hidden: valuesOf(hidden), head: valuesOf(weights.head) };
  if (weights.headBias) found.headBias = weights.headBias;
  weights.tails.forEach(({ projection, weight }, i) => {
    Object.assign(found, { [`projection ${i}`]: valuesOf(projection), [`weight ${i}`]: valuesOf(weight) });
  });
  return found;
}

function times(state: ArrayLike<number>, rows: Rows, bias?: ArrayLike<number>): number[] {
  return rows.map((row, i) => {
    let sum = bias ? bias[i] : 0;
    for (let k = 0; k < state.length; k++) sum += state[k] * row[k];
    return sum;
  });
}

function normalise(logits: readonly number[]): number[] {
  const max = Math.max(...logits), sum = logits.reduce((sum, x) => sum + Math.exp(x - max), 0);
  return logits.map((x) => x - max - Math.log(sum));
}
