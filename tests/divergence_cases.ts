/**
 * What the tests of klDivergence and jsDivergence share: expected divergences and gradients with their tolerances.
 *
 * @module
 */
import type { DivergenceResult, Matrix } from "../mod.ts";
import { type Rows, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { type Expected, slackOf } from "./tolerance.ts";

type Name = "divergence" | "gradientP" | "gradientQ";

/** Divergence and gradients of each row as flat arrays; a single number is one row. */
export function flatten(result: DivergenceResult): Record<Name, Float32Array | Float64Array> {
  const { divergence, gradientP, gradientQ } = result;
  const values = typeof divergence === "number" ? Float64Array.of(divergence) : divergence;
  return { divergence: values, gradientP: valuesOf(gradientP), gradientQ: valuesOf(gradientQ) };
}

/** KL(p ‖ q) by the oracle. */
export function expectKl(p: Rows, q: Rows, options: oracle.DivergenceOptions = {}): Record<Name, Expected> {
  const { divergence, gradientP, gradientQ } = oracle.klDivergence(p, q, options);
  const termsP = new Float64Array(gradientP.length), termsQ = new Float64Array(gradientP.length);
  eachClass(p, q, options, ({ i, row, P, Q, ratio, rounding, factor }) => {
    termsP[i] = factor * P * (1 + Math.abs(ratio) + rounding + divergence[row]);
    termsQ[i] = factor * (P * (1 + (Math.abs(ratio) <= 1 ? rounding : 0)) + Q);
  });
  return expectations(p, q, options, { divergence, gradientP, gradientQ, termsP, termsQ });
}

/** The Jensen–Shannon divergence by the oracle. */
export function expectJs(p: Rows, q: Rows, options: oracle.DivergenceOptions = {}): Record<Name, Expected> {
  const { divergence, gradientP, gradientQ } = oracle.jsDivergence(p, q, options);
  const { beta = 0.5 } = options;
  const termsP = new Float64Array(gradientP.length), termsQ = new Float64Array(gradientP.length);
  eachClass(p, q, options, ({ i, P, Q, ratio, rounding, factor }) => {
    // ln(P / m) and the two sides' own divergences are at most |d| and ln 1 / β, ln 1 / (1 − β).
    const size = 1 + Math.abs(ratio) + rounding;
    termsP[i] = factor * beta * P * (size - Math.log(beta));
    termsQ[i] = factor * (1 - beta) * Q * (size - Math.log(1 - beta));
  });
  return expectations(p, q, options, { divergence, gradientP, gradientQ, termsP, termsQ });
}

interface Class {
  /** Its place among those of all rows. */
  readonly i: number;
  readonly row: number;
  readonly P: number;
  readonly Q: number;
  /** ln P − ln Q. */
  readonly ratio: number;
  /** |xp − xq|, which is rounded to f32 before the normalisers are subtracted. */
  readonly rounding: number;
  /** What all gradients are multiplied by. */
  readonly factor: number;
}

function eachClass(p: Rows, q: Rows, options: oracle.DivergenceOptions, visit: (of: Class) => void): void {
  const { temperature = 1, scale = 1, input = 0, gradientScale } = options;
  const logits = (rows: Rows) => input === 1 ? rows.map((row) => Float64Array.from(row, Math.log)) : rows;
  const xp = logits(p), xq = logits(q);
  const ofP = oracle.softmax(xp, options), ofQ = oracle.softmax(xq, options);
  const columns = p[0].length;
  for (let i = 0; i < p.length * columns; i++) {
    const row = Math.floor(i / columns), column = i % columns;
    const ratio = ofP.logProbabilities[i] - ofQ.logProbabilities[i];
    const rounding = Math.abs(xp[row][column] - xq[row][column]) / temperature;
    const factor = Math.abs(scale * (gradientScale ? gradientScale[row] : 1)) / temperature;
    visit({ i, row, P: ofP.probabilities[i], Q: ofQ.probabilities[i], ratio, rounding, factor });
  }
}

function expectations(
  p: Rows,
  q: Rows,
  options: oracle.DivergenceOptions,
  of: Record<Name | "termsP" | "termsQ", ArrayLike<number>>,
): Record<Name, Expected> {
  const other = slackOf(q, options);
  const slack = slackOf(p, options)?.map((value, row) => value + (other?.[row] ?? 0));
  return {
    divergence: { rule: "divergence", values: of.divergence, slack },
    gradientP: { rule: "element", values: of.gradientP, terms: of.termsP, slack },
    gradientQ: { rule: "element", values: of.gradientQ, terms: of.termsQ, slack },
  };
}

/** A matrix that has one row for all. */
export function repeated(single: Matrix, rows: number): Matrix {
  return { ...single, shape: [rows, single.shape[1]], rowStride: 0 };
}
