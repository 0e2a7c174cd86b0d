/**
 * What evaluations are held against: plain arithmetic in f64, and small files.
 *
 * @module
 */
import { assert } from "@std/assert";
import { Random } from "./random.ts";

/** Softmax of logits over a temperature. */
export function probabilitiesOf(logits: ArrayLike<number>, temperature = 1): Float64Array {
  const scaled = Float64Array.from(logits, (value) => value / temperature);
  const max = scaled.reduce((max, value) => Math.max(max, value), -Infinity);
  const weights = scaled.map((value) => Math.exp(value - max));
  const sum = weights.reduce((sum, value) => sum + value, 0);
  return weights.map((value) => value / sum);
}

/** Σ p·ln(p / q), as Σ p·(d + e^(−d) − 1) with d = ln(p / q): no digits cancel. */
export function divergenceOf(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, value, i) => {
    if (value === 0) return sum + q[i];
    const d = Math.log(value / q[i]);
    return sum + value * (d + Math.expm1(-d));
  }, 0);
}

/** Rows of logits: mostly noise, with a token that stands out more or less. */
export function makeRows(seed: number, rows: number, vocab: number): number[][] {
  const random = new Random(seed);
  return Array.from({ length: rows }, () => {
    const row = random.normals(vocab, 2);
    row[random.integer(vocab)] += 12 * random.uniform();
    return row;
  });
}

/** A target for each row: one of the likeliest tokens, as a rule. */
export function makeTargets(seed: number, rows: readonly (readonly number[])[]): number[] {
  const random = new Random(seed);
  return rows.map((row) => {
    const order = [...row.keys()].sort((a, b) => row[b] - row[a]);
    return order[random.uniform() < 0.5 ? 0 : random.integer(Math.min(20, row.length))];
  });
}

/** What is in numbers after they are stored. */
export function rounded(rows: readonly (readonly number[])[], dtype: "f32" | "f16" | "bf16"): number[][] {
  const round = { f32: Math.fround, f16: (value: number) => Float16Array.of(value)[0], bf16: roundToBf16 }[dtype];
  return rows.map((row) => row.map(round));
}

function roundToBf16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = ((bits[0] + 0x7fff + (bits[0] >>> 16 & 1)) >>> 16) << 16;
  return new Float32Array(bits.buffer)[0];
}

/** Mean, and standard error. */
export function estimateOf(values: readonly number[]): { mean: number; standardError: number } {
  const mean = meanOf(values),
    variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, standardError: Math.sqrt(variance / values.length) };
}

/** The mean. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What a row says of a target. */
export function rowScore(row: readonly number[], target: number, temperature = 1) {
  const p = probabilitiesOf(row, temperature), confidence = Math.max(...p);
  return {
    loss: -Math.log(p[target]),
    probability: p[target],
    entropy: -p.reduce((sum, value) => sum + (value === 0 ? 0 : value * Math.log(value)), 0),
    rank: 1 + row.filter((value) => value > row[target]).length,
    confidence,
    correct: p[target] === confidence ? 1 : 0,
    brier: p.reduce((sum, value, token) => sum + (value - (token === target ? 1 : 0)) ** 2, 0),
  };
}

/** Σ |correct − confidence| of bins, over all rows. */
export function calibrationErrorOf(
  scores: readonly { readonly confidence: number; readonly correct: number }[],
  bins: number,
) {
  const gaps = new Float64Array(bins);
  for (const { confidence, correct } of scores) {
    gaps[Math.ceil(bins * confidence) - 1] += correct - confidence;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / scores.length;
}

/** Whether numbers agree to so much of themselves. */
export function assertClose(found: unknown, expected: number, what: string, tolerance = 2e-5): void {
  const error = Math.abs(Number(found) - expected);
  assert(error <= tolerance * Math.max(Math.abs(expected), 1e-4), `${what}: ${found} is not ${expected}`);
}
