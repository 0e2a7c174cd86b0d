/** Where the time of a run goes. */

/** Sums the time of named stages. */
export class Stopwatch<Stage extends string> {
  readonly #seconds = new Map<Stage, number>();

  /** Times a stage until the returned value is disposed of; a stage may be entered many times. */
  time(stage: Stage): Disposable {
    const start = performance.now();
    return {
      [Symbol.dispose]: () => {
        this.#seconds.set(stage, (this.#seconds.get(stage) ?? 0) + (performance.now() - start) / 1000);
      },
    };
  }

  /** Seconds of every stage, in the order in which they were first left. */
  get seconds(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#seconds);
  }
}
