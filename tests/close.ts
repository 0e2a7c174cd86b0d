import { fail } from "@std/assert";

type Numbers = number | ArrayLike<number> | readonly ArrayLike<number>[];

/**
 * Asserts |actual − expected| ≤ tolerance·(1 + |expected|) for each number, and that the two are the same where
 * `expected` is not finite. Matrices may be given as rows or flat.
 */
export function assertClose(actual: Numbers, expected: Numbers, tolerance: number, what: string): void {
  const found = flatten(actual);
  const wanted = flatten(expected);
  if (found.length !== wanted.length) fail(`${what}: ${found.length} numbers, not ${wanted.length}`);
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(found[i] - wanted[i]);
    if (error <= tolerance * (1 + Math.abs(wanted[i])) || Object.is(found[i], wanted[i])) continue;
    fail(`${what}[${i}] is ${found[i]}, not ${wanted[i]}: off by ${error}`);
  }
}

function flatten(numbers: Numbers): number[] {
  if (typeof numbers === "number") return [numbers];
  const flat: number[] = [];
  for (let i = 0; i < numbers.length; i++) {
    const element = numbers[i];
    if (typeof element === "number") flat.push(element);
    else flat.push(...Array.from(element));
  }
  return flat;
}
