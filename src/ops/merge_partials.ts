import { finish, type Finished, merge, type Partial, type PartialKind } from "../partial.ts";
import { Checker } from "../validate.ts";

/**
 * Joins what shards of one vocabulary know of the same rows, in the order given.
 *
 * A shard whose logits are all −∞ adds nothing, wherever it stands; one with NaN makes its rows NaN.
 *
 * @param partials One or more, all of one kind, with as many rows and the same label smoothing.
 * @returns The partial of the joined vocabulary.
 * @throws {TypeError} If there is none, one is no partial, or their kinds differ.
 * @throws {RangeError} If their rows or their label smoothing differ.
 *
 * @example A vocabulary in two shards
 * ```ts
 * import { finishPartials, logSumExpPartial, mergePartials } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const left = await logSumExpPartial({ data: new Float32Array([-Infinity]), shape: [1, 1] });
 * const right = await logSumExpPartial({ data: new Float32Array([0, 0]), shape: [1, 2] });
 * const { logSumExp } = finishPartials(mergePartials(left, right));
 * assertAlmostEquals(logSumExp[0], Math.LN2);
 * ```
 */
export function mergePartials<Kind extends PartialKind>(...partials: readonly Partial<Kind>[]): Partial<Kind> {
  const check = new Checker("merge partials");
  const [first] = partials;
  if (partials.length === 0) throw check.typeError("there is none");
  partials.forEach((partial, i) => {
    check.partial(`partials[${i}]`, partial);
    for (const property of ["kind", "rows", "labelSmoothing"] as const) {
      if (partial[property] === first[property]) continue;
      const problem = `partials[${i}].${property} is ${partial[property]}, partials[0].${property} is ${
        first[property]
      }`;
      throw property === "kind" ? check.typeError(problem) : check.rangeError(problem);
    }
  });
  return partials.reduce((a, b) => merge(a, b));
}

/**
 * Ends a partial: the results that the unsplit operation would have given with reduction "none", up to rounding.
 *
 * @param partial Of all shards of the vocabulary, merged.
 * @returns One number a row, in f64, of each result; see {@linkcode Finished}.
 * @throws {TypeError} If it is no partial.
 * @throws {RangeError} If its kind, rows or label smoothing are none that a partial has.
 *
 * @example The loss of a head whose classes live on two machines
 * ```ts
 * import { crossEntropyPartial, finishPartials, mergePartials } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const shard = { data: new Float32Array([0, 0]), shape: [1, 2] as const };
 * const low = await crossEntropyPartial(shard, [3], { firstClass: 0, vocab: 4 });
 * const high = await crossEntropyPartial(shard, [3], { firstClass: 2, vocab: 4 });
 * assertAlmostEquals(finishPartials(mergePartials(low, high)).loss[0], Math.log(4));
 * ```
 */
export function finishPartials<Kind extends PartialKind>(partial: Partial<Kind>): Finished[Kind] {
  new Checker("finish partials").partial("partial", partial);
  return finish(partial);
}
