/** The product of whole numbers from 0 on: undefined beyond 2^53 − 1, also where a later one is 0. */
export function product(sizes: readonly number[]): number | undefined {
  let result = 1;
  for (const size of sizes) {
    result *= size;
    if (!Number.isSafeInteger(result)) return undefined;
  }
  return result;
}
