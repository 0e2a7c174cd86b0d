/** The formulation of an operation that counts for a library: the fastest of those that are right. */
import { clock, type Contender } from "../harness.ts";
import { type Formulate, type Formulation, type OperationName, runOnce } from "./contender.ts";
import { type Expected, largestError } from "./expected.ts";

/** A formulation that has been checked. */
export interface Checked {
  /** Which of the library's it is. */
  readonly formulation: number;
  /** The same in words. */
  readonly how: string;
  /** Against f64. */
  readonly largestError: number;
  /** Of its second run. */
  readonly seconds: number;
  /** One run. */
  readonly run: Contender["run"];
}

/** Runs a formulation twice: to check it, and to see how fast it is. */
async function check(one: Formulation, formulation: number, operation: OperationName, expected: Expected) {
  const outputs = await one.compute();
  const error = largestError(operation, await outputs.read(), expected);
  outputs.free();
  const run = () => runOnce(one);
  return { formulation, how: one.how, largestError: error, seconds: await clock(run), run };
}

/** The fastest formulation of those that are right, or why none is. */
export async function choose(
  formulate: Formulate,
  operation: OperationName,
  expected: Expected,
): Promise<Checked | string> {
  const checked: Checked[] = [], failures: string[] = [];
  try {
    for (const [i, formulation] of (await formulate(operation)).entries()) {
      await check(formulation, i, operation, expected).then((one) => checked.push(one), (e) => failures.push(brief(e)));
    }
  } catch (error) {
    failures.push(brief(error));
  }
  return checked.sort((a, b) => a.seconds - b.seconds)[0] ?? failures[0];
}

/** An error on one line, shortened. */
export function brief(error: unknown): string {
  const text = String(error instanceof Error ? error.message : error).replaceAll(/\s+/g, " ").trim();
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}
