/**
 * The process that measures the memory of a head's loss: one contender, one run, the most that is resident beyond what was before.
 *
 * Its arguments are the threads, the shape, the contender's name and operation; the last line that it prints is the peak in bytes,
 * or null where the system does not tell.
 *
 * @module
 */
import { collectGarbage, hasStatus, readStatus, resetPeak } from "../memory.ts";
import { makeHead, parseHead } from "./problem.ts";
import { contendersOf } from "./timing.ts";

/** Large enough to load and compile what a run needs, and to start the threads; so often that the compiler has optimised it. */
const SMALL = "96x64x8192", SMALL_RUNS = 50;

async function contender(threads: number, shape: string, name: string, operation: string) {
  const sizes = parseHead(shape);
  if (sizes === undefined) throw new RangeError(`"${shape}" is not ROWSxHIDDENxVOCAB`);
  const found = await contendersOf(makeHead(sizes), threads);
  const one = found.find((each) => each.name === name && each.operation === operation);
  if (one === undefined) throw new RangeError(`There is no ${name} for ${operation}`);
  return one;
}

if (import.meta.main) {
  const [threads, shape, name, operation] = Deno.args;
  let peak: number | null = null;
  if (hasStatus()) {
    const small = await contender(Number(threads), SMALL, name, operation);
    for (let run = 0; run < SMALL_RUNS; run++) await small.run();
    const one = await contender(Number(threads), shape, name, operation);
    one.prepare?.();
    collectGarbage();
    const before = readStatus("VmRSS");
    resetPeak();
    await one.run();
    peak = Math.max(0, readStatus("VmHWM") - before);
  }
  console.log(JSON.stringify(peak));
  // Some libraries leave workers that would keep the process alive.
  Deno.exit();
}
