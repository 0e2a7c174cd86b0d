// The gradients of an adaptive softmax's loss: central differences of its definition, and sums over many rows.

import { assertEquals } from "@std/assert";
import { adaptiveLogSoftmax } from "../mod.ts";
import { asWeights, flat, GRADIENT, logProbabilities } from "./adaptive_cases.ts";
import { randomSoftmax, repeated, type Softmax, targetsOf } from "./adaptive_cases.ts";
import { onEachBackend, onEachKernel } from "./backends.ts";
import { assertClose } from "./close.ts";
import { matrix } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame } from "./tolerance.ts";

const SEED = 20261124;

/** Half the distance of the two values of a central difference: its error is below 1e-9. */
const STEP = 1e-5;

/** The derivatives of Σ scale[row] · loss[row] by everything, from the definition in f64. */
function differences(softmax: Softmax, targets: readonly number[], scale: readonly number[]) {
  const copy = (rows: Softmax["hidden"]) => rows.map((row) => Float64Array.from(row));
  const headBias = Float64Array.from(softmax.headBias ?? []);
  const tails = softmax.tails.map(({ projection, weight }) => ({ projection: copy(projection), weight: copy(weight) }));
  const moved = { hidden: copy(softmax.hidden), head: copy(softmax.head), headBias, tails };
  const value = () =>
    logProbabilities(moved).reduce((sum, row, i) => targets[i] < 0 ? sum : sum - scale[i] * row[targets[i]], 0);
  const by = (rows: Float64Array[]) =>
    rows.flatMap((row) =>
      Array.from(row, (x, k) => {
        const [above, below] = [x + STEP, x - STEP].map((x) => (row[k] = x, value()));
        row[k] = x;
        return (above - below) / (2 * STEP);
      })
    );
  const found: Record<string, number[]> = { hidden: by(moved.hidden), head: by(moved.head), headBias: by([headBias]) };
  tails.forEach(({ projection, weight }, i) => {
    Object.assign(found, { [`projection ${i}`]: by(projection), [`weight ${i}`]: by(weight) });
  });
  return found;
}

onEachBackend("adaptiveLogSoftmax() has the gradients of its loss, by everything", async (on) => {
  const random = new Random(SEED);
  for (const tails of [[[2, 4], [3, 1]], [[2, 5]], []] as const) {
    const softmax = randomSoftmax(random, { rows: 9, hidden: 5, head: 3, tails });
    const targets = targetsOf(random, softmax).map((target, row) => row === 4 ? -1 : target);
    const gradientScale = random.normals(9);
    for (const reduction of ["mean", "sum", "none"] as const) {
      const scale = gradientScale.map((x) => Math.fround(x) / (reduction === "mean" ? 8 : 1));
      const options = { ...on, reduction, gradientScale, ignoreIndex: -1, gradient: true };
      const found = await adaptiveLogSoftmax(matrix(softmax.hidden), asWeights(softmax), targets, options);
      const gradients = flat(found.gradientHidden, found.gradientWeights);
      const expected = differences(softmax, targets, scale);
      const what = `seed ${SEED}, ${tails.length} clusters, ${reduction}`;
      assertEquals(Object.keys(gradients), Object.keys(expected));
      for (const [name, values] of Object.entries(expected)) {
        assertClose(gradients[name], values, GRADIENT, `${what}: ${name}`);
      }
    }
  }
});

onEachKernel("adaptiveLogSoftmax() adds up what it takes of a cluster a chunk at a time", async (on) => {
  const sizes = { rows: 19, hidden: 4096, head: 1, tails: [[2, 3]] } as const;
  const softmax = repeated(randomSoftmax(new Random(SEED), sizes), 1100);
  const targets = softmax.hidden.map((_, row) => row % 50 === 0 ? 0 : 1 + row % 3), weights = asWeights(softmax);
  const part = (first: number, end: number) => {
    const hidden = matrix(softmax.hidden.slice(first, end));
    const options = { ...on, reduction: "sum", gradient: true } as const;
    return adaptiveLogSoftmax(hidden, weights, targets.slice(first, end), options);
  };
  const [all, ...parts] = [await part(0, 1100), await part(0, 600), await part(600, 1100)];
  const [found, before, after] = [all, ...parts].map((of) => flat(of.gradientHidden, of.gradientWeights));
  const joined = new Float64Array(found.hidden.length);
  joined.set(before.hidden);
  joined.set(after.hidden, before.hidden.length);
  assertSame(found.hidden, joined, "hidden");
  for (const name of ["head", "headBias", "projection 0", "weight 0"]) {
    const sum = Array.from(before[name], (x, i) => x + after[name][i]), scale = Math.max(...sum.map(Math.abs));
    assertClose(Array.from(found[name], (x) => x / scale), sum.map((x) => x / scale), GRADIENT, name);
  }
});
