/**
 * The process that measures memory: one contender, one operation, one run. A process of its own, since memory that one
 * contender has freed would hide what the next one needs.
 *
 * Its arguments are the contender, the threads, the shape, the operation and the formulation; the last line that it
 * prints is the peak above the logits in bytes, or null where the system does not tell.
 *
 * @module
 */
import { parseShapes, type Shape } from "../cases.ts";
import { OPERATIONS, type Problem, runOnce } from "./contender.ts";
import { makeProblem } from "./expected.ts";
import { LIBRARIES } from "./libraries.ts";

const STATUS = "/proc/self/status", CLEAR = "/proc/self/clear_refs";

/** Large enough to load and compile what a first run needs. */
const SMALL: Shape = [4, 4096];

/** A number of /proc/self/status in bytes: VmRSS is what is resident, VmHWM the most that was since it was reset. */
export function readStatus(key: "VmRSS" | "VmHWM"): number {
  const kibibytes = Deno.readTextFileSync(STATUS).match(new RegExp(`^${key}:\\s*(\\d+) kB`, "m"))?.[1];
  return 1024 * Number(kibibytes);
}

/** Whether the system tells. */
export function hasStatus(): boolean {
  try {
    return readStatus("VmHWM") > 0;
  } catch {
    return false;
  }
}

/** What stays resident when V8 has dropped its garbage; `gc` is there under --expose-gc. */
export function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** Makes VmHWM what is resident now. */
export function resetPeak(): void {
  Deno.writeTextFileSync(CLEAR, "5");
}

async function measurePeak(
  name: string,
  threads: number,
  problem: Problem,
  operation: string,
  formulation: number,
): Promise<number> {
  const library = await LIBRARIES[name](threads);
  const known = OPERATIONS.find((one) => one === operation);
  if (known === undefined) throw new RangeError(`There is no operation "${operation}"`);
  await runOnce((await library.load(makeProblem(SMALL))(known))[formulation]);
  collectGarbage();
  const before = readStatus("VmRSS");
  const chosen = (await library.load(problem)(known))[formulation];
  collectGarbage();
  resetPeak();
  await runOnce(chosen);
  // Every contender holds both matrices of logits, whether the operation takes one or two.
  return Math.max(0, readStatus("VmHWM") - before - problem.p.byteLength - problem.q.byteLength);
}

if (import.meta.main) {
  const [name, threads, shape, operation, formulation] = Deno.args;
  const problem = makeProblem(parseShapes([shape])[0]);
  const peak = hasStatus() ? await measurePeak(name, Number(threads), problem, operation, Number(formulation)) : null;
  console.log(JSON.stringify(peak));
  // Some libraries leave workers that would keep the process alive.
  Deno.exit();
}
