/**
 * Every argument of every function, wrong in every way it can be, and the error that says so.
 *
 * @module
 */
import { allocate } from "../mod.ts";

/** A call that must be refused. */
export interface BadCall {
  /** The function. */
  readonly operation: string;
  /** The argument at fault. */
  readonly argument: string;
  /** Fresh arguments. */
  readonly make: () => readonly unknown[];
  /** The error's class. */
  readonly error: ErrorConstructor;
  /** What follows "Cannot compute x: " in its message. */
  readonly problem: string;
}

/** A wrong value, and the error and message that it makes; "@" in a message stands for the argument's name. */
type Fault = readonly [value: () => unknown, error: ErrorConstructor, problem: string];

type Arguments = Readonly<Record<string, () => unknown>>;

/** Two rows of three classes; data and shape may be overruled. */
function matrix(overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3], ...overrides };
}

/** Three classes' weights of three hidden numbers. */
function square(): Record<string, unknown> {
  return matrix({ data: new Float32Array(9), shape: [3, 3] });
}

/** What is handed over where nothing is to go wrong: positional arguments, then options that receive results. */
const CALLS: Readonly<Record<string, { positional: Arguments; outputs: Arguments }>> = {
  logSumExp: { positional: { logits: matrix }, outputs: {} },
  entropy: { positional: { logits: matrix }, outputs: {} },
  softmax: { positional: { logits: matrix }, outputs: { out: matrix } },
  logSoftmax: { positional: { logits: matrix }, outputs: { out: matrix } },
  crossEntropy: { positional: { logits: matrix, targets: () => [0, 2] }, outputs: { gradient: matrix } },
  distillationLoss: {
    positional: { student: matrix, teacher: matrix, targets: () => [0, 2] },
    outputs: { gradient: matrix },
  },
  linearCrossEntropy: { positional: { hidden: matrix, weight: square, targets: () => [0, 2] }, outputs: {} },
  tokenStatistics: { positional: { logits: matrix, targets: () => [0, 2] }, outputs: {} },
  klDivergence: { positional: { p: matrix, q: matrix }, outputs: {} },
  jsDivergence: { positional: { p: matrix, q: matrix }, outputs: {} },
  logSumExpPartial: { positional: { logits: matrix }, outputs: {} },
  crossEntropyPartial: { positional: { logits: matrix, targets: () => [0, 2] }, outputs: {} },
  klDivergencePartial: { positional: { p: matrix, q: matrix }, outputs: {} },
};

const value = (x: unknown) => () => x;

/** Not a matrix at all. */
const NO_MATRIX: readonly Fault[] = [
  [value(null), TypeError, "@ is null, not a matrix"],
  [value(5), TypeError, "@ is 5, not a matrix"],
  [value(5n), TypeError, "@ is 5, not a matrix"],
  [value("logits"), TypeError, '@ is "logits", not a matrix'],
  [value(() => 0), TypeError, "@ is a function, not a matrix"],
  [() => [[1, 2, 3], [4, 5, 6]], TypeError, "@.data is undefined, not a Float32Array"],
  [() => ({}), TypeError, "@.data is undefined, not a Float32Array, Float16Array, Uint16Array or GPUBuffer"],
  [() => new Float32Array(6), TypeError, "@.data is undefined, not a Float32Array"],
];

const dataFault = (data: unknown, shown: string): Fault => [
  () => matrix({ data }),
  TypeError,
  `@.data is ${shown}, not a Float32Array, Float16Array, Uint16Array or GPUBuffer`,
];

const dtypeFault = (data: unknown, dtype: unknown, error: ErrorConstructor, shown: string): Fault => [
  () => matrix({ data, dtype }),
  error,
  `@.dtype is ${shown}`,
];

const shapeFault = (shape: unknown, error: ErrorConstructor, problem: string): Fault => [
  () => matrix({ shape }),
  error,
  `@.shape${problem}`,
];

const strideFault = (rowStride: unknown, error: ErrorConstructor, problem: string): Fault => [
  () => matrix({ rowStride }),
  error,
  `@.rowStride is ${problem}`,
];

/** A matrix with something wrong in it. */
const MATRIX: readonly Fault[] = [
  dataFault(null, "null"),
  dataFault(undefined, "undefined"),
  dataFault([1, 2, 3, 4, 5, 6], "an array of 6"),
  dataFault(new Float64Array(6), "a Float64Array"),
  dataFault(new Int32Array(6), "a Int32Array"),
  dataFault(new Uint8Array(24), "a Uint8Array"),
  dataFault(new BigInt64Array(6), "a BigInt64Array"),
  dataFault(new ArrayBuffer(24), "a ArrayBuffer"),
  dataFault(new DataView(new ArrayBuffer(24)), "a DataView"),
  dataFault("AAAA", '"AAAA"'),
  dtypeFault(new Float32Array(6), "f16", RangeError, '"f16", not one of "f32"'),
  dtypeFault(new Float32Array(6), "bf16", RangeError, '"bf16", not one of "f32"'),
  dtypeFault(new Float32Array(6), "float32", RangeError, '"float32", not one of "f32"'),
  dtypeFault(new Float32Array(6), 32, TypeError, "32, not"),
  dtypeFault(new Float32Array(6), null, TypeError, "null, not"),
  dtypeFault(new Float16Array(6), "f32", RangeError, '"f32", not one of "f16"'),
  dtypeFault(new Float16Array(6), "bf16", RangeError, '"bf16", not one of "f16"'),
  dtypeFault(new Uint16Array(6), "f32", RangeError, '"f32", not one of "bf16", "f16"'),
  [() => matrix({ data: new Uint16Array(6) }), TypeError, '@.data is a Uint16Array: dtype must say "bf16" or "f16"'],
  shapeFault(undefined, TypeError, " is undefined, not [rows, columns]"),
  shapeFault(null, TypeError, " is null, not [rows, columns]"),
  shapeFault(6, TypeError, " is 6, not [rows, columns]"),
  shapeFault("2,3", TypeError, ' is "2,3", not [rows, columns]'),
  shapeFault([6], TypeError, " is [6], not [rows, columns]"),
  shapeFault([1, 2, 3], TypeError, " is [1, 2, 3], not [rows, columns]"),
  shapeFault(Int32Array.of(2, 3), TypeError, " is a Int32Array, not [rows, columns]"),
  shapeFault(["2", 3], TypeError, '[0] is "2", not a number'),
  shapeFault([2, null], TypeError, "[1] is null, not a number"),
  shapeFault([2, undefined], TypeError, "[1] is undefined, not a number"),
  shapeFault([2n, 3], TypeError, "[0] is 2, not a number"),
  shapeFault([-1, 3], RangeError, "[0] is -1, less than 0"),
  shapeFault([2, 0], RangeError, "[1] is 0, less than 1"),
  shapeFault([2, -3], RangeError, "[1] is -3, less than 1"),
  shapeFault([1.5, 3], RangeError, "[0] is 1.5, not an integer"),
  shapeFault([2, 2.5], RangeError, "[1] is 2.5, not an integer"),
  shapeFault([NaN, 3], RangeError, "[0] is NaN, not finite"),
  shapeFault([2, Infinity], RangeError, "[1] is Infinity, not finite"),
  shapeFault([2 ** 31, 3], RangeError, "[0] is 2147483648, more than 2147483647"),
  [() => matrix({ data: new Float32Array(5) }), TypeError, "@.data has 5 elements, shape [2, 3] needs 6"],
  [() => matrix({ data: detached() }), TypeError, "@.data has 0 elements, shape [2, 3] needs 6"],
  [() => matrix({ rowStride: 4 }), TypeError, "@.data has 6 elements, shape [2, 3] needs 7"],
  strideFault(2, RangeError, "2, "),
  strideFault(-3, RangeError, "-3, "),
  strideFault(3.5, RangeError, "3.5, not an integer"),
  strideFault(NaN, RangeError, "NaN, not finite"),
  strideFault("3", TypeError, '"3", not a number'),
  strideFault(null, TypeError, "null, not a number"),
  [disposed, TypeError, "disposed"],
];

function detached(): Float32Array {
  const data = new Float32Array(6);
  data.buffer.transfer();
  return data;
}

function disposed(): unknown {
  using matrix = allocate([2, 3]);
  return matrix;
}

/** A matrix that would do, were it not for the one beside it. */
const otherShape = (of: string): readonly Fault[] => [
  [() => matrix({ shape: [1, 3] }), RangeError, `@ is [1, 3], ${of} is [2, 3]`],
  [() => matrix({ shape: [3, 2] }), RangeError, `@ is [3, 2], ${of} is [2, 3]`],
  [() => matrix({ shape: [2, 4], data: new Float32Array(8) }), RangeError, `@ is [2, 4], ${of} is [2, 3]`],
];

/** Where results cannot go. */
const output = (of: string): readonly Fault[] => [
  ...MATRIX,
  ...otherShape(of),
  strideFault(0, RangeError, "0, less than 3"),
  strideFault(2, RangeError, "2, less than 3"),
];

/** One call for each fault of an argument of an operation. */
function calls(operation: string, argument: string, faults: readonly Fault[]): BadCall[] {
  const { positional, outputs } = CALLS[operation];
  return faults.map(([bad, error, problem]) => ({
    operation,
    argument,
    error,
    problem: problem.replaceAll("@", argument),
    make: () => {
      const before = Object.entries(positional).map(([name, good]) => name === argument ? bad() : good());
      if (argument === "options") return [...before, bad()];
      const options: Record<string, unknown> = {};
      for (const [name, good] of Object.entries(outputs)) options[name] = good();
      if (!(argument in positional)) options[argument] = bad();
      return [...before, options];
    },
  }));
}

/** A call whose arguments depend on each other. */
function call(
  operation: string,
  argument: string,
  make: () => readonly unknown[],
  error: ErrorConstructor,
  problem: string,
): BadCall {
  return { operation, argument, make, error, problem };
}

/** Faults of the matrices of every operation. */
export function badMatrices(): BadCall[] {
  return Object.entries(CALLS).flatMap(([operation, { positional, outputs }]) => {
    const [first, second] = Object.keys(positional);
    const missing: Fault = [value(undefined), TypeError, "@ is undefined, not a matrix"];
    const found = calls(operation, first, [missing, ...NO_MATRIX, ...MATRIX]);
    if (second === "q" || second === "teacher") {
      found.push(...calls(operation, second, [missing, ...NO_MATRIX, ...MATRIX, ...otherShape(first)]));
    }
    // Whatever has a shape is meant as probabilities.
    if (operation === "crossEntropy") found.push(...calls(operation, second, [...MATRIX, ...otherShape("logits")]));
    for (const name of Object.keys(outputs)) {
      const others = NO_MATRIX.filter(([bad]) => name === "out" || typeof bad() !== "string");
      found.push(...calls(operation, name, [...others, ...output(first)]), ...overlaps(operation, name));
    }
    return found;
  });
}

/** Outputs that lie over an input without being it. */
function overlaps(operation: string, name: string): BadCall[] {
  const { positional } = CALLS[operation], [first] = Object.keys(positional), [, ...others] = Object.values(positional);
  const over = (
    input: Record<string, unknown>,
    output: (buffer: ArrayBuffer) => Record<string, unknown>,
    problem: string,
  ) => {
    const make = () => {
      const data = new Float32Array(12);
      const logits = { ...matrix(), data, ...input };
      return [logits, ...others.map((good) => good()), { [name]: { ...matrix(), ...output(data.buffer) } }];
    };
    return call(operation, name, make, RangeError, problem);
  };
  const problem = `${name} overlaps ${first}`;
  return [
    over({}, (buffer) => ({ data: new Float32Array(buffer, 4, 6) }), problem),
    over({}, (buffer) => ({ data: new Float32Array(buffer, 20, 7) }), problem),
    over({}, (buffer) => ({ data: new Float32Array(buffer), rowStride: 4 }), problem),
    over({ rowStride: 4 }, (buffer) => ({ data: new Float32Array(buffer), rowStride: 3 }), problem),
    over({}, (buffer) => ({ data: new Float16Array(buffer, 0, 6) }), problem),
    over({}, (buffer) => ({ data: new Uint16Array(buffer, 0, 6), dtype: "bf16" }), problem),
    over({ rowStride: 0 }, (buffer) => ({ data: new Float32Array(buffer), rowStride: 0 }), `${name}.rowStride is 0`),
  ];
}
export { call, calls, type Fault, MATRIX, matrix, NO_MATRIX, otherShape, square, strideFault, value };

/** The functions under test. */
export const OPERATIONS: readonly string[] = Object.keys(CALLS);
