// Bayes' rule, among probabilities and among their logarithms.

import fc from "fast-check";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { bayes, conditional, isPmf, normalize } from "../src/discrete/mod.ts";
import { permutation } from "./arbitraries.ts";
import { assertRefuses } from "./refusals.ts";

const inf = Infinity;
const LOGS = { input: "logProbabilities" } as const;

/** A prior and likelihoods, some of them 0 or densities above 1, that do not rule out everything. */
const DATA = fc.array(
  fc.tuple(
    fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
      weight: 5,
      arbitrary: fc.double({ min: 1e-100, max: 1, noNaN: true }),
    }),
    fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
      weight: 5,
      arbitrary: fc.double({ min: 1e-100, max: 9, noNaN: true }),
    }),
  ),
  { minLength: 1, maxLength: 40 },
).filter((pairs) => pairs.some(([prior, likelihood]) => prior > 0 && likelihood > 0))
  .map((pairs) => [normalize(pairs.map(([p]) => p)), pairs.map(([, likelihood]) => likelihood)] as const);

Deno.test("bayes() of a test for a rare disease", () => {
  const { posterior, logPosterior, logEvidence } = bayes([0.01, 0.99], [0.95, 0.05]);
  assertAlmostEquals(posterior[0], 0.0095 / 0.059, 1e-15);
  assertAlmostEquals(posterior[1], 0.0495 / 0.059, 1e-15);
  assertAlmostEquals(logPosterior[0], Math.log(0.0095 / 0.059), 1e-15);
  assertAlmostEquals(logEvidence, Math.log(0.059), 1e-15);
});

Deno.test("bayes() is prior · likelihood over their sum, and the same among logarithms", () => {
  fc.assert(fc.property(DATA, fc.integer(), ([prior, likelihoods], seed) => {
    const { posterior, logPosterior, logEvidence } = bayes(prior, likelihoods);
    const joint = prior.map((p, i) => p * likelihoods[i]), evidence = joint.reduce((a, b) => a + b, 0);
    const logs = bayes(prior.map(Math.log), likelihoods.map(Math.log), LOGS);
    if (evidence > 1e-290) assertAlmostEquals(logEvidence, Math.log(evidence), 1e-12);
    assertAlmostEquals(logs.logEvidence, logEvidence, 1e-12);
    assertEquals(isPmf(posterior, { tolerance: 1e-12 }), true);
    posterior.forEach((p, i) => {
      if (evidence > 1e-290) assertAlmostEquals(p, joint[i] / evidence, 1e-12);
      assertAlmostEquals(logs.posterior[i], p, 1e-12);
      assertEquals(p, Math.exp(logPosterior[i]));
    });
    const order = permutation(prior.length, seed);
    const permuted = bayes(order.map((i) => prior[i]), order.map((i) => likelihoods[i]));
    permuted.posterior.forEach((p, i) => assertAlmostEquals(p, posterior[order[i]], 1e-14));
  }));
});

Deno.test("bayes() takes likelihoods that numbers cannot hold, and products that they cannot", () => {
  const half = Math.log(0.5);
  const { posterior, logEvidence } = bayes([half, half], [-1000, -1000 - Math.log(3)], LOGS);
  assertAlmostEquals(posterior[0], 0.75, 1e-12);
  assertAlmostEquals(logEvidence, -1000 + half + Math.log(4 / 3), 1e-12);
  const far = bayes([0.5, 0.5], [1, 1e-300]);
  assertAlmostEquals(far.logPosterior[1], Math.log(1e-300), 1e-12);
  assertAlmostEquals(far.logPosterior[0], -1e-300, 1e-312);
  const tiny = bayes([1e-200, 1], [1e-200, 0]);
  assertEquals([...tiny.posterior], [1, 0]);
  assertAlmostEquals(tiny.logEvidence, 2 * Math.log(1e-200), 1e-12);
  assertEquals([...bayes([half, half], [5000, 4000], LOGS).logPosterior], [0, -1000]);
});

Deno.test("bayes() of observations one after the other is bayes() of all", () => {
  const prior = normalize([5, 3, 2]), first = [0.5, 0.125, 0.25], second = [0.25, 0.75, 0];
  const together = bayes(prior, first.map((p, i) => p * second[i]));
  const half = bayes(prior, first), then = bayes(half.posterior, second);
  then.posterior.forEach((p, i) => assertAlmostEquals(p, together.posterior[i], 1e-15));
  assertAlmostEquals(half.logEvidence + then.logEvidence, together.logEvidence, 1e-15);
  const among = bayes(half.logPosterior, second.map(Math.log), LOGS);
  among.posterior.forEach((p, i) => assertAlmostEquals(p, together.posterior[i], 1e-15));
});

Deno.test("bayes() is the other conditional distribution of a joint one", () => {
  const joint = [[0.1, 0.2, 0.05], [0.3, 0.05, 0.3]];
  const prior = joint.map((row) => row.reduce((a, b) => a + b)), likelihood = conditional(joint);
  const expected = conditional(joint, { given: "columns" });
  for (const data of [0, 1, 2]) {
    const { posterior } = bayes(prior, likelihood.map((row) => row[data]));
    posterior.forEach((p, hypothesis) => assertAlmostEquals(p, expected[hypothesis][data], 1e-15));
  }
});

Deno.test("bayes() divides a prior that sums to nearly 1 by its sum", () => {
  const prior = [0.25, 0.75], likelihoods = [0.5, 0.125], { logEvidence } = bayes(prior, likelihoods);
  const more = prior.map((p) => p * (1 + 5e-7));
  assertAlmostEquals(bayes(more, likelihoods).logEvidence, logEvidence, 1e-15);
  assertAlmostEquals(bayes(more.map(Math.log), likelihoods.map(Math.log), LOGS).logEvidence, logEvidence, 1e-15);
});

Deno.test("bayes() of impossible data has evidence 0 and no posterior", () => {
  for (const [prior, likelihoods] of [[[0.5, 0.5], [0, 0]], [[1, 0], [0, 1]]]) {
    const { posterior, logPosterior, logEvidence } = bayes(prior, likelihoods);
    assertEquals([...posterior, ...logPosterior, logEvidence], [NaN, NaN, NaN, NaN, -inf]);
  }
  assertEquals(bayes([0, -inf], [-inf, 0], LOGS).logEvidence, -inf);
});

Deno.test("bayes() names what it refuses", () => {
  const prior = [0.5, 0.5], logs = prior.map(Math.log);
  assertRefuses("bayes", bayes, [
    [[], TypeError, "prior is undefined, not an array"],
    [[[], []], TypeError, "prior has 0 elements"],
    [[[0.5, "0.5"], prior], TypeError, 'prior[1] is "0.5", not a number'],
    [[[1.5, -0.5], prior], RangeError, "prior[1] is -0.5, less than 0"],
    [[[0.5, 0.25], prior], RangeError, "prior sums to 0.75, not to 1"],
    [[prior], TypeError, "likelihoods is undefined, not an array"],
    [[prior, [1]], TypeError, "likelihoods has 1 element, prior 2"],
    [[prior, [1, -1]], RangeError, "likelihoods[1] is -1, less than 0"],
    [[prior, [NaN, 1]], RangeError, "likelihoods[0] is NaN, not finite"],
    [[prior, [1, inf]], RangeError, "likelihoods[1] is Infinity, not finite"],
    [[[], [], LOGS], TypeError, "prior has 0 elements"],
    [[prior, logs, LOGS], RangeError, "e^prior sums to 3.29744254140025"],
    [[[NaN, 0], logs, LOGS], RangeError, "prior[0] is NaN, not finite"],
    [[[-inf, -inf], logs, LOGS], RangeError, "e^prior sums to 0, not to 1"],
    [[logs, [0, inf], LOGS], RangeError, "likelihoods[1] is Infinity, not finite"],
    [[logs, [0], LOGS], TypeError, "likelihoods has 1 element, prior 2"],
    [[prior, prior, { input: "logits" }], RangeError, 'input is "logits", not one of'],
    [[prior, prior, { log: true }], TypeError, 'there is no option "log"'],
    [[prior, prior, true], TypeError, "options are true, not an object"],
  ]);
});
