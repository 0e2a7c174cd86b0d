/** How far a long piece of work has come, on standard error. */
import { SingleBar } from "cli-progress";

/** How often a line is written where standard error is no terminal, in milliseconds. */
const LINE_EVERY_MILLISECONDS = 10_000;

/** A bar in a terminal, a line now and then elsewhere. Disposing ends it. */
export interface Progress extends Disposable {
  /** Says how many items are done. */
  update(done: number): void;
}

/** Shows the progress through `total` items, with items a second and the time left. */
export function showProgress(task: string, total: number, items: string): Progress {
  const bar = new SingleBar({
    format: `${task} {bar} {percentage} % · {value}/{total} ${items} · {rate}/s · {left} s left`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 20,
    // The terminal is left as it is, so that an interrupt needs no clean-up.
    linewrap: true,
    noTTYOutput: true,
    notTTYSchedule: LINE_EVERY_MILLISECONDS,
  });
  const start = performance.now();
  bar.start(total, 0, { rate: "…", left: "…" });
  return {
    update(done) {
      const rate = 1000 * done / (performance.now() - start);
      bar.update(done, { rate: Math.round(rate), left: Math.ceil((total - done) / rate) });
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}
