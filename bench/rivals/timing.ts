/**
 * The process that measures time: every contender at one shape and one number of threads, in interleaved rounds.
 *
 * Its arguments are the threads and the shape; the last line that it prints is a {@linkcode TimingReport}.
 *
 * @module
 */
import { parseShapes } from "../cases.ts";
import { type Contender, measure } from "../harness.ts";
import { reader } from "../read_bandwidth.ts";
import type { Rated } from "../table.ts";
import { type Checked, choose } from "./choose.ts";
import { type Formulate, type OperationName, OPERATIONS, PASSES } from "./contender.ts";
import { expect, makeProblem } from "./expected.ts";
import { LIBRARIES } from "./libraries.ts";

/** A contender at an operation that it computes correctly. */
export interface Timed extends Rated {
  readonly operation: OperationName;
  /** Which of the library's formulations was the fastest. */
  readonly formulation: number;
  /** The same in words. */
  readonly how: string;
  /** Against f64. */
  readonly largestError: number;
}

/** A contender that cannot compute an operation. */
export interface Failed {
  readonly name: string;
  readonly operation: OperationName;
  /** Why. */
  readonly failure: string;
}

/** What the process reports. */
export interface TimingReport {
  readonly results: readonly (Timed | Failed)[];
  /** What the libraries have to say, by their names. */
  readonly notes: Readonly<Record<string, string>>;
}

async function main(threads: number, shape: string): Promise<TimingReport> {
  const problem = makeProblem(parseShapes([shape])[0]), expected = expect(problem);
  const bytes = problem.p.byteLength;
  const formulates: Record<string, Formulate> = {}, notes: Record<string, string> = {};
  for (const [name, open] of Object.entries(LIBRARIES)) {
    try {
      const library = await open(threads);
      if (library.note !== undefined) notes[name] = library.note;
      formulates[name] = library.load(problem);
    } catch (error) {
      formulates[name] = () => Promise.reject(error);
    }
  }
  const read = { name: "read", bytes, run: await reader(bytes, threads) };
  const results: (Timed | Failed)[] = [];
  for (const operation of OPERATIONS) {
    const fit: (Contender & Checked)[] = [], failed: Failed[] = [];
    for (const [name, formulate] of Object.entries(formulates)) {
      const chosen = await choose(formulate, operation, expected);
      if (typeof chosen === "string") failed.push({ name, operation, failure: chosen });
      else fit.push({ name, bytes: PASSES[operation] * bytes, ...chosen });
    }
    const [bandwidth, ...measured] = await measure([read, ...fit]);
    const timed = measured.map((one, i): Timed => ({
      ...one,
      operation,
      formulation: fit[i].formulation,
      how: fit[i].how,
      largestError: fit[i].largestError,
      shareOfReadBandwidth: one.bytesPerSecond / bandwidth.bytesPerSecond,
    }));
    for (const name of Object.keys(formulates)) {
      results.push(...[...timed, ...failed].filter((one) => one.name === name));
    }
  }
  return { results, notes };
}

if (import.meta.main) {
  const [threads, shape] = Deno.args;
  console.log(JSON.stringify(await main(Number(threads), shape)));
  // Some libraries leave workers that would keep the process alive.
  Deno.exit();
}
