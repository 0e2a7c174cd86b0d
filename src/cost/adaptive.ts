/**
 * What an adaptive softmax costs (Grave et al., arXiv:1609.04309): rare classes in clusters of their own.
 *
 * Classes are sorted by falling frequency. The head has the first and a column for each tail cluster. Before the tail's
 * cluster i, counted from 1, comes a projection to hidden / divValue^i, at least 1: the layout of PyTorch's
 * AdaptiveLogSoftmaxWithLoss, without biases.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";
import { checkCutoffs, product } from "./head.ts";

/** Options of {@linkcode bestCutoffs}. */
export interface ClusterOptions {
  /** Classes. */
  readonly vocab: number;
  /** Width of the hidden states. Without it costs are counted in logits: each is one flop and one parameter. */
  readonly hidden?: number;
  /** The most tail clusters that a search may choose, from 0 to 64; 2 unless given, which makes three with the head. */
  readonly clusters?: number;
  /** How many times narrower than its predecessor each cluster is, from 1 on; 4 unless given. */
  readonly divValue?: number;
  /** The exponent of Zipf's law, from 0 for classes that are all alike to 10; 1 unless given. */
  readonly exponent?: number;
  /** How often each class occurs, in any order; Zipf's law unless given. */
  readonly counts?: ArrayLike<number>;
  /** What starting a tail cluster's product costs, spread over the rows of a batch: flops per row; 0 unless given. */
  readonly fixedFlops?: number;
}

/** Options of {@linkcode adaptiveSoftmax}. */
export interface AdaptiveOptions extends ClusterOptions {
  /** Where the head's classes and all clusters but the last end, rising, below `vocab`; the best unless given. */
  readonly cutoffs?: readonly number[];
}

/** A tail cluster. */
export interface AdaptiveCluster {
  /** The probability that a row's target is in it. */
  readonly share: number;
  /** Its classes. */
  readonly columns: number;
  /** The width that hidden states are projected to; 1 where `hidden` is not given. */
  readonly width: number;
}

/** How classes are divided. */
export interface AdaptiveLayout {
  /** Where the head's classes and all clusters but the last end; none where all classes are in the head. */
  readonly cutoffs: readonly number[];
  /** Classes of the head, and a column for each tail cluster. */
  readonly headColumns: number;
  /** The tail, from frequent to rare. */
  readonly clusters: readonly AdaptiveCluster[];
  /** Columns that a row is expected to evaluate: headColumns + Σ share · columns. */
  readonly logitsPerRow: number;
}

/** What an adaptive softmax costs, and what the full one would. */
export interface AdaptiveCost extends AdaptiveLayout {
  /** The probability that a row's target is among the head's own classes, then in each cluster; they sum to 1. */
  readonly shares: readonly number[];
  /** Flops that a row is expected to take, two for each multiplication and addition. */
  readonly flopsPerRow: number;
  /** Those of the full softmax: 2 · hidden · vocab. */
  readonly fullFlopsPerRow: number;
  /** fullFlopsPerRow / flopsPerRow. */
  readonly speedup: number;
  /** Weights of the head, the projections and the clusters. */
  readonly parameters: number;
  /** Those of the full softmax: hidden · vocab. */
  readonly fullParameters: number;
}

/**
 * The expected cost of an adaptive softmax, forward: a cluster is paid for by the rows whose targets lie in it.
 *
 * flopsPerRow = 2 · hidden · headColumns + Σ (share · 2 · width · (hidden + columns) + fixedFlops) over tail clusters.
 * This is what training takes; all of a row's probabilities need every cluster. In a vocabulary smaller than `hidden`
 * one class more may cost less, where it moves targets behind a narrower projection.
 *
 * @param options Sizes, frequencies and cutoffs.
 * @returns Shares from 0 to 1; columns, flops and parameters. Without `hidden`, flops and parameters are logits.
 * @throws {TypeError} If a number is missing or not one, counts are not one for each class, or a name is unknown.
 * @throws {RangeError} If a number is out of range, cutoffs do not rise, or a cost is beyond 2^53 − 1.
 *
 * @example GPT-2's vocabulary in three clusters
 * ```ts
 * import { adaptiveSoftmax } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const { headColumns, clusters, speedup } = adaptiveSoftmax({ vocab: 50_257, hidden: 768, cutoffs: [2000, 10_000] });
 * assertEquals([headColumns, clusters.map(({ width }) => width)], [2002, [192, 48]]);
 * assertEquals(Math.round(speedup), 19);
 * ```
 */
export function adaptiveSoftmax(options: AdaptiveOptions): AdaptiveCost {
  const check = new ValueChecker("compute adaptiveSoftmax");
  const { cutoffs, ...others } = check.bag<AdaptiveOptions>(options, [...NAMES, "cutoffs"]);
  const model = checkModel(check, others), { vocab, hidden, cellFlops, fixedFlops } = model;
  const layout = layOut(model, cutoffs === undefined ? search(model) : checkCutoffs(check, cutoffs, vocab));
  const { clusters, headColumns } = layout, headWeights = hidden * headColumns;
  const weights = clusters.map(({ columns, width }, i) => model.projectionOf(i + 1) + width * columns);
  const expected = clusters.reduce((sum, { share }, i) => sum + share * weights[i], headWeights);
  const flopsPerRow = cellFlops * expected + fixedFlops * clusters.length;
  const fullFlopsPerRow = cellFlops * hidden * vocab;
  return {
    ...layout,
    shares: [model.shareUpTo(layout.cutoffs[0] ?? vocab), ...clusters.map(({ share }) => share)],
    flopsPerRow,
    fullFlopsPerRow,
    speedup: fullFlopsPerRow / flopsPerRow,
    parameters: product(check, "the number of parameters", weights.reduce((sum, of) => sum + of, headWeights)),
    fullParameters: hidden * vocab,
  };
}

/**
 * The cutoffs of least expected flops, of at most `clusters` tail clusters: fewer, or none, where more would not pay.
 *
 * By dynamic programming. With counts over every cutoff: the optimum, in time of order clusters · vocab · log vocab.
 * Under Zipf's law over cutoffs that rise by a thirty-second, all there are up to 64, then over ever closer neighbours
 * of the best until none is cheaper.
 *
 * It weighs flops alone: with `divValue` above 1 these favour a small head and narrow clusters, at quality's expense.
 *
 * @param options Sizes and frequencies.
 * @returns Rising class numbers, as `cutoffs` of {@linkcode adaptiveSoftmax}.
 * @throws {TypeError} If a number is missing or not one, counts are not one for each class, or a name is unknown.
 * @throws {RangeError} If a number is out of range, or a cost is beyond 2^53 − 1.
 *
 * @example
 * ```ts
 * import { adaptiveSoftmax, bestCutoffs } from "@surprisal/core/cost";
 * import { assertLess } from "@std/assert";
 *
 * const sizes = { vocab: 50_257, hidden: 768 };
 * const best = adaptiveSoftmax({ ...sizes, cutoffs: bestCutoffs(sizes) });
 * assertLess(best.flopsPerRow, 0.8 * adaptiveSoftmax({ ...sizes, cutoffs: [2000, 10_000] }).flopsPerRow);
 * ```
 */
export function bestCutoffs(options: ClusterOptions): readonly number[] {
  const check = new ValueChecker("compute bestCutoffs");
  return search(checkModel(check, check.bag<ClusterOptions>(options, NAMES)));
}

/** The layout of checked sizes under Zipf's law: by cutoffs, or by those of two tail clusters with fewest logits. */
export function layoutOf(vocab: number, cutoffs: readonly number[] | undefined): AdaptiveLayout {
  const model = checkModel(new ValueChecker("lay out clusters"), { vocab });
  return layOut(model, cutoffs ?? search(model));
}

const NAMES = ["vocab", "hidden", "clusters", "divValue", "exponent", "counts", "fixedFlops"];

/** What costs follow from. */
interface Model {
  readonly vocab: number;
  /** 1 where it is not given. */
  readonly hidden: number;
  readonly clusters: number;
  /** Flops of a weight in a row. */
  readonly cellFlops: number;
  readonly fixedFlops: number;
  /** The width of a cluster, counted from 1. */
  readonly widthOf: (cluster: number) => number;
  /** The weights of its projection. */
  readonly projectionOf: (cluster: number) => number;
  /** Whether frequencies are counts, so that no law tells where cutoffs are not worth a try. */
  readonly isCounted: boolean;
  /** The share of the most frequent classes, as many as are asked for. */
  readonly shareUpTo: (classes: number) => number;
}

function checkModel(check: ValueChecker, options: Partial<ClusterOptions>): Model {
  const vocab = check.number("vocab", options.vocab, { least: 1, integer: true });
  const { counts } = options, isWide = options.hidden !== undefined, cellFlops = isWide ? 2 : 1;
  const hidden = check.number("hidden", options.hidden, { fallback: 1, least: 1, integer: true });
  const clusters = check.number("clusters", options.clusters, { fallback: 2, least: 0, most: 64, integer: true });
  const divValue = check.number("divValue", options.divValue, { fallback: 4, least: 1 });
  const exponent = check.number("exponent", options.exponent, { fallback: 1, least: 0, most: 10 });
  const fixedFlops = check.number("fixedFlops", options.fixedFlops, { fallback: 0, least: 0 });
  product(check, "the flops of the full softmax", cellFlops, hidden, vocab);
  const widthOf = (cluster: number) => projectedSize(hidden, divValue, cluster);
  return {
    vocab,
    hidden,
    clusters,
    cellFlops,
    fixedFlops,
    widthOf,
    projectionOf: (cluster) => isWide ? hidden * widthOf(cluster) : 0,
    isCounted: counts !== undefined,
    shareUpTo: counts === undefined ? zipfShares(vocab, exponent) : countedShares(check, counts, vocab),
  };
}

/** The width of a cluster, counted from 1: Python's `hidden // divValue**cluster`, exact, but 1 at least. */
export function projectedSize(hidden: number, divValue: number, cluster: number): number {
  const power = divValue ** cluster;
  return Math.max(1, Math.round((hidden - hidden % power) / power));
}

/** Classes whose frequencies are added one by one: after so many, two terms of a correction are right to 1e-13. */
const ADDED = 512;

/** Shares under Zipf's law, whose sums Euler and Maclaurin's formula gives: Σ k^−s for k from a + 1 to b. */
function zipfShares(vocab: number, exponent: number): (classes: number) => number {
  const sums = [0];
  for (let k = 1; k <= Math.min(vocab, ADDED); k++) sums.push(sums[k - 1] + k ** -exponent);
  const power = 1 - exponent;
  const integral = (x: number) => {
    const log = Math.log(x / ADDED);
    return power === 0 ? log : ADDED ** power * Math.expm1(power * log) / power;
  };
  const correction = (x: number) => x ** -exponent * (1 / 2 - exponent / 12 / x);
  const sum = (x: number) => x <= ADDED ? sums[x] : sums[ADDED] + integral(x) + correction(x) - correction(ADDED);
  const total = sum(vocab);
  return (classes) => sum(classes) / total;
}

/** Shares by counts. */
function countedShares(check: ValueChecker, counts: ArrayLike<number>, vocab: number): (classes: number) => number {
  const length = typeof counts === "object" ? counts?.length : undefined;
  if (length !== vocab) throw check.typeError(`counts has ${length ?? "no"} elements, vocab is ${vocab}`);
  const all = Array.from(counts), wrong = all.findIndex((count) => !(typeof count === "number" && count >= 0));
  if (wrong >= 0) check.number(`counts[${wrong}]`, all[wrong], { least: 0 });
  const rising = Float64Array.from(all).sort(), sums = new Float64Array(vocab + 1);
  for (let k = 1; k <= vocab; k++) sums[k] = sums[k - 1] + rising[vocab - k];
  const total = check.number("the sum of counts", sums[vocab], { above: 0 });
  return (classes) => sums[classes] / total;
}

function layOut(model: Model, cutoffs: readonly number[]): AdaptiveLayout {
  const { vocab, widthOf, shareUpTo } = model;
  const clusters = cutoffs.map((begin, i) => {
    const end = cutoffs[i + 1] ?? vocab;
    return { share: shareUpTo(end) - shareUpTo(begin), columns: end - begin, width: widthOf(i + 1) };
  });
  const headColumns = (cutoffs[0] ?? vocab) + clusters.length;
  const logitsPerRow = clusters.reduce((sum, { share, columns }) => sum + share * columns, headColumns);
  return { cutoffs, headColumns, clusters, logitsPerRow };
}

/** How far apart cutoffs are at first; neighbours on either side that are tried then, from an eighth as far apart. */
const RISE = 1 / 32, NEIGHBOURS = 16;

/** As {@linkcode bestCutoffs}. */
function search(model: Model): readonly number[] {
  const grid: number[] = [];
  for (let k = 1; k < model.vocab; k += model.isCounted ? 1 : Math.max(1, Math.floor(k * RISE))) grid.push(k);
  let best = choose(model, grid);
  for (let rise = RISE / 8;; rise /= 8) {
    const near = best.cutoffs.flatMap((cutoff) => {
      const step = Math.max(1, Math.floor(cutoff * rise));
      return Array.from({ length: 2 * NEIGHBOURS + 1 }, (_, i) => cutoff + (i - NEIGHBOURS) * step);
    });
    const found = choose(model, [...new Set(near)].filter((k) => k > 0 && k < model.vocab).sort((a, b) => a - b));
    if (found.flops < best.flops) best = found;
    else if (rise * model.vocab < 1) return best.cutoffs;
  }
}

type Choice = { readonly cutoffs: readonly number[]; readonly flops: number };

/** The best of cutoffs that are among rising candidates. */
function choose(model: Model, candidates: readonly number[]): Choice {
  const { vocab, hidden, cellFlops, fixedFlops } = model;
  const ends = Float64Array.from([...candidates, vocab]), shares = ends.map(model.shareUpTo);
  const last = candidates.length, most = Math.min(model.clusters, last), begins: Int32Array[] = [];
  // The least flops of the head and the clusters so far, if the last of them ends there
  let flops = ends.map((end) => cellFlops * hidden * end);
  let best: Choice = { cutoffs: [], flops: flops[last] };
  for (let cluster = 1; cluster <= most; cluster++) {
    const width = model.widthOf(cluster), projection = model.projectionOf(cluster), before = flops;
    const least = new Float64Array(ends.length), begun = new Int32Array(ends.length);
    // Shares times columns obey the quadrangle inequality: best begins rise with ends, the middle one parts the others
    const fill = (firstEnd: number, lastEnd: number, firstBegin: number, lastBegin: number): void => {
      if (firstEnd > lastEnd) return;
      const end = Math.floor((firstEnd + lastEnd) / 2);
      least[end] = Infinity;
      for (let begin = firstBegin; begin <= Math.min(lastBegin, end - 1); begin++) {
        const weights = projection + width * (ends[end] - ends[begin]);
        const sum = before[begin] + cellFlops * (shares[end] - shares[begin]) * weights;
        if (sum < least[end]) [least[end], begun[end]] = [sum, begin];
      }
      least[end] += cellFlops * hidden + fixedFlops;
      fill(firstEnd, end - 1, firstBegin, begun[end]);
      fill(end + 1, lastEnd, begun[end], lastBegin);
    };
    fill(cluster === most ? last : cluster, last, cluster - 1, last - 1);
    begins.push(begun);
    flops = least;
    if (flops[last] >= best.flops) continue;
    let at = last;
    best = { cutoffs: begins.toReversed().map((begun) => ends[at = begun[at]]).reverse(), flops: flops[last] };
  }
  return best;
}
