/**
 * Distributions that classes are drawn from. Nothing is checked here.
 *
 * @module
 */
import { AliasTable } from "./alias.ts";
import type { Random } from "./random.ts";

/** A distribution over the classes below `vocab`. */
export interface Distribution {
  readonly vocab: number;
  /** How many classes can be drawn. */
  readonly possible: number;
  /** Whether all classes are equally likely. */
  readonly isUniform: boolean;
  /** The probability of a class. */
  probability(id: number): number;
  /** Draws a class. */
  draw(random: Random): number;
}

/** P = 1 / vocab. */
export function uniform(vocab: number): Distribution {
  return {
    vocab,
    possible: vocab,
    isUniform: true,
    probability: () => 1 / vocab,
    draw: (random) => random.below(vocab),
  };
}

/** P(k) = ln((k + 2) / (k + 1)) / ln(vocab + 1): the whole part of (vocab + 1)^u, less 1, for u uniform in [0, 1). */
export function logUniform(vocab: number): Distribution {
  const range = Math.log(vocab + 1);
  return {
    vocab,
    possible: vocab,
    isUniform: vocab === 1,
    probability: (id) => Math.log1p(1 / (id + 1)) / range,
    draw: (random) => Math.min(vocab, Math.floor(Math.exp(random.uniform() * range))) - 1,
  };
}

/** P ∝ count^distortion, and 0 where the count is 0. Not all counts may be 0. */
export function unigram(counts: Float64Array, distortion: number): Distribution {
  let most = 0, total = 0, possible = 0;
  for (const count of counts) most = Math.max(most, count);
  const weights = new Float64Array(counts.length), ids = new Int32Array(counts.length);
  for (let id = 0; id < counts.length; id++) {
    if (counts[id] > 0) weights[id] = (counts[id] / most) ** distortion;
    if (weights[id] > 0) ids[possible++] = id;
    total += weights[id];
  }
  const table = new AliasTable(weights.filter((weight) => weight > 0), total);
  return {
    vocab: counts.length,
    possible,
    isUniform: weights.every((weight) => weight === weights[0]),
    probability: (id) => weights[id] / total,
    draw: (random) => ids[table.draw(random)],
  };
}
