import { excess } from "../arithmetic.ts";
import { ListChecker, unlessFinite } from "../lists.ts";
import type { Reduction } from "../ops/reduction.ts";
import { checkRows, type DoubleReduced, reduceRows, ROW_OPTIONS, type RowOptions, slopeRows, sumRows } from "./rows.ts";

/** The Gaussian that {@linkcode gaussianKl} measures from. */
export interface GaussianPrior {
  /** A number for all dimensions, [dims] for all rows, or [rows, dims]; 0 unless given. */
  readonly mean?: number | ArrayLike<number>;
  /** ln of the variance, in the same shapes; 0 unless given. */
  readonly logVariance?: number | ArrayLike<number>;
}

/** Options of {@linkcode gaussianKl}. */
export interface GaussianKlOptions<R extends Reduction = Reduction> extends RowOptions<R> {
  /** How many Gaussians there are, with as many dimensions each; 1 unless given. */
  readonly rows?: number;
  /** The second Gaussian; standard normal unless given. */
  readonly prior?: GaussianPrior;
}

/** What {@linkcode gaussianKl} returns. */
export interface GaussianKlResult<R extends Reduction = Reduction> {
  /** Nats: a number, or [rows] for "none". */
  readonly divergence: DoubleReduced<R>;
  /** [rows, dims]: with respect to the means. */
  readonly gradientMean?: Float64Array;
  /** [rows, dims]: with respect to the logarithms of the variances. */
  readonly gradientLogVariance?: Float64Array;
}

/**
 * The Kullback–Leibler divergence of diagonal Gaussians from a prior, the second term of a VAE's objective:
 * Σ ½·(e^(v − v₀) − 1 − (v − v₀) + (m − m₀)²·e^(−v₀)) over dimensions, v = ln σ².
 *
 * Both parts of a term are ≥ 0 and accurate relative to themselves, so the divergence is never negative, exactly 0 for
 * the prior itself, and keeps its digits near it. A variance of 0 (v = −∞) or ∞, or an infinite mean, gives +∞; NaN
 * gives NaN; neither reaches other rows. In f64, at once and without a promise in `@surprisal/core` and
 * `@surprisal/core/sync` alike.
 *
 * The gradients are (m − m₀)·e^(−v₀) by m and ½·(e^(v − v₀) − 1) by v. For a standard normal prior the formula is in
 * {@link https://arxiv.org/abs/1312.6114 Kingma and Welling}, appendix B. {@linkcode elbo} puts it to use.
 *
 * @param mean [rows, dims], row after row.
 * @param logVariance [rows, dims]: ln σ² of each dimension.
 * @param options Rows, prior, reduction, gradient.
 * @returns The divergence in nats, and the gradients if they were asked for.
 * @throws {TypeError} If an argument has the wrong type or length.
 * @throws {RangeError} If a prior, an option or a gradient's scale is out of range.
 *
 * @example An encoder's belief of two latent dimensions
 * ```ts
 * import { gaussianKl } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { divergence, gradientMean } = gaussianKl([1, 0], [0, Math.log(4)], { gradient: true });
 * assertAlmostEquals(divergence, 0.5 + (4 - 1 - Math.log(4)) / 2);
 * assertAlmostEquals(gradientMean?.[0] ?? NaN, 1);
 * ```
 */
export function gaussianKl<R extends Reduction = "mean">(
  mean: ArrayLike<number>,
  logVariance: ArrayLike<number>,
  options: GaussianKlOptions<R> = {},
): GaussianKlResult<R> {
  const check = new ListChecker("compute gaussianKl");
  const given = check.bag<GaussianKlOptions<R>>(options, [...ROW_OPTIONS, "prior"]);
  const means = check.list("mean", mean), { length } = means;
  const variances = check.matching("logVariance", logVariance, length, "mean");
  const rows = checkRows(check, given, "mean", length, 1);
  const prior = given.prior === undefined
    ? {}
    : check.bag<GaussianPrior>(given.prior, ["mean", "logVariance"], "prior is", "property of prior");
  const ofPrior = (name: keyof GaussianPrior) =>
    prior[name] === undefined ? [0] : check.cycle(`prior.${name}`, prior[name], [rows.columns, length], unlessFinite);
  const priorMeans = ofPrior("mean"), priorVariances = ofPrior("logVariance");

  const ratio = (i: number) => variances[i] - priorVariances[i % priorVariances.length];
  const inverseDeviation = (i: number) => Math.exp(-priorVariances[i % priorVariances.length] / 2);
  // In standard deviations of the prior: the inverse variance may overflow where its square does not
  const distance = (i: number) => {
    const apart = means[i] - priorMeans[i % priorMeans.length];
    return apart === 0 ? 0 : apart * inverseDeviation(i);
  };
  const divergences = sumRows(rows, (i) => (excess(ratio(i)) + distance(i) ** 2) / 2);
  return {
    divergence: reduceRows(divergences, rows.reduction),
    ...(rows.gradient && {
      gradientMean: slopeRows(rows, (i) => {
        const away = distance(i);
        return away === 0 ? 0 : away * inverseDeviation(i);
      }),
      gradientLogVariance: slopeRows(rows, (i) => Math.expm1(ratio(i)) / 2),
    }),
  };
}
