// Bad input: the error names function, argument, position and value, and nothing was written.

import { assertEquals } from "@std/assert";
import * as asynchronous from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import { type BadCall, badMatrices, OPERATIONS } from "./bad_input.ts";
import { badLinear } from "./bad_linear.ts";
import { badOptions } from "./bad_options.ts";

type Callable = (...args: readonly unknown[]) => unknown;

const CALLS = [...badMatrices(), ...badOptions(), ...badLinear()];

const ALLOCATE: readonly [args: readonly unknown[], error: ErrorConstructor, problem: string][] = [
  [[], TypeError, "shape is undefined, not [rows, columns]"],
  [[6], TypeError, "shape is 6, not [rows, columns]"],
  [[[6]], TypeError, "shape is [6], not [rows, columns]"],
  [[["2", 3]], TypeError, 'shape[0] is "2", not a number'],
  [[[2, 0]], RangeError, "shape[1] is 0, less than 1"],
  [[[-1, 3]], RangeError, "shape[0] is -1, less than 0"],
  [[[2, 1.5]], RangeError, "shape[1] is 1.5, not an integer"],
  [[[NaN, 3]], RangeError, "shape[0] is NaN, not finite"],
  [[[2 ** 31, 3]], RangeError, "shape[0] is 2147483648, more than 2147483647"],
  [[[2, 3], "f64"], RangeError, 'dtype is "f64", not one of "f32", "f16", "bf16"'],
  [[[2, 3], 32], TypeError, "dtype is 32, not"],
  [[[2, 3], null], TypeError, "dtype is null, not"],
];

/** A partial of one row, and what is wrong with it. */
function partial(overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { kind: "logSumExp", rows: 1, values: Float64Array.of(0, 1), labelSmoothing: 0, ...overrides };
}

/** Partials that came over a wire and are not what they were. */
const PARTIALS: readonly [partial: unknown, error: ErrorConstructor, problem: string][] = [
  [undefined, TypeError, "@ is undefined, not a partial"],
  [null, TypeError, "@ is null, not a partial"],
  ["logSumExp", TypeError, '@ is "logSumExp", not a partial'],
  [partial({ kind: undefined }), TypeError, "@.kind is undefined, not"],
  [
    partial({ kind: "entropy" }),
    RangeError,
    '@.kind is "entropy", not one of "logSumExp", "crossEntropy", "klDivergence"',
  ],
  [partial({ rows: "1" }), TypeError, '@.rows is "1", not a number'],
  [partial({ rows: -1 }), RangeError, "@.rows is -1, less than 0"],
  [partial({ rows: 0.5 }), RangeError, "@.rows is 0.5, not an integer"],
  [partial({ values: { 0: 0, 1: 1 } }), TypeError, "@.values is a Object, not a Float64Array"],
  [partial({ values: new Float32Array(2) }), TypeError, "@.values is a Float32Array, not a Float64Array"],
  [partial({ rows: 2 }), TypeError, "@.values has 2 elements, not 2 for each of 2 rows"],
  [partial({ kind: "crossEntropy" }), TypeError, "@.values has 2 elements, not 5 for each of 1 rows"],
  [partial({ labelSmoothing: NaN }), RangeError, "@.labelSmoothing is NaN, not finite"],
];

function callable(functions: object, name: string): Callable {
  return Object.entries(functions).find(([key]) => key === name)?.[1] as Callable;
}

/** The error that a call throws, or that its promise rejects with; a description of what happened instead. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return "it did not throw";
}

async function reasonOf(call: () => unknown): Promise<unknown> {
  let promise: unknown;
  try {
    promise = call();
  } catch {
    return "it threw before it returned a promise";
  }
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return "it did not reject";
}

/** What is wrong with an error, if anything is. */
function complaint(error: unknown, wanted: ErrorConstructor, message: string): string[] {
  if (!(error instanceof Error)) return [`${error}, wanted ${wanted.name}: ${message}`];
  const isRight = error.constructor === wanted && error.message.includes(message);
  return isRight ? [] : [`${error.name}: ${error.message}, wanted ${wanted.name}: ${message}`];
}

/** The bytes of all arrays in the arguments. */
function bytesIn(value: unknown): number[][] {
  if (ArrayBuffer.isView(value)) return value.byteLength === 0 ? [] : [[...new Uint8Array(value.buffer)]];
  if (typeof value !== "object" || value === null || Symbol.dispose in value) return [];
  return Object.values(value).flatMap(bytesIn);
}

async function complaintsOf({ operation, make, error, problem }: BadCall): Promise<string[]> {
  // The message of a matrix that was disposed of is its own.
  const message = problem === "disposed" ? problem : `Cannot compute ${operation}: ${problem}`;
  const args = make();
  const before = bytesIn(args);
  const thrown = thrownBy(() => callable(synchronous, operation)(...args));
  const found = complaint(thrown, error, message);
  const reason = await reasonOf(() => callable(asynchronous, operation)(...args));
  if (String(reason) !== String(thrown)) found.push(`${reason} without, ${thrown} with a promise; ${message}`);
  if (JSON.stringify(bytesIn(args)) !== JSON.stringify(before)) found.push(`something was written; ${message}`);
  return found;
}

for (const operation of OPERATIONS) {
  const calls = CALLS.filter((call) => call.operation === operation);
  for (const argument of new Set(calls.map((call) => call.argument))) {
    Deno.test(`${operation}() names what is wrong with ${argument}, and writes nothing`, async () => {
      const complaints: string[] = [];
      for (const call of calls) if (call.argument === argument) complaints.push(...await complaintsOf(call));
      assertEquals(complaints.join("\n"), "");
    });
  }
}

Deno.test("allocate() names what is wrong with its arguments", () => {
  const complaints = ALLOCATE.flatMap(([args, error, problem]) =>
    complaint(
      thrownBy(() => callable(asynchronous, "allocate")(...args)),
      error,
      `Cannot allocate a matrix: ${problem}`,
    )
  );
  assertEquals(complaints.join("\n"), "");
});

Deno.test("mergePartials() and finishPartials() name what is wrong with a partial", () => {
  const [merge, finish] = ["mergePartials", "finishPartials"].map((name) => callable(asynchronous, name));
  const complaints = PARTIALS.flatMap(([bad, error, problem]) => [
    ...complaint(
      thrownBy(() => merge(partial(), bad)),
      error,
      `Cannot merge partials: ${problem.replace("@", "partials[1]")}`,
    ),
    ...complaint(thrownBy(() => finish(bad)), error, `Cannot finish partials: ${problem.replace("@", "partial")}`),
  ]);
  assertEquals(complaints.join("\n"), "");
});

Deno.test("mergePartials() names what differs between partials", () => {
  const merge = callable(asynchronous, "mergePartials");
  const two = partial({ rows: 2, values: new Float64Array(4) });
  const [smooth, plain] = [0.1, 0].map((labelSmoothing) =>
    partial({ kind: "crossEntropy", values: new Float64Array(5), labelSmoothing })
  );
  const complaints = [
    ...complaint(thrownBy(() => merge()), TypeError, "Cannot merge partials: there is none"),
    ...complaint(thrownBy(() => merge(partial(), plain)), TypeError, "partials[1].kind is crossEntropy"),
    ...complaint(
      thrownBy(() => merge(partial(), partial(), two)),
      RangeError,
      "partials[2].rows is 2, partials[0].rows is 1",
    ),
    ...complaint(thrownBy(() => merge(smooth, plain)), RangeError, "partials[1].labelSmoothing is 0"),
  ];
  assertEquals(complaints.join("\n"), "");
});

Deno.test("an output may be the very matrix of the input, or lie beside it", () => {
  const data = Float32Array.of(0, 0, 0, 0, -9);
  const logits = { data, shape: [2, 2] as const };
  const beside = { data: new Float32Array(data.buffer, 16, 1), shape: [1, 1] as const };
  synchronous.softmax({ data: data.subarray(0, 1), shape: [1, 1] }, { out: beside });
  synchronous.softmax(logits, { out: { ...logits } });
  assertEquals([...data], [0.5, 0.5, 0.5, 0.5, 1]);
});
