/**
 * A stand-in for the few functions of `@std/assert` that the tests use, on `node:assert/strict`, for a machine that
 * reaches npm but not JSR. Signatures and meaning are those of `@std/assert` 1; `tests/house.ts` links it in.
 *
 * @module
 */
import { AssertionError } from "node:assert/strict";
import { inspect } from "node:util";
import { difference } from "./difference.ts";

export { AssertionError };

type Constructor<T> = abstract new (...args: never[]) => T;

/** Throws an {@linkcode AssertionError}. */
export function fail(msg?: string): never {
  throw new AssertionError({ message: msg ? `Failed assertion: ${msg}` : "Failed assertion." });
}

function check(holds: boolean, message: string, msg?: string): asserts holds {
  if (!holds) throw new AssertionError({ message: msg ? `${message}: ${msg}` : message });
}

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  check(Boolean(expr), msg || "Expected a truthy value");
}

/** Asserts that `actual` is neither `undefined` nor `null`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  check(actual !== undefined && actual !== null, `Expected a value, got ${actual}`, msg);
}

/** Asserts deep equality by value: NaN equals NaN, and 0 equals -0. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  const found = difference(actual, expected);
  check(found === undefined, `Values are not equal${found}`, msg);
}

/** Asserts that two values are not equal in the sense of {@linkcode assertEquals}. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  check(difference(actual, expected) !== undefined, `Expected values other than ${inspect(expected)}`, msg);
}

/** Asserts `Object.is(actual, expected)`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  check(Object.is(actual, expected), `${inspect(actual)} is not ${inspect(expected)}`, msg);
}

/** Asserts |actual − expected| ≤ tolerance, which is 1e-7 of a finite `expected` unless given. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const bound = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  check(delta <= bound, `${actual} is ${delta} away from ${expected}, more than ${bound}`, msg);
}

/** Asserts `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  check(actual > expected, `Expected ${inspect(actual)} > ${inspect(expected)}`, msg);
}

/** Asserts `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual >= expected, `Expected ${inspect(actual)} >= ${inspect(expected)}`, msg);
}

/** Asserts `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  check(actual < expected, `Expected ${inspect(actual)} < ${inspect(expected)}`, msg);
}

/** Asserts `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual <= expected, `Expected ${inspect(actual)} <= ${inspect(expected)}`, msg);
}

/** Asserts that `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  check(actual.includes(expected), `Expected ${inspect(actual)} to contain ${inspect(expected)}`, msg);
}

/** Asserts that `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  check(actual.search(expected) >= 0, `Expected ${inspect(actual)} to match ${expected}`, msg);
}

/** Asserts that `actual` is an instance of `expectedType`. */
export function assertInstanceOf<T>(actual: unknown, expectedType: Constructor<T>, msg = ""): asserts actual is T {
  check(actual instanceof expectedType, `Expected an instance of ${expectedType.name}, got ${inspect(actual)}`, msg);
}

/** Asserts that `fn` throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that `fn` throws an `ErrorClass` whose message contains `msgIncludes`, and returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(fn: () => unknown, ...wanted: Wanted): unknown {
  try {
    fn();
  } catch (error) {
    return checkError(error, ...wanted);
  }
  fail("expected the function to throw");
}

/** Asserts that the promise of `fn` rejects, and returns the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Asserts that the promise of `fn` rejects with an `ErrorClass` whose message contains `msgIncludes`; returns it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(fn: () => PromiseLike<unknown>, ...wanted: Wanted): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    fail(`expected the function to reject, but it threw ${inspect(error)}`);
  }
  try {
    await promise;
  } catch (error) {
    return checkError(error, ...wanted);
  }
  fail("expected the function to reject");
}

type Wanted = [msg?: string] | [ErrorClass: Constructor<Error>, msgIncludes?: string, msg?: string];

function checkError(error: unknown, ...[ErrorClass, msgIncludes = "", msg]: Wanted): unknown {
  if (typeof ErrorClass !== "function") return error;
  assertInstanceOf(error, ErrorClass, msg);
  assertStringIncludes(error.message, msgIncludes, msg);
  return error;
}
