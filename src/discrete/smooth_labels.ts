import { ValueChecker } from "../check.ts";

/**
 * A target as a distribution that is not quite sure: 1 − α for the target, and α / vocab for every class, it included.
 *
 * Against it {@linkcode crossEntropy} is the loss that `labelSmoothing: α` of the crossEntropy for logits gives
 * ({@link https://arxiv.org/abs/1512.00567 Szegedy et al.}, section 7).
 *
 * @param target A class, from 0 to below `vocab`.
 * @param vocab Classes.
 * @param alpha α in [0, 1).
 * @returns Probabilities [vocab].
 * @throws {TypeError} If an argument is not a number.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts
 * import { smoothLabels } from "@surprisal/core/discrete";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...smoothLabels(1, 4, 0.5)], [0.125, 0.625, 0.125, 0.125]);
 * ```
 */
export function smoothLabels(target: number, vocab: number, alpha: number): Float64Array {
  const check = new ValueChecker("compute smoothLabels");
  const classes = check.number("vocab", vocab, { least: 1, most: 2 ** 31 - 1, integer: true });
  const index = check.number("target", target, { least: 0, below: classes, integer: true });
  const share = check.number("alpha", alpha, { least: 0, below: 1 }) / classes;
  const probabilities = new Float64Array(classes).fill(share);
  probabilities[index] += 1 - alpha;
  return probabilities;
}
