/** Measures rivals side by side: every round runs each of them once, so that they share whatever else the machine does. */

/** Something to time. */
export interface Contender {
  /** Its name in the table. */
  readonly name: string;
  /** One run. */
  readonly run: () => void;
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
export function measure(contenders: readonly Contender[], seconds = 0.8, least = 5): Measurement[] {
  const samples = contenders.map(({ run }) => (run(), [] as number[]));
  const spent = contenders.map(() => 0);
  const isHungry = (i: number) => samples[i].length < least || spent[i] < seconds;
  for (let round = 0; contenders.some((_, i) => isHungry(i)) && round < 400; round++) {
    contenders.forEach(({ run }, i) => {
      if (!isHungry(i)) return;
      const start = performance.now();
      run();
      const elapsed = (performance.now() - start) / 1000;
      samples[i].push(elapsed);
      spent[i] += elapsed;
    });
  }
  return contenders.map(({ name, bytes }, i) => {
    const sorted = samples[i].sort((a, b) => a - b);
    const at = (quantile: number) => sorted[Math.floor(quantile * (sorted.length - 1))];
    const medianSeconds = at(0.5);
    return {
      name,
      minSeconds: sorted[0],
      medianSeconds,
      spread: (at(0.75) - at(0.25)) / 2 / medianSeconds,
      bytesPerSecond: bytes / medianSeconds,
    };
  });
}
