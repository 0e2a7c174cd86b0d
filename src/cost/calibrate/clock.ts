/**
 * Timing on a machine that others share: in rounds, so that a disturbance meets all and not one.
 *
 * @module
 */

/** Rounds that are run in any case. */
export const LEAST_ROUNDS = 4;

/** Runs actions in turns until so many seconds are over; returns the seconds that each takes, as a rule unless said. */
export function timeAll(
  actions: readonly (() => void)[],
  seconds: number,
  choose: (samples: readonly number[]) => number = typical,
): number[] {
  const samples = actions.map((): number[] => []), end = performance.now() + 1000 * seconds;
  for (let round = 0; round < LEAST_ROUNDS || performance.now() < end; round++) {
    actions.forEach((action, i) => {
      const start = performance.now();
      action();
      samples[i].push((performance.now() - start) / 1000);
    });
  }
  return samples.map(choose);
}

/** The same for an action with a promise; what comes before each run is not timed. */
export async function timeEach(
  action: () => Promise<unknown>,
  times: number,
  before?: () => void | Promise<void>,
): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < times; i++) {
    await before?.();
    const start = performance.now();
    await action();
    samples.push((performance.now() - start) / 1000);
  }
  return typical(samples);
}

/** A quarter of the way up, without the first third: by then the kernels have been compiled for speed. */
function typical(samples: readonly number[]): number {
  const later = samples.slice(Math.floor(samples.length / 3)).sort((a, b) => a - b);
  return later[Math.floor((later.length - 1) / 4)];
}

/** The lower of the middle ones. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
}
