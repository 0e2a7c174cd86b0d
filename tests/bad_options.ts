/**
 * Wrong options and wrong class indices, for the table of bad_input.ts.
 *
 * @module
 */
import { type BadCall, call, calls, type Fault, matrix, OPERATIONS, value } from "./bad_input.ts";

/** Not an options bag, or with something in it that does not belong. */
const OPTIONS: readonly Fault[] = [
  [value(null), TypeError, "options are null, not an object"],
  [value(5), TypeError, "options are 5, not an object"],
  [value("wasm"), TypeError, 'options are "wasm", not an object'],
  [value(true), TypeError, "options are true, not an object"],
  [value(() => ({})), TypeError, "options are a function, not an object"],
  [() => ({ speed: 9 }), TypeError, 'there is no option "speed"'],
  [() => ({ Temperature: 1 }), TypeError, 'there is no option "Temperature"'],
  [() => ({ temprature: undefined }), TypeError, 'there is no option "temprature"'],
];

/** Faults of an option that is one of a few words. */
function words(example: string): Fault[] {
  return [
    [value(example), RangeError, `@ is "${example}", not one of`],
    [value(""), RangeError, '@ is "", not one of'],
    [value(3), TypeError, "@ is 3, not"],
    [value(null), TypeError, "@ is null, not"],
    [() => ["mean"], TypeError, '@ is ["mean"], not'],
  ];
}

/** Faults of an option that is a number, beside the given values that are out of range. */
function numbers(...outside: number[]): Fault[] {
  return [
    ...[NaN, Infinity, -Infinity, ...outside].map((x): Fault => [value(x), RangeError, `@ is ${x}, `]),
    [value("1"), TypeError, '@ is "1", not a number'],
    [value(null), TypeError, "@ is null, not a number"],
    [value(1n), TypeError, "@ is 1, not a number"],
    [value(true), TypeError, "@ is true, not a number"],
    [() => [1], TypeError, "@ is [1], not a number"],
  ];
}

/** Positive numbers that f32, in which the kernels compute, has as 0 or ∞. */
const BEYOND_F32 = [1e-50, 1e300];

/** Faults of the options that every operation has. */
function common(operation: string): BadCall[] {
  return [
    ...calls(operation, "options", OPTIONS),
    ...calls(operation, "backend", words("cuda")),
    ...calls(operation, "device", [
      [value({}), TypeError, "@ is a Object, not a GPUDevice"],
      [value("gpu"), TypeError, '@ is "gpu", not a GPUDevice'],
      [value(null), TypeError, "@ is null, not a GPUDevice"],
    ]),
    ...calls(operation, "deterministic", [
      [value(1), TypeError, "@ is 1, not a boolean"],
      [value("true"), TypeError, '@ is "true", not a boolean'],
      [value(null), TypeError, "@ is null, not a boolean"],
    ]),
    ...calls(operation, "threads", numbers(0, -1, 1.5, 129, 2 ** 32)),
    ...calls(operation, "signal", [
      [value({ aborted: false }), TypeError, "@ is a Object, not an AbortSignal"],
      [value(new AbortController()), TypeError, "@ is a AbortController, not an AbortSignal"],
      [value(null), TypeError, "@ is null, not an AbortSignal"],
    ]),
    ...calls(operation, "softcap", numbers(0, -1, ...BEYOND_F32)),
    ...calls(operation, "temperature", numbers(0, -0.5, ...BEYOND_F32)),
  ];
}

/** Faults of a list of class indices below 3, for two rows. */
const CLASSES: readonly Fault[] = [
  [value(null), TypeError, "@ is null, not an array"],
  [value(1), TypeError, "@ is 1, not an array"],
  [value("02"), TypeError, '@ is "02", not an array'],
  [() => new Set([0, 2]), TypeError, "@ is a Set, not an array"],
  [() => new DataView(new ArrayBuffer(2)), TypeError, "@ is a DataView, not an array"],
  [() => new ArrayBuffer(2), TypeError, "@ is a ArrayBuffer, not an array"],
  [() => [], TypeError, "@ has 0 elements, not one for each of 2 rows"],
  [() => [0], TypeError, "@ has 1 elements, not one for each of 2 rows"],
  [() => Int32Array.of(0, 1, 2), TypeError, "@ has 3 elements, not one for each of 2 rows"],
  [() => [0, 3], RangeError, "@[1] is 3, vocab is 3"],
  [() => Int32Array.of(-1, 0), RangeError, "@[0] is -1, vocab is 3"],
  [() => Int32Array.of(0, -101), RangeError, "@[1] is -101, vocab is 3"],
  [() => Uint32Array.of(0, 2 ** 32 - 1), RangeError, "@[1] is 4294967295, vocab is 3"],
  [() => [0, 2 ** 32], RangeError, "@[1] is 4294967296, vocab is 3"],
  [() => [1.5, 0], RangeError, "@[0] is 1.5"],
  [() => Float32Array.of(0, 0.1), RangeError, "@[1] is 0.1"],
  [() => [0, NaN], RangeError, "@[1] is NaN"],
  [() => [Infinity, 0], RangeError, "@[0] is Infinity"],
  [() => ["0", 2], TypeError, '@[0] is "0", not a number'],
  [() => [0, null], TypeError, "@[1] is null, not a number"],
  [() => new Array(2), TypeError, "@[0] is undefined, not a number"],
  [() => BigInt64Array.of(0n, 1n), TypeError, "@[0] is 0, not a number"],
  [() => [[0], [2]], TypeError, "@[0] is [0], not a number"],
];

/** Faults of a list of numbers, one for each of `length` things. */
function lists(length: number, each: string): Fault[] {
  const list = (x: unknown) => () => Array.from({ length }, (_, i) => i === 1 ? x : 1);
  return [
    [value(null), TypeError, "@ is null, not an array"],
    [value(1), TypeError, "@ is 1, not an array"],
    [value("11"), TypeError, '@ is "11", not an array'],
    [() => [1], TypeError, `@ has 1 elements, not one for each of ${length} ${each}`],
    [
      () => new Float32Array(length + 1),
      TypeError,
      `@ has ${length + 1} elements, not one for each of ${length} ${each}`,
    ],
    [list(NaN), RangeError, "@[1] is NaN, not finite"],
    [list(-Infinity), RangeError, "@[1] is -Infinity, not finite"],
    [list("1"), TypeError, '@[1] is "1", not a number'],
    [list(undefined), TypeError, "@[1] is undefined, not a number"],
    [list(1n), TypeError, "@[1] is 1, not a number"],
    [list(1e300), RangeError, "@[1] is 1e+300, "],
  ];
}

const crossEntropy: readonly BadCall[] = [
  ...calls("crossEntropy", "targets", [[value(undefined), TypeError, "@ is undefined, not an array"], ...CLASSES]),
  ...calls("crossEntropy", "reduction", words("batchmean")),
  ...calls("crossEntropy", "ignoreIndex", numbers(0.5)),
  ...calls("crossEntropy", "labelSmoothing", numbers(-0.1, 1, 1.5)),
  ...calls("crossEntropy", "zLoss", numbers(-1e-4, 1e300)),
  ...calls("crossEntropy", "classWeights", lists(3, "class")),
  ...calls("crossEntropy", "gradientScale", lists(2, "row")),
  ...calls("crossEntropy", "gradient", [
    [value("inplace"), RangeError, '@ is "inplace", not one of "inPlace"'],
    [value(""), RangeError, '@ is "", not one of "inPlace"'],
    [value(1), TypeError, "@ is 1, not a matrix"],
    [value(null), TypeError, "@ is null, not a matrix"],
  ]),
  call(
    "crossEntropy",
    "gradient",
    () => [matrix({ rowStride: 0 }), [0, 2], { gradient: "inPlace" }],
    RangeError,
    "gradient.rowStride is 0, less than 3",
  ),
  call(
    "crossEntropy",
    "gradient",
    () => {
      const targets = matrix();
      return [matrix(), targets, { gradient: targets }];
    },
    RangeError,
    "gradient overlaps targetProbabilities",
  ),
  call("crossEntropy", "targets", () => [matrix(), [-100, 1], { ignoreIndex: 0 }], RangeError, "targets[0] is -100"),
];

const crossEntropyPartial: readonly BadCall[] = [
  ...calls("crossEntropyPartial", "targets", [
    [value(undefined), TypeError, "@ is undefined, not an array"],
    ...CLASSES,
  ]),
  ...calls("crossEntropyPartial", "firstClass", numbers(-1, 0.5)),
  ...calls("crossEntropyPartial", "vocab", numbers(2, 3.5, 2 ** 31)),
  ...calls("crossEntropyPartial", "ignoreIndex", numbers(0.5)),
  ...calls("crossEntropyPartial", "labelSmoothing", numbers(-0.1, 1)),
  call(
    "crossEntropyPartial",
    "vocab",
    () => [matrix(), [0, 1], { firstClass: 2, vocab: 4 }],
    RangeError,
    "vocab is 4, less than 5",
  ),
];

const tokenStatistics: readonly BadCall[] = [
  ...calls("tokenStatistics", "targets", CLASSES),
  ...calls("tokenStatistics", "targets", [
    [() => matrix(), TypeError, "@ is a Object, not an array"],
    [() => ({ top: 2 }), TypeError, "@ is a Object, not an array"],
    [() => [0, -100], RangeError, "@[1] is -100, vocab is 3"],
  ]),
  ...calls("tokenStatistics", "top", numbers(-1, 1.5, 4)),
];

const distillationLoss: readonly BadCall[] = [
  ...calls("distillationLoss", "targets", CLASSES),
  ...calls("distillationLoss", "alpha", numbers(-0.1, 1.5)),
  ...calls("distillationLoss", "divergence", words("kl")),
  ...calls("distillationLoss", "beta", numbers(0, 1, -0.1, 1.5)),
  ...calls("distillationLoss", "reduction", words("batchmean")),
  ...calls("distillationLoss", "ignoreIndex", numbers(0.5)),
  ...calls("distillationLoss", "vocab", numbers(0, 2.5, 4)),
  ...calls("distillationLoss", "gradientScale", lists(2, "row")),
  ...calls("distillationLoss", "gradient", words("inplace").slice(0, 2)),
  call(
    "distillationLoss",
    "alpha",
    () => [matrix(), matrix(), undefined, { alpha: 0.5 }],
    TypeError,
    "alpha is 0.5, and there are no targets",
  ),
  call(
    "distillationLoss",
    "gradient",
    () => {
      const teacher = matrix();
      return [matrix(), teacher, [0, 2], { gradient: teacher }];
    },
    RangeError,
    "gradient overlaps teacher",
  ),
];

function divergence(operation: string): BadCall[] {
  return [
    ...calls(operation, "gradientScale", lists(2, "row")),
    ...calls(operation, "vocab", numbers(0, 2.5, 4)),
    ...calls(operation, "input", words("logit")),
    ...calls(operation, "reduction", words("batchmean")),
    ...calls(operation, "gradient", [
      ...words("P"),
      [value(true), TypeError, "@ is true, not"],
      [value("inPlace"), RangeError, '@ is "inPlace", not one of "p", "q", "both"'],
    ]),
    call(
      operation,
      "softcap",
      () => [matrix(), matrix(), { input: "probabilities", softcap: 30 }],
      TypeError,
      "softcap is for logits, input is probabilities",
    ),
  ];
}

/** Faults of where new matrices go, for the operations that have any. */
const OUTPUTS: readonly Fault[] = [
  [value("cpu"), RangeError, '@ is "cpu", not one of "gpu"'],
  [value(true), TypeError, "@ is true, not one of"],
  [value(null), TypeError, "@ is null, not one of"],
];

export { CLASSES, lists, numbers, OUTPUTS, words };

/** Faults of all that is not a matrix. */
export function badOptions(): BadCall[] {
  return [
    ...OPERATIONS.flatMap(common),
    ...calls("entropy", "base", [
      [value(10), RangeError, "@ is 10, not"],
      [value(NaN), RangeError, "@ is NaN, not"],
      [value("2"), TypeError, '@ is "2", not'],
      [value(null), TypeError, "@ is null, not"],
    ]),
    ...["softmax", "logSoftmax", "crossEntropy", "distillationLoss", "klDivergence", "jsDivergence"].flatMap((
      operation,
    ) => calls(operation, "outputs", OUTPUTS)),
    call(
      "softmax",
      "outputs",
      () => [matrix(), { out: matrix(), outputs: "gpu" }],
      TypeError,
      'outputs is "gpu", and out says where else',
    ),
    call("entropy", "outputs", () => [matrix(), { outputs: "gpu" }], TypeError, 'there is no option "outputs"'),
    ...crossEntropy,
    ...crossEntropyPartial,
    ...distillationLoss,
    ...tokenStatistics,
    ...divergence("klDivergence"),
    ...calls("klDivergence", "direction", words("backward")),
    ...divergence("jsDivergence"),
    ...calls("jsDivergence", "beta", numbers(0, 1, -0.1, 1.5)),
  ];
}
