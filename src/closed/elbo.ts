import { sum, weighted } from "../arithmetic.ts";
import { count, ListChecker } from "../lists.ts";
import { type Reduction, REDUCTIONS } from "../ops/reduction.ts";
import { type DoubleReduced, reduceRows } from "./rows.ts";

/** Options of {@linkcode elbo}. */
export interface ElboOptions<R extends Reduction = Reduction> {
  /** β: what the divergence is multiplied by, from 0 on; 1 unless given. Below 1 the result may exceed ln p(x). */
  readonly beta?: number;
  /** How many z were drawn of each row's q(z|x); 1 unless given. */
  readonly samples?: number;
  /** "mean" (the default) over rows, "sum", or "none" for one number a row. */
  readonly reduction?: R;
}

/** What {@linkcode elbo} returns. */
export interface ElboResult<R extends Reduction = Reduction> {
  /** Nats, to be maximised: a number, or [rows] for "none". */
  readonly bound: DoubleReduced<R>;
  /** Its negative, to be minimised. */
  readonly loss: DoubleReduced<R>;
}

/**
 * The evidence lower bound of a variational auto-encoder: E_q[ln p(x|z)] − β·KL(q(z|x) ‖ p(z)).
 *
 * It is to be maximised. For β = 1 it falls short of ln p(x) by the divergence of q from the true posterior, for more
 * by more ({@link https://openreview.net/forum?id=Sy2fzU9gl Higgins et al.}). `loss` is its negative, which optimisers
 * minimise. The expectation is the mean over samples. A log-likelihood of −∞ and a divergence of +∞ give −∞; NaN gives
 * NaN; a β of 0 leaves out whatever the divergence is. In f64, at once and without a promise in `@surprisal/core` and
 * `@surprisal/core/sync` alike.
 *
 * The log-likelihood of a Bernoulli decoder is the negative of {@linkcode binaryCrossEntropy} summed over a row, that
 * of a categorical one the negative of {@linkcode crossEntropy}. The divergence is {@linkcode gaussianKl}'s, whose
 * gradients `gradientScale` multiplies by β.
 *
 * @param logLikelihood [rows, samples]: ln p(x|z) of each row's x, for each z drawn for it.
 * @param divergence [rows]: KL(q(z|x) ‖ p(z)).
 * @param options β, samples, reduction.
 * @returns The bound, and the loss, in nats.
 * @throws {TypeError} If an argument has the wrong type or length.
 * @throws {RangeError} If an option is out of range.
 *
 * @example Loss and gradients of two images of three pixels, with two latent dimensions
 * ```ts
 * import { binaryCrossEntropy, elbo, gaussianKl } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const rows = 2, reduction = "none";
 * // What the encoder says of z, and the decoder's logits for the z that were drawn
 * const mean = [0.5, -0.2, 0, 0.1], logVariance = [-1, -0.5, 0, 0.2];
 * const logits = [4, -3, 2, -1, -2, 3], pixels = [1, 0, 1, 0, 0, 1];
 *
 * // The loss is a mean over rows, and so is what it asks of each row's gradient; with β, gaussianKl's is β / rows
 * const asked = { rows, reduction, gradient: true, gradientScale: [1 / rows, 1 / rows] } as const;
 * const decoder = binaryCrossEntropy(logits, pixels, asked); // decoder.gradient is by the logits
 * const encoder = gaussianKl(mean, logVariance, asked); // encoder.gradientMean and .gradientLogVariance by its outputs
 * const { bound, loss } = elbo(decoder.loss.map((nats) => -nats), encoder.divergence);
 *
 * const total = decoder.loss[0] + decoder.loss[1] + encoder.divergence[0] + encoder.divergence[1];
 * assertAlmostEquals(loss, total / 2);
 * assertAlmostEquals(bound, -loss);
 * ```
 */
export function elbo<R extends Reduction = "mean">(
  logLikelihood: ArrayLike<number>,
  divergence: ArrayLike<number>,
  options: ElboOptions<R> = {},
): ElboResult<R> {
  const check = new ListChecker("compute elbo");
  const given = check.bag<ElboOptions<R>>(options, ["beta", "samples", "reduction"]);
  const beta = check.number("beta", given.beta, { fallback: 1, least: 0 });
  const samples = check.number("samples", given.samples, { fallback: 1, least: 1, integer: true });
  const reduction = check.choice("reduction", given.reduction, REDUCTIONS, "mean") as R;
  const divergences = check.list("divergence", divergence), rows = divergences.length;
  const likelihoods = check.list("logLikelihood", logLikelihood);
  if (likelihoods.length !== rows * samples) {
    const elements = count(likelihoods.length, "element");
    throw check.typeError(`logLikelihood has ${elements}, divergence ${rows}, samples is ${samples}`);
  }

  const bounds = Float64Array.from({ length: rows }, (_, row) => {
    const expected = sum(samples, (sample) => likelihoods[row * samples + sample]) / samples;
    return expected - weighted(beta, divergences[row]);
  });
  const losses = bounds.map((bound) => 0 - bound);
  return { bound: reduceRows(bounds, reduction), loss: reduceRows(losses, reduction) };
}
