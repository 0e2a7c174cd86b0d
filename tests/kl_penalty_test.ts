// klPenalty: the divergence by the oracle, the theory of its estimators, masks, edges and bad input.

import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { klPenalty, type KlPenaltyOptions } from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import { onEachBackend } from "./backends.ts";
import { expectKl } from "./divergence_cases.ts";
import { matrix, normalRows, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { assertWithin } from "./tolerance.ts";

const VOCAB = 37, P = normalRows(new Random(1), 4, VOCAB, 2);
const Q = P.map((row, i) => Float32Array.from(row, (x, k) => x + 0.2 * Math.sin(5 * k + i)));
const [TOKENS, SCALE, MASK] = [[3, 0, 36, 7], [1, -2, 0.5, 3], [true, false, 1, 0]];
const ESTIMATES = ["k1", "k2", "k3"] as const;

onEachBackend(
  "klPenalty() is the divergence, and its gradient the oracle's, in a new matrix and in place",
  async (on) => {
    const options = { temperature: 1.5, softcap: 20, gradientScale: SCALE };
    const expected = expectKl(P, Q, options);
    for (const isInPlace of [false, true]) {
      const policy = matrix(P, "f32", VOCAB + 3), gradient = isInPlace ? "inPlace" : true;
      const result = await klPenalty(policy, matrix(Q), undefined, { ...on, ...options, gradient });
      assertWithin(result.penalty, expected.divergence, "penalty");
      assertWithin(valuesOf(result.gradient), expected.gradientP, `gradient ${gradient}`);
      assertEquals(result.gradient === policy, isInPlace);
      assertAlmostEquals(result.mean, result.penalty.reduce((sum, x) => sum + x, 0) / 4, 1e-6);
    }
  },
);

Deno.test("klPenalty()'s gradient is that of central differences", async () => {
  const { gradient } = await klPenalty(matrix(P), matrix(Q), undefined, { gradient: true, gradientScale: SCALE });
  const values = valuesOf(gradient), h = 1e-4;
  for (let row = 0; row < 4; row++) {
    for (const k of [0, 17, 36]) {
      const [up, down] = [h, -h].map((step) => {
        const moved = Float64Array.from(P[row], (x, i) => i === k ? x + step : x);
        return oracle.klDivergence([moved], [Q[row]]).divergence[0];
      });
      assertAlmostEquals(values[row * VOCAB + k], SCALE[row] * (up - down) / (2 * h), 1e-6);
    }
  }
});

onEachBackend("klPenalty() does not read rows left out", async (on) => {
  const blank = (rows: readonly Float32Array[]) =>
    matrix(rows.map((row, i) => MASK[i] ? row : new Float32Array(VOCAB).fill(NaN)));
  for (const estimator of ["exact", ...ESTIMATES] as const) {
    const whole = await klPenalty(matrix(P), matrix(Q), TOKENS, { ...on, estimator });
    const padded = TOKENS.map((token, row) => MASK[row] ? token : [-100, VOCAB][row % 2]);
    const some = await klPenalty(blank(P), blank(Q), padded, { ...on, estimator, mask: MASK });
    assertEquals(some.penalty, whole.penalty.map((x, i) => MASK[i] ? x : 0), estimator);
    assertAlmostEquals(some.mean, (whole.penalty[0] + whole.penalty[2]) / 2, 1e-6);
    const none = await klPenalty(blank(P), blank(Q), TOKENS, { ...on, estimator, mask: [0, 0, 0, 0] });
    assertEquals([none.mean, ...none.penalty], [NaN, 0, 0, 0, 0]);
  }
  for (const gradient of [true, "inPlace"] as const) {
    const result = await klPenalty(blank(P), blank(Q), undefined, { ...on, mask: MASK, gradient });
    valuesOf(result.gradient).forEach((x, i) =>
      MASK[Math.floor(i / VOCAB)] ? assert(Number.isFinite(x)) : assertEquals(x, 0)
    );
  }
});

onEachBackend("klPenalty() of equal rows is exactly 0", async (on) => {
  for (const estimator of ["exact", ...ESTIMATES] as const) {
    const { penalty } = await klPenalty(matrix(P), matrix(P), TOKENS, { ...on, estimator });
    assert(penalty.every((x) => x === 0), estimator);
  }
});

onEachBackend("klPenalty()'s k1 and k3 are unbiased, k2 nearly, and k3 is never negative", async (on) => {
  const tokens = Array.from({ length: VOCAB }, (_, k) => k), share = oracle.softmax([P[0]]).probabilities;
  const [p, q] = [P, Q].map((rows) => matrix(tokens.map(() => rows[0])));
  const truth = oracle.klDivergence([P[0]], [Q[0]]).divergence[0];
  const [k1, k2, k3] = await Promise.all(
    ESTIMATES.map(async (estimator) => (await klPenalty(p, q, tokens, { ...on, estimator })).penalty),
  );
  const [e1, e2, e3] = [k1, k2, k3].map((of) => of.reduce((sum, x, k) => sum + share[k] * x, 0));
  const [v1, v2, v3] = [k1, k2, k3].map((of, i) =>
    of.reduce((sum, x, k) => sum + share[k] * (x - [e1, e2, e3][i]) ** 2, 0)
  );
  assertAlmostEquals(e1, truth, 2e-6);
  assertAlmostEquals(e3, truth, 2e-6);
  assert(e2 !== truth && Math.abs(e2 - truth) < 0.1 * truth, `${e2}, ${truth}`);
  assert(k3.every((x) => x >= 0) && v2 < v1 && v3 < v1);
  const random = new Random(7), draws = 20_000, sums = [0, 0, 0];
  for (let i = 0; i < draws; i++) {
    let left = random.integer(2 ** 30) / 2 ** 30, token = 0;
    while (token < VOCAB - 1 && (left -= share[token]) > 0) token++;
    [k1, k2, k3].forEach((of, at) => sums[at] += of[token]);
  }
  [[e1, v1], [e2, v2], [e3, v3]].forEach(([mean, variance], at) =>
    assertAlmostEquals(sums[at] / draws, mean, 4 * Math.sqrt(variance / draws))
  );
});

onEachBackend("klPenalty()'s estimates at impossible tokens, and rows without a distribution", async (on) => {
  const inf = Infinity,
    p = matrix([[-inf, 0, 1], [0, 0, 1], [-inf, 0, 1], [-inf, -inf, -inf], [0, NaN, 1], [0, inf, 1]]);
  const q = matrix([[0, 0, 1], [-inf, 0, 1], [-inf, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]);
  const of = async (
    estimator: (typeof ESTIMATES)[number],
  ) => [...(await klPenalty(p, q, [0, 0, 0, 0, 0, 0], { ...on, estimator })).penalty];
  assertEquals(await of("k1"), [-inf, inf, NaN, NaN, NaN, NaN]);
  for (const estimator of ["k2", "k3"] as const) assertEquals(await of(estimator), [inf, inf, NaN, NaN, NaN, NaN]);
});

Deno.test("klPenalty() without a promise, of one row for all, and of no rows", async () => {
  const one = { ...matrix([Q[0]]), shape: [4, VOCAB] as const, rowStride: 0 }, many = matrix(P.map(() => Q[0]));
  const options = { mask: MASK, backend: "wasm" } as const;
  const { penalty } = synchronous.klPenalty(matrix(P), one, undefined, options);
  assertEquals(penalty, (await klPenalty(matrix(P), many, undefined, options)).penalty);
  const empty = { data: new Float32Array(), shape: [0, 3] as const };
  for (const estimator of ["exact", "k3"] as const) {
    assertEquals((await klPenalty(empty, empty, [], { estimator })).mean, NaN);
  }
});

const BAD: readonly (readonly [object, unknown, ErrorConstructor, string])[] = [
  [{ estimator: "k4" }, TOKENS, RangeError, 'estimator is "k4"'],
  [{ estimator: "k1" }, undefined, TypeError, "tokens is undefined, not an array"],
  [{ estimator: "k1", gradient: true }, TOKENS, TypeError, 'gradient is for "exact"'],
  [{}, [0, 0, 0, VOCAB], RangeError, "tokens[3] is 37, vocab is 37"],
  [{ mask: [1] }, TOKENS, TypeError, "mask has 1 elements"],
  [{ mask: [1, 1, 2, 1] }, TOKENS, RangeError, "mask[2] is 2"],
  [{ mask: [1, 1, "1", 1] }, TOKENS, TypeError, 'mask[2] is "1"'],
  [{ mask: 1 }, TOKENS, TypeError, "mask is 1, not an array"],
  [{ gradient: "inplace" }, TOKENS, RangeError, 'gradient is "inplace"'],
  [{ gradientScale: [1] }, TOKENS, TypeError, "gradientScale has 1 elements"],
  [{ direction: "reverse" }, TOKENS, TypeError, 'there is no option "direction"'],
];

for (const [options, tokens, error, problem] of BAD) {
  Deno.test(`klPenalty() refuses: ${problem}`, async () => {
    const args = [matrix(P), matrix(Q), tokens as number[], options as KlPenaltyOptions] as const;
    await assertRejects(() => klPenalty(...args), error, `Cannot compute klPenalty: ${problem}`);
    assertThrows(() => synchronous.klPenalty(...args), error, problem);
  });
}
