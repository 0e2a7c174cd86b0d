// The reference at the edges: −∞, +∞, NaN, shards, and divergences next to nothing.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { bregman } from "../src/reference/kl_divergence.ts";
import { g } from "../src/reference/js_divergence.ts";
import { assertClose } from "./close.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";

const inf = Infinity;
const P3 = 1 / (1 + Math.exp(-1));
const LSE3 = 3 + Math.log1p(Math.exp(-1));

/** Rows of three logits, and what is known of them. */
const ROWS: Readonly<Record<string, { row: number[]; lse: number; entropy: number; softmax: number[] }>> = {
  "the first is -Infinity": { row: [-inf, 2, 3], lse: LSE3, entropy: LSE3 - 2 - P3, softmax: [0, 1 - P3, P3] },
  "all but one are -Infinity": { row: [-inf, 7, -inf], lse: 7, entropy: 0, softmax: [0, 1, 0] },
  "all are -Infinity": { row: [-inf, -inf, -inf], lse: -inf, entropy: NaN, softmax: [NaN, NaN, NaN] },
  "one is Infinity": { row: [-inf, 2, inf], lse: inf, entropy: NaN, softmax: [0, 0, NaN] },
  "two are Infinity": { row: [inf, 2, inf], lse: inf, entropy: NaN, softmax: [NaN, 0, NaN] },
  "one is NaN": { row: [1, NaN, 3], lse: NaN, entropy: NaN, softmax: [NaN, NaN, NaN] },
  "one is NaN and one Infinity": { row: [inf, NaN, 3], lse: NaN, entropy: NaN, softmax: [NaN, NaN, NaN] },
  "all are 1e4": { row: [1e4, 1e4, 1e4], lse: 1e4 + Math.log(3), entropy: Math.log(3), softmax: [1 / 3, 1 / 3, 1 / 3] },
};

for (const [name, { row, lse, entropy, softmax }] of Object.entries(ROWS)) {
  Deno.test(`the reference keeps the contract where ${name}`, () => {
    const rows = [[1, 2, 3], row, [1, 2, 3]];
    const lses = oracle.logSumExp(rows).logSumExp;
    assertClose(lses.subarray(1, 2), [lse], 1e-14, "logSumExp");
    assertEquals(lses[0], lses[2]);
    assertClose(oracle.entropy([row]).entropy, [entropy], 1e-14, "entropy");
    const { probabilities, logProbabilities } = oracle.softmax([row]);
    assertClose(probabilities, softmax, 1e-14, "softmax");
    assertEquals([...probabilities].map((p) => p === 0), softmax.map((p) => p === 0));
    assertClose(logProbabilities, softmax.map(Math.log), 1e-12, "logSoftmax");
  });
}

Deno.test("logSumExp() of the reference gives the partial of each row", () => {
  const { partial } = oracle.logSumExp([[5, 5, -inf], [-inf, -inf, -inf], [inf, 1, 2], [NaN, 1, 2]]);
  assertClose(partial, [5, 2, -inf, 0, inf, inf, 2, NaN], 0, "partial");
});

Deno.test("softcap of the reference leaves -Infinity and caps Infinity", () => {
  const { logSumExp } = oracle.logSumExp([[-inf, 4], [inf, -inf]], { softcap: 2, temperature: 0.5 });
  assertClose(logSumExp, [4 * Math.tanh(2), 4], 1e-15, "logSumExp");
});

Deno.test("crossEntropy() of the reference returns Infinity when the target's logit is -Infinity", () => {
  const { loss, gradient } = oracle.crossEntropy([[-inf, 2, 2]], { targets: [0] });
  assertEquals([...loss], [inf]);
  assertClose(gradient, [0, 0.5, 0.5], 1e-15, "gradient");
  assertEquals(gradient[0], 0);
});

Deno.test("crossEntropy() of the reference gives masked classes no smoothing", () => {
  const options = { confidence: 0.9, smoothing: 0.1 / 3 };
  const { loss, gradient } = oracle.crossEntropy([[-inf, 2, 2]], { targets: [1], ...options });
  assertClose(loss, [(0.9 + 0.2 / 3) * Math.LN2], 1e-15, "loss");
  assertClose(gradient[0] + gradient[1] + gradient[2], 0, 1e-15, "sum of the gradient");
  const soft = oracle.crossEntropy([[-inf, 2, 2]], { targetProbabilities: [[0, 1, 0]], ...options });
  assertEquals(soft.loss, loss);
  assertEquals(soft.gradient, gradient);
});

Deno.test("crossEntropy() of the reference on rows without a finite log-sum-exp", () => {
  const all = [[-inf, -inf], [NaN, 1], [inf, 1], [inf, 1], [inf, -inf], [NaN, -inf]];
  const { loss, logSumExp, hit, gradient } = oracle.crossEntropy(all, { targets: [0, 1, 1, 0, 1, 0] });
  assertClose(loss, [NaN, NaN, inf, NaN, inf, NaN], 0, "loss");
  assertClose(logSumExp, [-inf, NaN, inf, inf, inf, NaN], 0, "logSumExp");
  assertClose(hit, [0, 1, 0, 1, 0, 0], 0, "hit");
  assertClose(gradient, [NaN, NaN, NaN, NaN, NaN, -1, NaN, 0, NaN, 0, NaN, NaN], 0, "gradient");
});

Deno.test("crossEntropy() of the reference leaves ignored rows out", () => {
  const { loss, logSumExp, hit, partial, gradient } = oracle.crossEntropy([[NaN, NaN]], { targets: [-1], zLoss: 1 });
  assertEquals([...loss, ...logSumExp, ...hit, ...gradient], [0, 0, 0, 0, 0]);
  assertEquals([...partial], [-inf, 0, NaN, 0, 0]);
});

Deno.test("crossEntropy() of the reference does not cancel as p approaches 1", () => {
  const { loss, gradient } = oracle.crossEntropy([[0, -60]], { targets: [0] });
  const p = Math.exp(-60);
  assertAlmostEquals(loss[0], p, 1e-15 * p);
  assertAlmostEquals(gradient[0], -p, 1e-15 * p);
});

Deno.test("partials of crossEntropy() merge to the loss of the whole vocabulary", () => {
  const random = new Random(7);
  const x = random.normals(12, 3);
  x[2] = x[9] = -inf;
  const smoothing = 0.1 / 12, parameters = { confidence: 0.9, smoothing };
  const whole = oracle.crossEntropy([x], { targets: [7], ...parameters });
  const left = oracle.crossEntropy([x.slice(0, 5)], { targets: [-2], ...parameters }).partial;
  const right = oracle.crossEntropy([x.slice(5)], { targets: [2], ...parameters }).partial;
  const max = Math.max(left[0], right[0]);
  const lse = max + Math.log(left[1] * Math.exp(left[0] - max) + right[1] * Math.exp(right[0] - max));
  const smoothed = [left, right].reduce((sum, [m, , , a, b]) => sum + b * (lse - m) - a, 0);
  assertEquals([left[2], right[2]], [-inf, x[7]]);
  assertAlmostEquals(0.9 * (lse - right[2]) + smoothed, whole.loss[0], 1e-14);
});

Deno.test("tokenStatistics() of the reference orders NaN last and ties by index", () => {
  const rows = [[NaN, 1, 3, 3, -inf], [NaN, NaN, NaN, NaN, NaN], [-inf, -inf, -inf, -inf, -inf], [2, 5, 2, 7, 2]];
  const found = oracle.tokenStatistics(rows, [1, 0, 0, 2], 3);
  assertEquals([...found.argmax], [2, 0, 0, 3]);
  assertEquals([...found.rank], [3, 1, 1, 3]);
  assertEquals([...found.topTokens], [2, 3, 1, 0, 1, 2, 0, 1, 2, 3, 1, 0]);
  assertClose(found.topLogProbabilities.subarray(0, 9), new Float64Array(9).fill(NaN), 0, "topLogProbabilities");
});

Deno.test("klDivergence() of the reference is 0 at p = q, whatever is masked", () => {
  const x = [[1, -inf, 3, 1e4], [0.1, 0.2, 0.3, -inf]];
  const { divergence, gradientP, gradientQ } = oracle.klDivergence(x, x, { temperature: 0.7 });
  assertEquals([...divergence], [0, 0]);
  assertEquals([...gradientP, ...gradientQ], new Array(16).fill(0));
  assertEquals([...oracle.jsDivergence(x, x, { beta: 0.3 }).divergence], [0, 0]);
});

Deno.test("klDivergence() of the reference at p = 0 and at q = 0", () => {
  const zeroP = oracle.klDivergence([[0, 0, -inf]], [[0, 0, 0]]);
  assertClose(zeroP.divergence, [Math.log(1.5)], 1e-15, "p = 0");
  assertClose(zeroP.gradientP, [0, 0, 0], 1e-15, "gradientP");
  assertClose(zeroP.gradientQ, [-1 / 6, -1 / 6, 1 / 3], 1e-15, "gradientQ");
  const zeroQ = oracle.klDivergence([[0, 0, -1e6]], [[0, 0, -inf]]);
  assertEquals([...zeroQ.divergence], [inf]);
  assertEquals(zeroQ.gradientQ[2], 0);
  const both = oracle.klDivergence([[0.25, 0.75, 0]], [[0.5, 0.5, 0]], { input: 1 });
  assertClose(both.divergence, [0.25 * Math.log(0.5) + 0.75 * Math.log(1.5)], 1e-15, "both 0");
});

Deno.test("klDivergence() of the reference does not mind probabilities that underflow", () => {
  assertClose(oracle.klDivergence([[0, -900]], [[0, 0]]).divergence, [Math.LN2], 1e-15, "p underflows");
  assertClose(oracle.klDivergence([[0, 0]], [[0, -900]]).divergence, [450 - Math.LN2], 1e-15, "q underflows");
});

Deno.test("jsDivergence() of the reference at disjoint supports", () => {
  const { divergence, gradientP, gradientQ } = oracle.jsDivergence([[0, -inf]], [[-inf, 0]], { beta: 0.3 });
  assertClose(divergence, [-0.3 * Math.log(0.3) - 0.7 * Math.log(0.7)], 1e-15, "divergence");
  assertClose([...gradientP, ...gradientQ], [0, 0, 0, 0], 1e-15, "gradients");
  for (const beta of [0, 1]) {
    const { divergence, gradientP } = oracle.jsDivergence([[0, 1, -inf]], [[0, -inf, 3]], { beta });
    assertClose(divergence, [0], 0, `divergence, beta ${beta}`);
    assertClose(gradientP, [0, 0, 0], 1e-15, `gradient, beta ${beta}`);
  }
});

Deno.test("divergences of the reference are NaN where a row has no distribution", () => {
  const bad = [[-inf, -inf, -inf], [inf, 0, -inf], [NaN, 0, -inf]];
  const good = [[-inf, 0, 1], [-inf, 0, 1], [-inf, 0, 1]];
  for (const divergence of [oracle.klDivergence, oracle.jsDivergence]) {
    for (const [p, q] of [[bad, good], [good, bad], [bad, bad]]) {
      const result = divergence(p, q);
      assertClose(result.divergence, [NaN, NaN, NaN], 0, "divergence");
      assertClose(result.gradientP, new Array(9).fill(NaN), 0, "gradientP");
      assertClose(result.gradientQ, new Array(9).fill(NaN), 0, "gradientQ");
    }
  }
});

Deno.test("klDivergence() of the reference gives a partial that merges where a shard is empty", () => {
  const none = [-inf, -inf], some = [0, 1];
  const { partial } = oracle.klDivergence([none, none, some, some], [none, some, none, [NaN, 0]]);
  assertClose([0, 1, 2, 3].map((row) => partial[6 * row + 4]), [0, 0, inf, NaN], 0, "conditional divergence");
});

Deno.test("partials of klDivergence() merge by the chain rule", () => {
  const random = new Random(11);
  const p = random.normals(9, 2), q = random.normals(9, 2);
  const shards = [[0, 4], [4, 9]].map(([a, b]) => oracle.klDivergence([p.slice(a, b)], [q.slice(a, b)]).partial);
  const lse = (max: number, sum: number) => shards.reduce((total, s) => total + s[sum] * Math.exp(s[max]), 0);
  const totalP = lse(0, 1), totalQ = lse(2, 3);
  const merged = shards.reduce((sum, [maxP, sumP, maxQ, sumQ, conditional]) => {
    const massP = sumP * Math.exp(maxP) / totalP, massQ = sumQ * Math.exp(maxQ) / totalQ;
    return sum + massP * (conditional + Math.log(massP / massQ));
  }, 0);
  assertAlmostEquals(merged, oracle.klDivergence([p], [q]).divergence[0], 1e-14);
});

Deno.test("small divergences keep their digits", () => {
  // Two classes, ±t: d = t·(x − E x), KL ≈ t² / 2 up to O(t⁴); JSD(β) is β·(1 − β) times that.
  for (const t of [1e-3, 1e-6, 1e-9]) {
    const kl = oracle.klDivergence([[0, 0]], [[t, -t]]).divergence[0];
    const jsd = oracle.jsDivergence([[0, 0]], [[t, -t]], { beta: 0.3 }).divergence[0];
    assertAlmostEquals(kl, t * t / 2, t * t * (t * t + 1e-14));
    assertAlmostEquals(jsd, 0.21 * t * t / 2, t * t * (t * t + 1e-14));
  }
});

Deno.test("bregman() and g() join their two formulas", () => {
  for (const d of [0.5, -0.5]) assertAlmostEquals(bregman(d * (1 + 2 ** -40)), bregman(d), 1e-12);
  for (const u of [0.125, -0.125]) assertAlmostEquals(g(u * (1 + 2 ** -40)), g(u), 1e-13);
  assertEquals([bregman(0), g(0), g(-1), bregman(NaN), g(NaN)], [0, 0, 1, NaN, NaN]);
});
