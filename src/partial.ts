/**
 * Mergeable partials: what a shard of the vocabulary says of each row, so that shards on several machines add up to the
 * whole. Plain data; merging is associative up to rounding. Nothing is checked here.
 *
 * @module
 */

/** The operations whose reductions can be split over the vocabulary. */
export type PartialKind = "logSumExp" | "crossEntropy" | "klDivergence";

/** What a shard knows of each row: `mergePartials` joins them, `finishPartials` ends them. */
export interface Partial<Kind extends PartialKind = PartialKind> {
  /** Which operation it belongs to. */
  readonly kind: Kind;
  /** How many rows. */
  readonly rows: number;
  /**
   * [rows, columns]. Of logSumExp: max, Σ e^(x − max). Of crossEntropy: those, the target's logit (−∞ until its shard has
   * come, NaN in an ignored row), Σ t·(x − max) and Σ t for the share t that label smoothing gives each class. Of
   * klDivergence: max and sum of p, max and sum of q, the divergence of the two distributions within the shard, and ln of
   * p's Σ e^x over q's, which is known better than from the sums where the two are near.
   */
  readonly values: Float64Array;
  /** The label smoothing of a cross-entropy; 0 for the others. */
  readonly labelSmoothing: number;
}

/** What `finishPartials` returns for each kind: one number a row, in nats. */
export interface Finished {
  /** ln Σ e^x. */
  readonly logSumExp: { readonly logSumExp: Float64Array };
  /** Loss, ln Σ e^x, and 1 where the target is a most likely class. */
  readonly crossEntropy: {
    readonly loss: Float64Array;
    readonly logSumExp: Float64Array;
    readonly hit: Int32Array;
  };
  /** D(p ‖ q), and ln Σ e^x of both. */
  readonly klDivergence: {
    readonly divergence: Float64Array;
    readonly logSumExpP: Float64Array;
    readonly logSumExpQ: Float64Array;
  };
}

/** Columns of the values of each kind. */
export const COLUMNS: Readonly<Record<PartialKind, number>> = { logSumExp: 2, crossEntropy: 5, klDivergence: 6 };

/** One row of `values`. */
type Row = Float64Array;

const MERGES: Readonly<Record<PartialKind, (a: Row, b: Row) => ArrayLike<number>>> = {
  logSumExp: mergeSums,
  crossEntropy: mergeCrossEntropy,
  klDivergence: mergeDivergence,
};

/** Joins two partials of one kind and of the same rows. */
export function merge<Kind extends PartialKind>(a: Partial<Kind>, b: Partial<Kind>): Partial<Kind> {
  const values = new Float64Array(a.values.length);
  for (let row = 0; row < a.rows; row++) {
    values.set(MERGES[a.kind](rowOf(a, row), rowOf(b, row)), row * COLUMNS[a.kind]);
  }
  return { ...a, values };
}

/** The results of a partial to which no shard is missing. */
export function finish<Kind extends PartialKind>(partial: Partial<Kind>): Finished[Kind] {
  const { kind, rows, labelSmoothing } = partial;
  const each = (f: (row: Row) => number) => Float64Array.from({ length: rows }, (_, row) => f(rowOf(partial, row)));
  const finishers: { readonly [K in PartialKind]: () => Finished[K] } = {
    logSumExp: () => ({ logSumExp: each(logSumExpOf) }),
    crossEntropy: () => ({
      loss: each((row) => lossOf(row, labelSmoothing)),
      logSumExp: each((row) => isIgnored(row) ? 0 : logSumExpOf(row)),
      hit: Int32Array.from(each(([max, sum, target]) => sum !== 0 && target === max ? 1 : 0)),
    }),
    klDivergence: () => ({
      divergence: each(([, sumP, , sumQ, divergence]) => sumP > 0 && sumQ > 0 ? divergence : NaN),
      logSumExpP: each(logSumExpOf),
      logSumExpQ: each((row) => logSumExpOf(row.subarray(2))),
    }),
  };
  return finishers[kind]();
}

function rowOf({ kind, values }: Partial, row: number): Row {
  return values.subarray(row * COLUMNS[kind], (row + 1) * COLUMNS[kind]);
}

function logSumExpOf([max, sum]: Row): number {
  return max + Math.log(sum);
}

function isIgnored([, sum, target]: Row): boolean {
  return sum === 0 && Number.isNaN(target);
}

/** (1 − α)·(lse − x_target) + Σ t·(lse − x), each lse as max + ln sum. */
function lossOf(row: Row, labelSmoothing: number): number {
  const [max, sum, target, shifted, mass] = row;
  if (isIgnored(row)) return 0;
  if (!(sum > 0)) return NaN;
  const smooth = mass === 0 ? 0 : mass * Math.log(sum) - shifted;
  return (1 - labelSmoothing) * (max - target + Math.log(sum)) + smooth;
}

/** A sum against another maximum; nothing stays nothing, whatever its maximum. */
function scaled(sum: number, max: number, top: number): number {
  return sum === 0 || max === top ? sum : sum * Math.exp(max - top);
}

function mergeSums([maxA, sumA]: Row, [maxB, sumB]: Row): [max: number, sum: number] {
  const top = Math.max(maxA, maxB);
  return [top, scaled(sumA, maxA, top) + scaled(sumB, maxB, top)];
}

function mergeCrossEntropy(a: Row, b: Row): number[] {
  const [max, sum] = mergeSums(a, b);
  const shifted = (row: Row) => row[4] === 0 ? 0 : row[3] + (row[0] - max) * row[4];
  return [max, sum, Math.max(a[2], b[2]), shifted(a) + shifted(b), a[4] + b[4]];
}

/**
 * The chain rule: D(P ‖ Q) is the divergence of the shards' masses plus Σ (mass of P there)·(divergence within), and the
 * first again as Σ w·(d + e^(−d) − 1), whose terms are not negative.
 */
function mergeDivergence(a: Row, b: Row): number[] {
  const [maxP, sumP] = mergeSums(a, b), [maxQ, sumQ] = mergeSums(a.subarray(2), b.subarray(2));
  const step = a[5] - b[5];
  const empty = [a, b].find((row) => row[1] === 0 && row[3] === 0);
  // As a difference of logarithms of sums it would have the sums' rounding: where the gaps are near, only they count.
  const total = empty
    ? (empty === a ? b : a)[5]
    : Math.abs(step) < 1
    ? a[5] - Math.log1p(scaled(b[1], b[0], maxP) / sumP * Math.expm1(step))
    : maxP - maxQ + Math.log(sumP / sumQ);
  const part = (row: Row) => {
    const [rowMaxP, massP, rowMaxQ, massQ, within, gap] = row;
    const w = scaled(massP, rowMaxP, maxP) / sumP, v = scaled(massQ, rowMaxQ, maxQ) / sumQ;
    if (massP === 0) return massQ === 0 ? 0 : v;
    if (massQ === 0 || within === Infinity) return Infinity;
    return w === 0 ? v : w * within + bregman(w, v, gap - total);
  };
  return [maxP, sumP, maxQ, sumQ, part(a) + part(b), total];
}

/** w·(d + e^(−d) − 1) where v = w·e^(−d): from d alone where the rounding of v would show, by its series where terms cancel. */
function bregman(w: number, v: number, d: number): number {
  if (Math.abs(d) < 0.01) return w * d * d * (1 / 2 - d * (1 / 6 - d * (1 / 24 - d * (1 / 120 - d / 720))));
  return Math.abs(d) <= 1 ? w * (d + Math.expm1(-d)) : w * d + (v - w);
}
