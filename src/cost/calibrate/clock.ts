/**
 * Timing on a machine that others share: in rounds, so that a disturbance meets all and not one.
 *
 * @module
 */

/** Rounds that are run in any case. */
const LEAST_ROUNDS = 5;

/** Runs actions in turns until so many seconds are over; returns the seconds that each takes as a rule. */
export function timeAll(actions: readonly (() => void)[], seconds: number): number[] {
  const samples = actions.map((): number[] => []), end = performance.now() + 1000 * seconds;
  for (let round = 0; round < LEAST_ROUNDS || performance.now() < end; round++) {
    actions.forEach((action, i) => {
      const start = performance.now();
      action();
      samples[i].push((performance.now() - start) / 1000);
    });
  }
  return samples.map(typical);
}

/** The same for actions with promises, one after the other. */
export async function timeEach(action: () => Promise<unknown>, times: number): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    await action();
    samples.push((performance.now() - start) / 1000);
  }
  return typical(samples);
}

/** The middle of the later half: by then the kernels have been compiled for speed. */
function typical(samples: readonly number[]): number {
  const later = samples.slice(Math.floor(samples.length / 2)).sort((a, b) => a - b);
  return later[Math.floor((later.length - 1) / 2)];
}
