/**
 * What the tests of losses on hidden·weightᵀ + bias share: inputs, what follows from the logits as a whole in f64 with its
 * tolerances, and a call's results.
 *
 * @module
 */
import { linearCrossEntropy, type LinearCrossEntropyOptions, type Matrix, type Reduction } from "../mod.ts";
import { expectLoss } from "./cross_entropy_cases.ts";
import { matrix, normalRows, type Rows, valuesOf } from "./matrices.ts";
import { transform } from "../src/reference/row.ts";
import type * as oracle from "./oracle.ts";
import type { Random } from "./random.ts";
import { assertWithin, elementError, type Expected, productSlack } from "./tolerance.ts";

/** States, weights and targets; target −1 is a row that does not count. */
export interface Head {
  readonly hidden: Rows;
  readonly weight: Rows;
  readonly bias?: ArrayLike<number>;
  readonly targets: readonly number[];
}

/** Options of the oracle beside targets. */
export type OracleOptions = Omit<oracle.CrossEntropyOptions, "targets" | "targetProbabilities">;

/** What a call gives for each row, and its gradients, flat. */
export type LinearResults<T> = Readonly<
  Record<
    "loss" | "logSumExp" | "targetLogProbability" | "gradientHidden" | "gradientWeight" | "gradientBias",
    T
  >
>;

/** A head whose logits have a standard deviation of about 3. */
export function randomHead(random: Random, rows: number, hidden: number, vocab: number): Head {
  return {
    hidden: normalRows(random, rows, hidden, 1),
    weight: normalRows(random, vocab, hidden, 3 / Math.sqrt(hidden)),
    bias: Float32Array.from(random.normals(vocab)),
    targets: Array.from({ length: rows }, () => random.integer(vocab)),
  };
}

/** The logits, and what those of each row may be off by, in ε₃₂. */
export function materialise({ hidden, weight, bias }: Head): { logits: Float64Array[]; slack: number[] } {
  const slack = hidden.map(() => 0);
  const logits = hidden.map((state, row) =>
    Float64Array.from(weight, (of, i) => {
      const addend = bias ? bias[i] : 0;
      let sum = 0, size = Math.abs(addend);
      for (let k = 0; k < state.length; k++) {
        const term = state[k] * of[k];
        sum += term;
        size += Math.abs(term);
      }
      if (Number.isFinite(size)) slack[row] = Math.max(slack[row], productSlack(state.length) * size);
      return sum + addend;
    })
  );
  return { logits, slack };
}

/** Losses, and the gradients of their sum times `scale`. */
export function expectLinear(head: Head, options: OracleOptions = {}): LinearResults<Expected> {
  const { logits, slack } = materialise(head), { hidden, weight, targets } = head, vocab = weight.length;
  const { softcap = 0, temperature = 1, zLoss = 0, classWeights = [1] } = options;
  const { loss, logSumExp, gradient } = expectLoss(logits, { ...options, targets });
  const errors = slack.map((error, row) => error / temperature + (loss.slack ? loss.slack[row] : 0));
  const twice = errors.map((error) => 2 * error), mass = Math.max(...Array.from(classWeights));
  const losses = twice.map((error, row) => error * (mass + zLoss * Math.abs(logSumExp.values[row])));
  const target = targets.map((target, row) =>
    target < 0 ? 0 : transform(logits[row], softcap, temperature)[target] - logSumExp.values[row]
  );
  const terms = Float64Array.from(gradient.terms ?? [], (term, i) => targets[Math.floor(i / vocab)] < 0 ? 0 : term);
  const off = terms.map((term, i) => elementError(term, twice[Math.floor(i / vocab)]));
  const product = (count: number, right: Rows, isTurned: boolean): Expected => {
    const times = (left: ArrayLike<number>, right: Rows) => multiply(left, targets.length, vocab, right, isTurned);
    const all = off.map((error, i) => error + productSlack(count) * terms[i]);
    const sizes = right.map((row) => Float64Array.from(row, Math.abs));
    return { rule: "sum", values: times(gradient.values, right), terms: times(all, sizes) };
  };
  return {
    loss: { rule: "reduction", values: loss.values, slack: losses },
    logSumExp: { rule: "reduction", values: logSumExp.values, slack: errors },
    targetLogProbability: { rule: "reduction", values: target, slack: twice },
    gradientHidden: product(vocab, weight, false),
    gradientWeight: product(targets.length, hidden, true),
    gradientBias: product(targets.length, targets.map(() => [1]), true),
  };
}

/** left·right, or leftᵀ·right, of a flat [rows, columns] left matrix. Nothing times what is infinite is nothing. */
export function multiply(
  left: ArrayLike<number>,
  rows: number,
  columns: number,
  right: Rows,
  isTurned: boolean,
): Float64Array {
  const width = right[0].length, product = new Float64Array((isTurned ? columns : rows) * width);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const factor = left[row * columns + column], of = right[isTurned ? row : column];
      if (factor === 0) continue;
      const start = (isTurned ? column : row) * width;
      for (let k = 0; k < width; k++) product[start + k] += factor * of[k];
    }
  }
  return product;
}

/** A head's states and weights, wherever they lie. */
export interface Factors {
  readonly hidden: Matrix;
  readonly weight: Matrix;
}

/** Calls linearCrossEntropy for one loss a row and new gradients unless `options` say otherwise. */
export async function linearLoss(
  head: Head,
  options: LinearCrossEntropyOptions<Reduction>,
  { hidden, weight }: Factors = { hidden: matrix(head.hidden), weight: matrix(head.weight) },
): Promise<LinearResults<Float32Array | Float64Array>> {
  const { bias, targets } = head;
  const settings = { reduction: "none", gradient: true, ignoreIndex: -1, bias, ...options } as const;
  const result = await linearCrossEntropy(hidden, weight, targets, settings);
  const { loss, logSumExp, targetLogProbability, gradientHidden, gradientWeight, gradientBias } = result;
  return {
    loss: typeof loss === "number" ? Float64Array.of(loss) : loss,
    logSumExp,
    targetLogProbability,
    gradientHidden: gradientHidden ? valuesOf(gradientHidden) : new Float32Array(0),
    gradientWeight: gradientWeight ? valuesOf(gradientWeight) : new Float32Array(0),
    gradientBias: gradientBias ?? new Float32Array(0),
  };
}

/** Asserts that everything is as near to what is expected as its rule asks. */
export function assertResults(found: object, expected: object, what: string): void {
  const results = new Map(Object.entries(found));
  for (const [name, value] of Object.entries(expected)) assertWithin(results.get(name), value, `${what}: ${name}`);
}

/** Results as they are to be, to the bit. */
export function same(results: object): object {
  return Object.fromEntries(Object.entries(results).map(([name, values]) => [name, { rule: "exact", values }]));
}
