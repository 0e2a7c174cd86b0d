// No result is worse than twice the error of the textbook's formula in f32, rounded at every step.

import { assertLessOrEqual } from "@std/assert";
import * as surprisal from "../mod.ts";
import { onEachBackend } from "./backends.ts";
import { matrix, normalRows, valuesOf } from "./matrices.ts";
import { once } from "./once.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";

const f32 = Math.fround;
const sum = (terms: readonly number[]) => terms.reduce((total, term) => f32(total + term), 0);

function logSumExp(x: ArrayLike<number>): number {
  const max = Array.from(x).reduce((a, b) => Math.max(a, b));
  return f32(max + f32(Math.log(sum(Array.from(x, (xi) => f32(Math.exp(f32(xi - max))))))));
}

function logSoftmax(x: ArrayLike<number>): number[] {
  const lse = logSumExp(x);
  return Array.from(x, (xi) => f32(xi - lse));
}

function softmax(x: ArrayLike<number>): number[] {
  const max = Array.from(x).reduce((a, b) => Math.max(a, b));
  const weights = Array.from(x, (xi) => f32(Math.exp(f32(xi - max))));
  const total = sum(weights);
  return weights.map((weight) => f32(weight / total));
}

function entropy(x: ArrayLike<number>): number {
  const logP = logSoftmax(x);
  return -sum(softmax(x).map((p, i) => f32(p * logP[i])));
}

function klDivergence(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const logP = logSoftmax(x), logQ = logSoftmax(y);
  return sum(softmax(x).map((p, i) => f32(p * f32(logP[i] - logQ[i]))));
}

function jsDivergence(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const p = softmax(x), q = softmax(y);
  const m = p.map((pi, i) => f32(f32(pi + q[i]) / 2));
  const half = (of: readonly number[]) => sum(of.map((share, i) => f32(share * f32(Math.log(f32(share / m[i]))))));
  return f32(f32(half(p) + half(q)) / 2);
}

const random = new Random(19);
const ROWS = normalRows(random, 25, 5000, 4), OTHERS = normalRows(random, 25, 5000, 4);
const TARGETS = ROWS.map((_, row) => 100 * row);

function worst(values: ArrayLike<number>, exact: ArrayLike<number>): number {
  return Array.from(exact).reduce((most, value, i) => Math.max(most, Math.abs(values[i] - value)), 0);
}

/** What the oracle and the textbook say of each operation. */
const expected = once(() => {
  const { loss, logSumExp: lse, gradient } = oracle.crossEntropy(ROWS, { targets: TARGETS });
  const { probabilities, logProbabilities } = oracle.softmax(ROWS);
  const p = ROWS.map(softmax), logP = ROWS.map(logSoftmax);
  const minusTarget = (row: readonly number[], r: number) => row.map((x, i) => i === TARGETS[r] ? f32(x - 1) : x);
  return {
    logSumExp: [lse, ROWS.map(logSumExp)],
    entropy: [oracle.entropy(ROWS).entropy, ROWS.map(entropy)],
    softmax: [probabilities, p.flat()],
    logSoftmax: [logProbabilities, logP.flat()],
    crossEntropy: [loss, logP.map((row, r) => -row[TARGETS[r]])],
    gradient: [gradient, p.flatMap(minusTarget)],
    klDivergence: [oracle.klDivergence(ROWS, OTHERS).divergence, ROWS.map((x, r) => klDivergence(x, OTHERS[r]))],
    jsDivergence: [oracle.jsDivergence(ROWS, OTHERS).divergence, ROWS.map((x, r) => jsDivergence(x, OTHERS[r]))],
  };
});

onEachBackend("no result is worse than twice the error of the textbook's formula in f32", async (on) => {
  const x = matrix(ROWS), y = matrix(OTHERS), each = { ...on, reduction: "none" } as const;
  const { loss, gradient } = await surprisal.crossEntropy(x, TARGETS, { ...each, gradient: true });
  const found = {
    logSumExp: (await surprisal.logSumExp(x, on)).logSumExp,
    entropy: (await surprisal.entropy(x, on)).entropy,
    softmax: valuesOf((await surprisal.softmax(x, on)).probabilities),
    logSoftmax: valuesOf((await surprisal.logSoftmax(x, on)).logProbabilities),
    crossEntropy: loss,
    gradient: valuesOf(gradient),
    klDivergence: (await surprisal.klDivergence(x, y, each)).divergence,
    jsDivergence: (await surprisal.jsDivergence(x, y, each)).divergence,
  };
  for (const [name, [exact, naive]] of Object.entries(expected())) {
    assertLessOrEqual(worst(found[name as keyof typeof found], exact), 2 * worst(naive, exact), name);
  }
});
