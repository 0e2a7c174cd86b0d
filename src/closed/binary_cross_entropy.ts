import { weighted } from "../arithmetic.ts";
import { ListChecker, outsideUnit, unlessShare, unlessWeight } from "../lists.ts";
import type { Reduction } from "../ops/reduction.ts";
import { checkRows, type DoubleReduced, reduceRows, ROW_OPTIONS, type RowOptions, slopeRows, sumRows } from "./rows.ts";

/** Options of {@linkcode binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions<R extends Reduction = Reduction> extends RowOptions<R> {
  /** What predictions hold: "logits" (the default) or "probabilities". */
  readonly input?: "logits" | "probabilities";
  /** How many rows there are, whose losses are the sums of their predictions'; each prediction is one unless given. */
  readonly rows?: number;
  /** [rows, columns]: what each loss is multiplied by, from 0 on. 0 leaves a prediction out, even NaN. */
  readonly weights?: ArrayLike<number>;
  /** What y·ln p is multiplied by, from 0 on: a number, or [columns]. PyTorch's `pos_weight`; 1 unless given. */
  readonly positiveWeight?: number | ArrayLike<number>;
}

/** What {@linkcode binaryCrossEntropy} returns. */
export interface BinaryCrossEntropyResult<R extends Reduction = Reduction> {
  /** Nats: a number, or [rows] for "none". */
  readonly loss: DoubleReduced<R>;
  /** [rows, columns]: with respect to the predictions as they were given, logits or probabilities. */
  readonly gradient?: Float64Array;
}

/** The surprisals −ln p and −ln(1 − p) of a prediction, and their derivatives by it. */
interface Surprisals {
  readonly positive: (prediction: number) => number;
  readonly negative: (prediction: number) => number;
  readonly positiveSlope: (prediction: number) => number;
  readonly negativeSlope: (prediction: number) => number;
}

const LOGITS: Surprisals = {
  positive: (z) => softplus(-z),
  negative: softplus,
  // 1 − σ(z), which would cancel as p → 1
  positiveSlope: (z) => -sigmoid(-z),
  negativeSlope: sigmoid,
};

const PROBABILITIES: Surprisals = {
  positive: (p) => -Math.log(p),
  negative: (p) => -Math.log1p(-p),
  positiveSlope: (p) => -1 / p,
  negativeSlope: (p) => 1 / (1 - p),
};

/** ln(1 + e^z). */
function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

function sigmoid(z: number): number {
  const e = Math.exp(-Math.abs(z));
  return (z < 0 ? e : 1) / (1 + e);
}

/**
 * The cross-entropy of independent yes-or-no predictions: −(y·ln p + (1 − y)·ln(1 − p)), p = σ(z) of a logit z.
 *
 * Computed as y·softplus(−z) + (1 − y)·softplus(z), whose parts are ≥ 0: nothing cancels or overflows, and a loss near
 * 0 keeps its digits. 0·∞ is 0: a certain prediction (z = ±∞, p = 0 or 1) that comes true has loss exactly 0, one that
 * does not +∞, with a gradient by the logit of ±1. NaN gives NaN. In f64, at once and without a promise in
 * `@surprisal/core` and `@surprisal/core/sync` alike.
 *
 * Follows `torch.nn.functional.binary_cross_entropy_with_logits`, and `binary_cross_entropy` for probabilities, with
 * two differences. PyTorch clamps logarithms of probabilities at −100, so that an infinite loss looks finite and its
 * gradient is not the loss's; here nothing is clipped. And "mean" is over rows: the same where each prediction is one.
 *
 * @param predictions [rows, columns], row after row: logits, or probabilities.
 * @param targets [rows, columns]: y, from 0 to 1.
 * @param options What predictions are; rows, weights, reduction, gradient.
 * @returns The loss in nats, and the gradient if it was asked for.
 * @throws {TypeError} If an argument has the wrong type or length.
 * @throws {RangeError} If a target, a probability, a weight or an option is out of range.
 *
 * @example Two predictions, one of them very sure
 * ```ts
 * import { binaryCrossEntropy } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { loss, gradient } = binaryCrossEntropy([0, 1000], [1, 0], { reduction: "sum", gradient: true });
 * assertAlmostEquals(loss, Math.LN2 + 1000);
 * assertAlmostEquals(gradient?.[0] ?? NaN, -0.5);
 * ```
 */
export function binaryCrossEntropy<R extends Reduction = "mean">(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  options: BinaryCrossEntropyOptions<R> = {},
): BinaryCrossEntropyResult<R> {
  const check = new ListChecker("compute binaryCrossEntropy");
  const names = [...ROW_OPTIONS, "input", "weights", "positiveWeight"];
  const given = check.bag<BinaryCrossEntropyOptions<R>>(options, names);
  const input = check.choice("input", given.input, ["logits", "probabilities"], "logits");
  const { positive, negative, positiveSlope, negativeSlope } = input === "logits" ? LOGITS : PROBABILITIES;
  const x = check.list("predictions", predictions, input === "logits" ? undefined : outsideUnit), { length } = x;
  const y = check.matching("targets", targets, length, "predictions", unlessShare);
  const rows = checkRows(check, given, "predictions", length, length);
  const weights = given.weights === undefined
    ? [1]
    : check.matching("weights", given.weights, length, "predictions", unlessWeight);
  const emphasis = given.positiveWeight === undefined
    ? [1]
    : check.cycle("positiveWeight", given.positiveWeight, [rows.columns], unlessWeight);

  /** y·f(x) + (1 − y)·g(x), weighted. */
  const mix = (i: number, f: (prediction: number) => number, g: (prediction: number) => number) =>
    weighted(
      weights[i % weights.length],
      weighted(emphasis[i % emphasis.length] * y[i], f(x[i])) + weighted(1 - y[i], g(x[i])),
    );
  const losses = sumRows(rows, (i) => mix(i, positive, negative));
  return {
    loss: reduceRows(losses, rows.reduction),
    ...(rows.gradient && { gradient: slopeRows(rows, (i) => mix(i, positiveSlope, negativeSlope)) }),
  };
}
