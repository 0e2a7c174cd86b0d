/** What the library says of each pair of rows of two files. */
import {
  jsDivergence,
  klDivergence,
  type Matrix,
  softmax,
  type TargetStatisticsResult,
  tokenStatistics,
  type TokenStatisticsResult,
} from "../../../../mod.ts";
import type { Block } from "../blocks.ts";
import type { Manner } from "../evaluation.ts";
import type { Floor } from "../floor.ts";
import { pick, placesOf, type Targets } from "../targets.ts";

/** How many of the likeliest tokens are held together. */
export const TOP = 5;

/** Numbers of the rows that count. */
export interface CompareRows {
  /** Which rows of the files they are. */
  readonly rows: Float64Array;
  /** D(base ‖ other), in nats. */
  readonly forward: Float32Array;
  /** D(other ‖ base), in nats. */
  readonly reverse: Float32Array;
  /** The Jensen–Shannon divergence, in nats. */
  readonly jensenShannon: Float32Array;
  /** The divergence that storing the base costs, in nats. */
  readonly floor: Float32Array;
  /** The likeliest token of each. */
  readonly likeliest: readonly [base: Int32Array, other: Int32Array];
  /** How many of the likeliest tokens are of both. */
  readonly shared: Uint8Array;
  /** The probability of the likeliest token of each. */
  readonly confidence: readonly [base: Float64Array, other: Float64Array];
  /** Of the token that came, where it is known. */
  readonly targets?: TargetRows;
}

/** Numbers of the tokens that came. */
export interface TargetRows {
  /** Whether no token is likelier, by each file: 1 or 0. */
  readonly correct: readonly [base: Uint8Array, other: Uint8Array];
  /** −ln p of each file, in nats. */
  readonly loss: readonly [base: Float32Array, other: Float32Array];
  /** p of the other file less p of the base. */
  readonly deltaProbability: Float32Array;
}

const NONE = new Int32Array();

/** Compares the rows of a block. `scratch` has room for their probabilities. */
export async function compareRows(
  block: Block,
  targets: Targets,
  manner: Manner,
  floor: Floor,
  scratch: Matrix<Float32Array>,
): Promise<CompareRows> {
  const { logits: [base, other], rows } = block, [, vocab] = base.shape, top = Math.min(TOP, vocab);
  // Where there are no targets, what is said of class 0 is not looked at
  const classes = targets.classes ?? new Int32Array(rows);
  const one = await tokenStatistics(base, classes, { ...manner, top });
  const two = await tokenStatistics(other, classes, { ...manner, top });
  const out = { data: scratch.data.subarray(0, rows * vocab), shape: [rows, vocab] as const };
  await softmax(base, { ...manner, out });
  const each = { ...manner, reduction: "none" } as const;
  const [forward, floors] = await Promise.all([
    klDivergence(base, other, each),
    floorsOf(base, out.data, floor, block.spacings), // while threads are at the divergence
  ]);
  const reverse = await klDivergence(base, other, { ...each, direction: "reverse" });
  const jensenShannon = await jsDivergence(base, other, each);
  return {
    rows: placesOf(block, targets),
    forward: pick(forward.divergence, targets),
    reverse: pick(reverse.divergence, targets),
    jensenShannon: pick(jensenShannon.divergence, targets),
    floor: pick(floors, targets),
    likeliest: [pick(one.argmax, targets), pick(two.argmax, targets)],
    shared: pick(countShared(one, two, rows), targets),
    confidence: [pick(confidences(one, rows), targets), pick(confidences(two, rows), targets)],
    ...targets.classes && { targets: targetRows(targets, one, two) },
  };
}

function floorsOf(base: Matrix, p: Float32Array, floor: Floor, spacings: Float32Array | undefined): Float32Array {
  const { data, shape: [rows, vocab], rowStride = vocab } = base;
  return Float32Array.from({ length: rows }, (_, row) => {
    const logits = data.subarray(row * rowStride, row * rowStride + vocab);
    return floor.ofRow(p.subarray(row * vocab, (row + 1) * vocab), logits, spacings?.[row]);
  });
}

function countShared(base: TokenStatisticsResult, other: TokenStatisticsResult, rows: number): Uint8Array {
  const { topTokens: ours = NONE } = base, { topTokens: theirs = NONE } = other, top = ours.length / rows;
  return Uint8Array.from({ length: rows }, (_, row) => {
    const [one, two] = [ours, theirs].map((tokens) => tokens.subarray(row * top, (row + 1) * top));
    return one.filter((token) => two.includes(token)).length;
  });
}

function confidences({ topLogProbabilities = new Float32Array() }: TokenStatisticsResult, rows: number): Float64Array {
  const top = topLogProbabilities.length / rows;
  return Float64Array.from({ length: rows }, (_, row) => Math.exp(topLogProbabilities[row * top]));
}

function targetRows(targets: Targets, base: TargetStatisticsResult, other: TargetStatisticsResult): TargetRows {
  const [one, two] = [base, other].map(({ targetLogProbability }) => pick(targetLogProbability, targets));
  const [ours, theirs] = [base, other].map(({ rank }) =>
    Uint8Array.from(pick(rank, targets), (place) => place === 1 ? 1 : 0)
  );
  return {
    correct: [ours, theirs],
    loss: [one.map((value) => 0 - value), two.map((value) => 0 - value)],
    deltaProbability: two.map((value, i) => Math.exp(value) - Math.exp(one[i])),
  };
}
