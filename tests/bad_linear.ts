/**
 * Wrong arguments of linearCrossEntropy, for the table of bad_input.ts: those that it has beside what all operations have.
 *
 * @module
 */
import { type BadCall, call, calls, type Fault, MATRIX, matrix, NO_MATRIX, otherShape } from "./bad_input.ts";
import { square, strideFault, value } from "./bad_input.ts";
import { CLASSES, lists, numbers, OUTPUTS, words } from "./bad_options.ts";

const OPERATION = "linearCrossEntropy";

/** Faults of one of the wanted gradients. */
function within(name: string, faults: readonly Fault[]): Fault[] {
  return faults.map(([bad, error, problem]) => [
    () => ({ [name]: bad() }),
    error,
    problem.replaceAll("@", `gradient.${name}`),
  ]);
}

/** Where the gradient by a matrix cannot go. */
const GRADIENT: readonly Fault[] = [
  ...NO_MATRIX.filter(([bad]) => typeof bad() !== "boolean"),
  ...MATRIX,
  strideFault(0, RangeError, "0, less than 3"),
  strideFault(2, RangeError, "2, less than 3"),
];

/** A gradient over something else. */
function overlap(make: (data: Float32Array) => readonly unknown[], problem: string): BadCall {
  return call(OPERATION, "gradient", () => make(new Float32Array(24)), RangeError, problem);
}

const at = (data: Float32Array, start: number, rows: number) =>
  matrix({ data: data.subarray(start, start + 3 * rows), shape: [rows, 3] });

const GRADIENTS: readonly BadCall[] = [
  ...calls(OPERATION, "gradient", [
    [value(1), TypeError, "@ is 1, not a boolean"],
    [value("inPlace"), TypeError, '@ is "inPlace", not a boolean'],
    [value(null), TypeError, "@ is null, not a boolean"],
    [() => ({ weights: true }), TypeError, 'there is no gradient "weights"'],
    [() => ({ bias: true }), TypeError, "@.bias is true, and there is no bias"],
    [() => ({ bias: matrix() }), TypeError, "@.bias is a Object, not a boolean"],
    ...within("hidden", [...GRADIENT, ...otherShape("hidden")]),
    ...within("weight", [...GRADIENT, [matrix, RangeError, "@ is [2, 3], weight is [3, 3]"]]),
    ...within("hidden", [
      [() => matrix({ data: new Float16Array(6) }), TypeError, "@ is f16, not f32: it is summed in place"],
      [() => matrix({ data: new Uint16Array(6), dtype: "bf16" }), TypeError, "@ is bf16, not f32"],
    ]),
  ]),
  overlap((data) => {
    const hidden = at(data, 0, 2);
    return [hidden, square(), [0, 2], { gradient: { hidden } }];
  }, "gradient.hidden overlaps hidden"),
  overlap(
    (data) => [at(data, 0, 2), square(), [0, 2], { gradient: { weight: at(data, 5, 3) } }],
    "gradient.weight overlaps hidden",
  ),
  overlap(
    (data) => [matrix(), at(data, 0, 3), [0, 2], { gradient: { hidden: at(data, 8, 2) } }],
    "gradient.hidden overlaps weight",
  ),
  overlap(
    (data) => [matrix(), square(), [0, 2], { gradient: { hidden: at(data, 0, 2), weight: at(data, 3, 3) } }],
    "gradient.weight overlaps gradient.hidden",
  ),
];

/** Faults of all that only linearCrossEntropy has. */
export function badLinear(): BadCall[] {
  const missing = (what: string): Fault => [value(undefined), TypeError, `@ is undefined, not ${what}`];
  return [
    ...calls(OPERATION, "weight", [
      missing("a matrix"),
      ...NO_MATRIX,
      ...MATRIX,
      [() => matrix({ shape: [3, 2] }), RangeError, "hidden is [2, 3], @ is [3, 2]: their rows differ in length"],
      [() => matrix({ shape: [1, 6] }), RangeError, "hidden is [2, 3], @ is [1, 6]: their rows differ in length"],
      [() => matrix({ shape: [0, 3], data: new Float32Array(0) }), RangeError, "@.shape[0] is 0, less than 1"],
    ]),
    ...calls(OPERATION, "targets", [missing("an array"), ...CLASSES]),
    call(
      OPERATION,
      "targets",
      () => [matrix(), square(), [-100, 1], { ignoreIndex: 0 }],
      RangeError,
      "targets[0] is -100",
    ),
    ...calls(OPERATION, "reduction", words("batchmean")),
    ...calls(OPERATION, "ignoreIndex", numbers(0.5)),
    ...calls(OPERATION, "labelSmoothing", numbers(-0.1, 1, 1.5)),
    ...calls(OPERATION, "zLoss", numbers(-1e-4, 1e300)),
    ...calls(OPERATION, "filter", numbers(-1e-4, 1, 1.5)),
    ...calls(OPERATION, "bias", lists(3, "class").filter(([, , problem]) => !problem.includes("-Infinity"))),
    ...calls(OPERATION, "bias", [[() => [0, Infinity, 0], RangeError, "@[1] is Infinity, not finite"]]),
    ...calls(OPERATION, "classWeights", lists(3, "class")),
    ...calls(OPERATION, "gradientScale", lists(2, "row")),
    ...calls(OPERATION, "outputs", OUTPUTS),
    ...GRADIENTS,
  ];
}
