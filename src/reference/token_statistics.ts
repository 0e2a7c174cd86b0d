/**
 * What is said of a model's prediction, row by row: ln p and rank of the target, log-sum-exp, entropy, the best tokens.
 *
 * rank = 1 + #{i : x_i > x_target}. argmax is the lowest index of the largest logit that is not NaN, 0 if there is none.
 * The top tokens come by falling logit, ties by rising index, NaN ordered as −∞.
 * Log-probabilities, log-sum-exp and entropy at −∞, +∞ and NaN: as of log_softmax.ts, log_sum_exp.ts and entropy.ts.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { sum } from "./classes.ts";
import { logProbability, normalise } from "./distribution.ts";
import { entropyOf } from "./entropy.ts";
import { readRow, readScalar, transform, writeRow } from "./row.ts";

/**
 * logits [rows, vocab], targets? [rows] → targetLogProbability?, rank?, logSumExp, entropy, argmax [rows],
 * topTokens?, topLogProbabilities? [rows, top].
 */
export function tokenStatistics(
  logits: Tensor,
  targets: Tensor | undefined,
  targetLogProbability: Tensor | undefined,
  rank: Tensor | undefined,
  logSumExp: Tensor,
  entropy: Tensor,
  argmax: Tensor,
  topTokens: Tensor | undefined,
  topLogProbabilities: Tensor | undefined,
  rows: number,
  vocab: number,
  top: number,
  softcap: number,
  temperature: number,
): void {
  for (let row = 0; row < rows; row++) {
    const x = transform(readRow(logits, row), softcap, temperature);
    const distribution = normalise(x);
    writeRow(logSumExp, row, [distribution.logSumExp]);
    writeRow(entropy, row, [entropyOf(distribution)]);
    writeRow(argmax, row, [Math.max(distribution.argmax, 0)]);
    if (targets) {
      const target = readScalar(targets, row);
      writeRow(targetLogProbability, row, [logProbability(distribution, target)]);
      writeRow(rank, row, [1 + sum(vocab, (i) => x[i] > x[target] ? 1 : 0)]);
    }
    if (topTokens || topLogProbabilities) {
      const best = largest(x, top);
      writeRow(topTokens, row, best);
      writeRow(topLogProbabilities, row, best.map((i) => logProbability(distribution, i)));
    }
  }
}

/** The indices of the `count` largest elements, by insertion into a sorted list. */
function largest(x: Float64Array, count: number): number[] {
  const key = (i: number) => Number.isNaN(x[i]) ? -Infinity : x[i];
  const best: number[] = [];
  for (let i = 0; i < x.length; i++) {
    let place = best.length;
    while (place > 0 && key(i) > key(best[place - 1])) place--;
    if (place >= count) continue;
    best.splice(place, 0, i);
    best.length = Math.min(best.length, count);
  }
  return best;
}
