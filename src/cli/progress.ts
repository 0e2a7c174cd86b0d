/** How far a long piece of work has come, on standard error. */
import { SingleBar } from "cli-progress";

/** How often a line is written where standard error is no terminal, in milliseconds. */
const LINE_EVERY_MILLISECONDS = 10_000;

/** A bar in a terminal, a line now and then elsewhere. Disposing ends it. */
export interface Progress extends Disposable {
  /** Says how many items are done. */
  update(done: number): void;
}

/** The same of training. */
export interface TrainingProgress extends Disposable {
  /** Says which share is done, how many tokens have been learned from in how many seconds, and the loss in nats. */
  update(share: number, tokens: number, seconds: number, loss: number): void;
}

/** Shows the progress through `total` items, with items a second and the time left. */
export function showProgress(task: string, total: number, items: string): Progress {
  const bar = createBar(`${task} {bar} {percentage} % · {value}/{total} ${items} · {rate}/s · {left} s left`);
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

/** Shows the progress of training, with tokens a second and the loss. */
export function showTraining(task: string): TrainingProgress {
  const bar = createBar(`${task} {bar} {percentage} % · {tokens} tokens · {rate}/s · loss {loss}`);
  bar.start(1, 0, { tokens: 0, rate: "…", loss: "…" });
  return {
    update(share, tokens, seconds, loss) {
      bar.update(share, { tokens, rate: Math.round(tokens / seconds), loss: loss.toFixed(3) });
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}

function createBar(format: string): SingleBar {
  return new SingleBar({
    format,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 20,
    // The terminal is left as it is, so that an interrupt needs no clean-up.
    linewrap: true,
    noTTYOutput: true,
    notTTYSchedule: LINE_EVERY_MILLISECONDS,
  });
}
