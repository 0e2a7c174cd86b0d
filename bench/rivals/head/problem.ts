/** A language model's head: what to compute, and what it must come to. */
import { fraction } from "../../cases.ts";

/** States, classes' weights, and the class of each state. */
export interface Head {
  readonly rows: number;
  /** Numbers of a state. */
  readonly hidden: number;
  readonly vocab: number;
  /** [rows, hidden]. */
  readonly states: Float32Array;
  /** [vocab, hidden]. */
  readonly weight: Float32Array;
  readonly targets: Int32Array;
}

/** The sizes of a head: rows, hidden, vocab. */
export type HeadShape = readonly [rows: number, hidden: number, vocab: number];

/** The shape of "512x768x50257"; undefined if it is none. */
export function parseHead(text: string): HeadShape | undefined {
  const sizes = text.split("x").map(Number);
  return sizes.length === 3 && sizes.every((size) => Number.isInteger(size) && size > 0)
    ? [sizes[0], sizes[1], sizes[2]]
    : undefined;
}

/** Numbers that look random: logits within about ±5. */
export function makeHead([rows, hidden, vocab]: HeadShape): Head {
  const states = Float32Array.from({ length: rows * hidden }, (_, i) => 2 * fraction(i * 0.618034) - 1);
  const weight = new Float32Array(vocab * hidden), scale = 6 / Math.sqrt(hidden);
  for (let i = 0; i < weight.length; i++) weight[i] = scale * (fraction(i * 0.754878) - 0.5);
  return {
    rows,
    hidden,
    vocab,
    states,
    weight,
    targets: Int32Array.from({ length: rows }, (_, i) => i * 7919 % vocab),
  };
}

/** Rows whose loss is computed in f64. */
const CHECKED_ROWS = 8;

/** The losses of a few rows in f64, by their indices. */
export function expectLosses({ rows, hidden, vocab, states, weight, targets }: Head): ReadonlyMap<number, number> {
  const chosen = Array.from({ length: Math.min(rows, CHECKED_ROWS) }, (_, i) => Math.floor(i * rows / CHECKED_ROWS));
  return new Map(chosen.map((row) => {
    const logits = new Float64Array(vocab);
    for (let v = 0; v < vocab; v++) {
      for (let k = 0; k < hidden; k++) logits[v] += states[row * hidden + k] * weight[v * hidden + k];
    }
    const max = logits.reduce((a, b) => Math.max(a, b));
    return [row, max - logits[targets[row]] + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - max), 0))];
  }));
}
