/** Weights of a mixture, fitted by expectation maximisation. */

/** Steps of the fit: the weights of a few components have settled long before. */
const STEPS = 60;

/**
 * The weights under which a mixture of `start.length` components makes the events most likely.
 *
 * `likelihoods` holds the components' probabilities of each event, one event after the other. `start` is the first
 * guess and, as one imagined event, the prior: a component that starts at 0 stays there, and without events all do.
 */
export function fitMixture(likelihoods: ArrayLike<number>, start: readonly number[]): number[] {
  let weights = [...start];
  for (let step = 0; step < STEPS; step++) weights = improve(weights, likelihoods, start);
  return weights;
}

function improve(weights: readonly number[], likelihoods: ArrayLike<number>, prior: readonly number[]): number[] {
  const size = weights.length;
  const credit = [...prior];
  for (let event = 0; event < likelihoods.length; event += size) {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += weights[i] * likelihoods[event + i];
    for (let i = 0; i < size; i++) credit[i] += weights[i] * likelihoods[event + i] / sum;
  }
  const total = credit.reduce((sum, value) => sum + value);
  return credit.map((value) => value / total);
}
