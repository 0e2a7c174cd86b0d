/**
 * Classes drawn from a distribution, and how often each was to be expected: what a sum over the drawn is weighted by.
 *
 * @module
 */
import type { Distribution } from "./distribution.ts";
import type { Random } from "./random.ts";

/** What was drawn. */
export interface Drawn {
  /** The classes; with replacement some may be there more than once. */
  readonly ids: Int32Array;
  /** E of a class: Σ f / E over the drawn is an unbiased estimate of Σ f over all classes that can be drawn. */
  expectedCount(id: number): number;
}

/** Independent draws: E = samples·P. */
export function drawWithReplacement(distribution: Distribution, samples: number, random: Random): Drawn {
  return {
    ids: Int32Array.from({ length: samples }, () => distribution.draw(random)),
    expectedCount: (id) => samples * distribution.probability(id),
  };
}

/**
 * Distinct classes: draws that repeat one are passed over.
 *
 * Draws come at the times of a Poisson process of rate 1, so that each class comes first after a time that is
 * exponential with rate P, whatever the others do. With τ the time of the first class too many, E = 1 − e^(−P·τ)
 * (Duffield, Lund and Thorup, "Priority sampling for estimation of arbitrary subset sums", 2007; Kool et al.,
 * arXiv:1903.06059). Of equal classes, and where all are drawn, E is known: samples / vocab, and 1.
 *
 * Where rare classes keep the draws waiting, the times of all that have not come are drawn instead: what an
 * exponential time has left does not depend on how long it has lasted. No more than `possible` classes can be drawn.
 */
export function drawWithoutReplacement(distribution: Distribution, samples: number, random: Random): Drawn {
  const { vocab, possible, isUniform } = distribution;
  const all = () => Int32Array.from({ length: vocab }, (_, id) => id).filter((id) => distribution.probability(id) > 0);
  if (samples === possible) {
    return { ids: all(), expectedCount: (id) => distribution.probability(id) > 0 ? 1 : 0 };
  }
  const seen = new Set<number>();
  let time = 0;
  for (let draws = 0; draws < vocab && seen.size <= samples; draws++) {
    time += random.exponential();
    seen.add(distribution.draw(random));
  }
  if (seen.size <= samples) {
    const rest = all().filter((id) => !seen.has(id)), times = new Float64Array(vocab);
    for (const id of rest) times[id] = time + random.exponential() / distribution.probability(id);
    rest.sort((a, b) => times[a] - times[b]);
    const missing = samples + 1 - seen.size;
    for (const id of rest.subarray(0, missing)) seen.add(id);
    time = times[rest[missing - 1]];
  }
  const ids = Int32Array.from(seen).subarray(0, samples);
  const share = samples / vocab;
  return { ids, expectedCount: (id) => isUniform ? share : -Math.expm1(-distribution.probability(id) * time) };
}
