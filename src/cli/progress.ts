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
    format: `${task} {bar} {percentage} % · {value} of {total} ${items} · {rate} ${items}/s · {eta_formatted} left`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    hideCursor: true,
    gracefulExit: true,
    noTTYOutput: true,
    notTTYSchedule: LINE_EVERY_MILLISECONDS,
  });
  const start = performance.now();
  bar.start(total, 0, { rate: "–" });
  return {
    update(done) {
      const seconds = (performance.now() - start) / 1000;
      bar.update(done, { rate: Math.round(done / seconds) });
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}
