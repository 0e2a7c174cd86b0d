import { sum } from "../arithmetic.ts";
import { unlessLogarithm, unlessWeight } from "../lists.ts";
import { DistributionChecker } from "./distributions.ts";
import { normalizeLogs } from "./normalize.ts";

/** Options of {@linkcode bayes}. */
export interface BayesOptions {
  /** What `prior` and `likelihoods` hold: "probabilities" (the default), or their logarithms, "logProbabilities". */
  readonly input?: "probabilities" | "logProbabilities";
}

/** What {@linkcode bayes} returns. */
export interface Posterior {
  /** [hypotheses]: P(hypothesis | data). */
  readonly posterior: Float64Array;
  /** [hypotheses]: its logarithms, nats, which say what the probabilities are too small for. */
  readonly logPosterior: Float64Array;
  /** ln P(data) = ln Σ prior·likelihood, nats. */
  readonly logEvidence: number;
}

/**
 * Bayes' rule: what data make of a prior, P(h | data) = P(h)·P(data | h) / P(data).
 *
 * Computed among logarithms, so that likelihoods of many observations, e^−1000, can be given as such. A hypothesis
 * whose prior or likelihood is 0 has posterior 0. Where that holds of all, the data are impossible: logEvidence is −∞
 * and the posterior NaN. A prior is divided by its sum first.
 *
 * @param prior [hypotheses], a distribution, or its logarithms.
 * @param likelihoods [hypotheses]: P(data | h), or a density, from 0 on; or its logarithms, finite or −∞.
 * @param options What they hold.
 * @returns The posterior, its logarithms, and the logarithm of the evidence.
 * @throws {TypeError} If an argument has the wrong type or length.
 * @throws {RangeError} If the prior is no distribution, or a likelihood or the option is out of range.
 *
 * @example A test that finds 95 of 100 sick and frightens 5 of 100 healthy, for what one in a hundred has
 * ```ts
 * import { bayes } from "@surprisal/core/discrete";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { posterior, logEvidence } = bayes([0.01, 0.99], [0.95, 0.05]);
 * assertAlmostEquals(posterior[0], 0.0095 / 0.059);
 * assertAlmostEquals(logEvidence, Math.log(0.059));
 * ```
 */
export function bayes(
  prior: ArrayLike<number>,
  likelihoods: ArrayLike<number>,
  options: BayesOptions = {},
): Posterior {
  const check = new DistributionChecker("compute bayes");
  const { input } = check.bag<BayesOptions>(options, ["input"]);
  const kind = check.choice("input", input, ["probabilities", "logProbabilities"], "probabilities");
  const isLog = kind === "logProbabilities";
  const logPrior = isLog ? checkLogs(check, prior) : check.distribution("prior", prior).map(Math.log);
  const complain = isLog ? unlessLogarithm : unlessWeight;
  const given = check.matching("likelihoods", likelihoods, logPrior.length, "prior", complain);
  const joint = logPrior.map((log, i) => log + (isLog ? given[i] : Math.log(given[i])));
  const { logs, logTotal } = normalizeLogs(joint);
  return { posterior: logs.map(Math.exp), logPosterior: logs, logEvidence: logTotal };
}

/** Log-probabilities of a distribution, at least one. */
function checkLogs(check: DistributionChecker, prior: unknown): Float64Array {
  const list = check.list("prior", prior, unlessLogarithm);
  check.someOf("prior", list);
  check.one("e^prior", sum(list.length, (i) => Math.exp(list[i])));
  return normalizeLogs(list).logs;
}
