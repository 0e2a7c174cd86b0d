import { assertThrows } from "@std/assert";

/** Arguments that a function refuses: the error, and what its message says after "Cannot compute <name>: ". */
export type Refusal = readonly [
  args: readonly unknown[],
  error: typeof RangeError | typeof TypeError,
  problem: string,
];

/** Asserts that a function refuses each of these arguments, by an error of that very class which names them. */
export function assertRefuses(name: string, call: (...args: never[]) => unknown, refusals: readonly Refusal[]): void {
  for (const [args, error, problem] of refusals) {
    assertThrows(() => call(...args as never[]), error, `Cannot compute ${name}: ${problem}`);
  }
}
