/**
 * The process that measures a head's time: every contender at one shape and one number of threads, in interleaved rounds.
 *
 * Its arguments are the threads and the shape; the last line that it prints is a list of {@linkcode HeadRow}, in which the peak
 * is still missing.
 *
 * @module
 */
import { measure, type Measurement } from "../../harness.ts";
import { brief } from "../choose.ts";
import { type HeadContender, type HeadOperation, onnxRuntime, ours, PRODUCTS, tensorFlow } from "./contenders.ts";
import { expectLosses, type Head, makeHead, parseHead } from "./problem.ts";

/** A contender's results at an operation, or why there are none. */
export type HeadRow =
  & { readonly name: string; readonly operation: HeadOperation }
  & (
    | { readonly failure: string }
    | (Measurement & { readonly flopsPerSecond: number; readonly largestError: number | null })
  );

/** A loss farther from f64 than this is another one. */
const TOLERANCE = 1e-3;

/** All contenders; a library that does not load has none. */
export async function contendersOf(head: Head, threads: number): Promise<HeadContender[]> {
  const found = [...ours(head, threads)];
  for (const open of [onnxRuntime, tensorFlow]) {
    try {
      found.push(...await open(head, threads));
    } catch (error) {
      console.error(brief(error));
    }
  }
  return found;
}

/** Runs a contender once; the largest error of the losses that are known in f64. */
async function check({ run }: HeadContender, expected: ReadonlyMap<number, number>): Promise<number | null> {
  const losses = await run();
  if (losses === undefined) return null;
  const errors = Array.from(expected, ([row, loss]) => Math.abs(losses[row] - loss));
  const largest = Math.max(...errors);
  if (!(largest <= TOLERANCE)) throw new Error(`wrong: off by ${largest}`);
  return largest;
}

async function main(threads: number, shape: string): Promise<HeadRow[]> {
  const sizes = parseHead(shape);
  if (sizes === undefined) throw new RangeError(`"${shape}" is not ROWSxHIDDENxVOCAB`);
  const head = makeHead(sizes), expected = expectLosses(head), flops = 2 * sizes[0] * sizes[1] * sizes[2];
  const rows: HeadRow[] = [], fit: { one: HeadContender; error: number | null }[] = [];
  for (const one of await contendersOf(head, threads)) {
    const { name, operation } = one;
    try {
      fit.push({ one, error: await check(one, expected) });
    } catch (error) {
      rows.push({ name, operation, failure: brief(error) });
    }
  }
  const run = ({ one }: typeof fit[number]) => async () => void await one.run();
  const measured = await measure(fit.map((each) => ({ name: each.one.name, bytes: 0, run: run(each) })), 5);
  measured.forEach((measurement, i) => {
    const { one: { operation }, error } = fit[i],
      flopsPerSecond = PRODUCTS[operation] * flops / measurement.medianSeconds;
    rows.push({ ...measurement, operation, flopsPerSecond, largestError: error });
  });
  return rows;
}

if (import.meta.main) {
  const [threads, shape] = Deno.args;
  console.log(JSON.stringify(await main(Number(threads), shape)));
  // Some libraries leave workers that would keep the process alive.
  Deno.exit();
}
