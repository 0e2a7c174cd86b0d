/**
 * The tolerances, all of them. ε₃₂ = 2⁻²³.
 *
 * @module
 */
import { fail } from "@std/assert";
import type { DType } from "../mod.ts";
import type { Transformation } from "./oracle.ts";

/** The distance from 1 to the next f32. */
export const EPSILON = 2 ** -23;

/** K of the contract for reductions: |error| ≤ ε₃₂·(K + |value|), whatever the vocabulary. */
const REDUCTION = 4;

/**
 * ε₃₂ of a probability beyond those of its exponent: 4 for the sum it is divided by (that of the reductions: an error of
 * ln sum is a relative error of sum), 0.9 for the polynomial of e^r, 0.5 each for the scale 1 / sum and its product.
 */
const ELEMENT = 6;

/** Relative accuracy of divergences down to {@link SMALLEST_DIVERGENCE}. */
const DIVERGENCE = 1e-5;
const SMALLEST_DIVERGENCE = 1e-8;

/** Probabilities below the smallest normal f32 may be 0. */
const FLUSHED = 2 ** -126;

/** Half a unit in the last place, relative, and of the smallest denormal: what storing in a dtype adds. */
const ROUNDING: Readonly<Record<DType, readonly [relative: number, absolute: number]>> = {
  f32: [0, 0],
  f16: [2 ** -11, 2 ** -25],
  bf16: [2 ** -8, 2 ** -134],
};

/** Values, and what may separate a computed number from them. */
export interface Expected {
  /**
   * "reduction": one number a row. "divergence": one number a row that is accurate relative to itself. "element":
   * probabilities and sums of a few of them, like gradients. "sum": elements of a matrix product. "exact": counts and
   * indices.
   */
  readonly rule: "reduction" | "divergence" | "element" | "sum" | "exact";
  /** In f64. */
  readonly values: ArrayLike<number>;
  /**
   * For elements: the sum of the magnitudes of the terms that cancel in each; the values themselves unless given. For sums:
   * the sum of what each of their terms may be off by, in ε₃₂.
   */
  readonly terms?: ArrayLike<number>;
  /** Absolute errors of the logits of each row, in ε₃₂: see {@linkcode slackOf}. */
  readonly slack?: ArrayLike<number>;
  /** How the elements are stored. */
  readonly dtype?: DType;
}

/** Asserts that each number is as near to the expected one as its rule asks; the same where that is not finite. */
export function assertWithin(actual: ArrayLike<number>, expected: Expected, what: string): void {
  const { values } = expected;
  if (actual.length !== values.length) fail(`${what}: ${actual.length} numbers, not ${values.length}`);
  for (let i = 0; i < values.length; i++) {
    if (Object.is(actual[i], values[i]) || (actual[i] === 0 && values[i] === 0)) continue;
    const error = Math.abs(actual[i] - values[i]);
    const bound = boundOf(expected, i);
    if (!(error <= bound)) fail(`${what}[${i}] is ${actual[i]}, not ${values[i]}: off by ${error}, more than ${bound}`);
  }
}

function boundOf({ rule, values, terms = values, slack, dtype = "f32" }: Expected, i: number): number {
  if (rule === "exact") return 0;
  const size = Math.abs(values[i]);
  const extra = slack ? slack[Math.floor(i * slack.length / values.length)] : 0;
  const reduction = EPSILON * (REDUCTION + size + extra);
  if (rule === "divergence") {
    return Math.min(reduction, DIVERGENCE * Math.max(size, SMALLEST_DIVERGENCE) + EPSILON * extra);
  }
  const [relative, absolute] = ROUNDING[dtype];
  const storing = relative * size + absolute;
  if (rule === "reduction") return reduction + storing;
  return EPSILON * (rule === "sum" ? terms[i] : elementError(Math.abs(terms[i]), extra)) + FLUSHED + storing;
}

/** What an element whose terms are of this magnitude may be off by, in ε₃₂; `slack` is that of its row's logits. */
export function elementError(term: number, slack: number): number {
  // The exponent x − max is rounded to f32, half an ε₃₂ of itself; it is no farther from 0 than the logarithm of p.
  const exponent = term > FLUSHED && term < 1 ? -Math.log(term) / 2 : 0;
  return (ELEMENT + exponent + slack) * term;
}

/**
 * What a sum of `count` products in f32 may be off by, in ε₃₂ of the sum of their magnitudes: each addition is off by at
 * most half an ε₃₂ of that, and they add up as the steps of a random walk do; another ε₃₂ for the products and for what is
 * added last.
 */
export function productSlack(count: number): number {
  return 1 + Math.sqrt(count) / 2;
}

/**
 * The slack of each row under a soft cap or a temperature: the transformed logits are f32 numbers, so each is off by half
 * an ε₃₂ of itself for the division, and by three for the tanh, as in the textbook's formula.
 */
export function slackOf(rows: readonly ArrayLike<number>[], transformation: Transformation): number[] | undefined {
  const { softcap, temperature = 1 } = transformation;
  if (softcap === undefined && temperature === 1) return undefined;
  return rows.map((row) => {
    let largest = 0;
    for (let i = 0; i < row.length; i++) if (Number.isFinite(row[i])) largest = Math.max(largest, Math.abs(row[i]));
    return (softcap === undefined ? largest : 4 * Math.min(largest, softcap)) / temperature;
  });
}

/** Asserts that two outputs are bit-identical; all NaN are one. */
export function assertSame(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  if (actual.length !== expected.length) fail(`${what}: ${actual.length} numbers, not ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) fail(`${what}[${i}] is ${actual[i]}, not the same as ${expected[i]}`);
  }
}
