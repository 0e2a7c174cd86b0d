/** Long work on the event loop's own thread: how it lets the loop turn. */
import { setImmediate } from "node:timers";

/** How long the event loop may wait for us, in milliseconds. */
const SLICE_MILLISECONDS = 5;

/** A function to call between two pieces of work: where the loop has waited long enough it returns a promise to await. */
export function pacer(): () => Promise<void> | undefined {
  let breath = performance.now();
  return () => {
    if (performance.now() - breath < SLICE_MILLISECONDS) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        breath = performance.now();
        resolve();
      })
    );
  };
}
