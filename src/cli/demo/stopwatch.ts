/** Where the time of a run goes. */

/** The stages of the demonstration. */
export type Stage = "tokenise" | "train" | "form rows" | "round" | "score";

/** Sums the time of stages. */
export class Stopwatch {
  readonly #seconds = new Map<Stage, number>();

  /** Does a piece of work and adds its time to a stage's. */
  async time<Result>(stage: Stage, work: () => Result | Promise<Result>): Promise<Result> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.#seconds.set(stage, (this.#seconds.get(stage) ?? 0) + (performance.now() - start) / 1000);
    }
  }

  /** Seconds of every stage, in the order in which they first ended. */
  get seconds(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#seconds);
  }
}
