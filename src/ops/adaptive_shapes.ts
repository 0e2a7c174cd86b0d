import { ValueChecker } from "../check.ts";
import { projectedSize } from "../cost/adaptive.ts";
import { checkCutoffs } from "../cost/head.ts";
import { MAX_SIZE } from "../validate.ts";

/** Options of {@linkcode adaptiveShapes}. */
export interface AdaptiveShapeOptions {
  /** Width of the hidden states. */
  readonly hidden: number;
  /** Classes. */
  readonly vocab: number;
  /** Where the head's classes and all clusters but the last end, rising, below `vocab`; none for a head alone. */
  readonly cutoffs: readonly number[];
  /** How many times narrower than its predecessor each cluster is, from 1 on; 4 unless given. */
  readonly divValue?: number;
}

/** The shapes of an adaptive softmax's weights. */
export interface AdaptiveShapes {
  /** [classes of the head and clusters, hidden]; a bias has an entry for each of its rows. */
  readonly head: readonly [rows: number, columns: number];
  /** Those of each tail cluster, from frequent classes to rare ones. */
  readonly tails: readonly {
    /** [size, hidden]. */
    readonly projection: readonly [rows: number, columns: number];
    /** [classes of the cluster, size]. */
    readonly weight: readonly [rows: number, columns: number];
  }[];
}

/**
 * The shapes of an adaptive softmax's weights, to allocate them by: those of PyTorch's `AdaptiveLogSoftmaxWithLoss`,
 * where a Linear's weight is [outputs, inputs].
 *
 * Cluster i, counted from 1, sees hidden states through a projection to ⌊hidden / divValue^i⌋, but to 1 at least, where
 * PyTorch goes down to none. {@link https://arxiv.org/abs/1609.04309 Grave et al.} tell how to choose cutoffs;
 * `bestCutoffs` of `@surprisal/core/cost` does it.
 *
 * @param options Sizes and cutoffs.
 * @returns The shapes of the head and of each cluster's projection and weight.
 * @throws {TypeError} If a number is missing or not one, cutoffs are not an array, or a name is unknown.
 * @throws {RangeError} If a number is out of range, or cutoffs do not rise.
 *
 * @example New weights
 * ```ts
 * import { adaptiveShapes } from "@surprisal/core";
 * import { assertEquals } from "@std/assert";
 *
 * const shapes = adaptiveShapes({ hidden: 768, vocab: 50_257, cutoffs: [2000, 10_000] });
 * assertEquals(shapes.head, [2002, 768]);
 * assertEquals(shapes.tails[1], { projection: [48, 768], weight: [40_257, 48] });
 * ```
 */
export function adaptiveShapes(options: AdaptiveShapeOptions): AdaptiveShapes {
  const check = new ValueChecker("compute adaptiveShapes");
  const given = check.bag<AdaptiveShapeOptions>(options, ["hidden", "vocab", "cutoffs", "divValue"]);
  const hidden = check.number("hidden", given.hidden, { least: 1, most: MAX_SIZE, integer: true });
  const vocab = check.number("vocab", given.vocab, { least: 1, most: MAX_SIZE, integer: true });
  const cutoffs = checkCutoffs(check, given.cutoffs, vocab);
  const divValue = check.number("divValue", given.divValue, { fallback: 4, least: 1 });
  return {
    head: [(cutoffs[0] ?? vocab) + cutoffs.length, hidden],
    tails: cutoffs.map((begin, i) => {
      const size = projectedSize(hidden, divValue, i + 1);
      return { projection: [size, hidden], weight: [(cutoffs[i + 1] ?? vocab) - begin, size] };
    }),
  };
}
