/** Measures rivals side by side: every round runs each of them once, so that they share whatever else the machine does. */

/** Something to time. */
export interface Contender {
  /** Its name in the table. */
  readonly name: string;
  /** One run. A promise is waited for; what returns none pays for no turn of the event loop. */
  readonly run: () => void | Promise<void>;
  /** Bytes that the run must move. */
  readonly bytes: number;
}

/** What the clock said. */
export interface Measurement {
  /** The contender's name. */
  readonly name: string;
  /** The fastest round. */
  readonly minSeconds: number;
  /** The middle round. */
  readonly medianSeconds: number;
  /** Half the distance between the quartiles, relative to the median. */
  readonly spread: number;
  /** Bytes over the median. */
  readonly bytesPerSecond: number;
}

/** Runs every contender once unmeasured, then in rounds until each had `seconds` of the clock and at least `least` runs. */
export async function measure(
  contenders: readonly Contender[],
  seconds = 0.8,
  least = 5,
): Promise<Measurement[]> {
  const samples: number[][] = contenders.map(() => []);
  for (const { run } of contenders) await run();
  const spent = contenders.map(() => 0);
  const isHungry = (i: number) => samples[i].length < least || spent[i] < seconds;
  for (let round = 0; contenders.some((_, i) => isHungry(i)) && round < 400; round++) {
    for (const [i, { run }] of contenders.entries()) {
      if (!isHungry(i)) continue;
      const elapsed = await clock(run);
      samples[i].push(elapsed);
      spent[i] += elapsed;
    }
  }
  return contenders.map(({ name, bytes }, i) => summarise(name, bytes, samples[i]));
}

/** What samples in seconds say of a run that moves so many bytes. */
export function summarise(name: string, bytes: number, samples: readonly number[]): Measurement {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.floor(quantile * (sorted.length - 1))];
  const medianSeconds = at(0.5);
  return {
    name,
    minSeconds: sorted[0],
    medianSeconds,
    spread: (at(0.75) - at(0.25)) / 2 / medianSeconds,
    bytesPerSecond: bytes / medianSeconds,
  };
}

/** Seconds of one run. */
export async function clock(run: Contender["run"]): Promise<number> {
  const start = performance.now();
  const pending = run();
  if (pending instanceof Promise) await pending;
  return (performance.now() - start) / 1000;
}
