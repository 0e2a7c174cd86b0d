import { inspect, isDeepStrictEqual } from "node:util";

/**
 * Says where two values first differ, as in ` at .loss[3]: 1 !== 2`; `undefined` where they are equal by value.
 * NaN equals NaN and 0 equals -0, in typed arrays too, of which only the first difference is worth printing.
 */
export function difference(actual: unknown, expected: unknown, path = ""): string | undefined {
  if (actual === expected || Object.is(actual, expected)) return undefined;
  if (isList(actual) && isList(expected) && sameClass(actual, expected)) {
    return listDifference(actual, expected, path);
  }
  if (isRecord(actual) && isRecord(expected)) return recordDifference(actual, expected, path);
  if (isDeepStrictEqual(actual, expected)) return undefined;
  return `${path && ` at ${path}`}: ${show(actual)} !== ${show(expected)}`;
}

function listDifference(actual: ArrayLike<unknown>, expected: ArrayLike<unknown>, path: string): string | undefined {
  if (actual.length !== expected.length) return difference(actual.length, expected.length, `${path}.length`);
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] === expected[i]) continue;
    const found = difference(actual[i], expected[i], `${path}[${i}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function recordDifference(
  actual: Record<string, unknown>,
  expected: Record<string, unknown>,
  path: string,
): string | undefined {
  for (const key of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
    const found = Object.hasOwn(actual, key) === Object.hasOwn(expected, key)
      ? difference(actual[key], expected[key], `${path}.${key}`)
      : ` at ${path}.${key}: only one of them has it`;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isList(value: unknown): value is ArrayLike<unknown> & object {
  return Array.isArray(value) || ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function sameClass(a: object, b: object): boolean {
  return Object.getPrototypeOf(a) === Object.getPrototypeOf(b);
}

function show(value: unknown): string {
  return inspect(value, { depth: 4, maxArrayLength: 16, breakLength: Infinity });
}
