// The loss of an adaptive softmax: PyTorch's, its definition's, its gradients, and what does not count.

import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { adaptiveLogSoftmax, type AdaptiveLogSoftmaxOptions, allocate, type Reduction } from "../mod.ts";
import { adaptiveLogSoftmax as adaptiveLogSoftmaxSync } from "../src/sync.ts";
import { asWeights, cutoffsOf, flat, GRADIENT, logProbabilities, randomSoftmax, slackOf } from "./adaptive_cases.ts";
import { type Softmax, targetsOf } from "./adaptive_cases.ts";
import { type Choice, onEachBackend, onEachSyncBackend } from "./backends.ts";
import { assertClose } from "./close.ts";
import { readGolden } from "./golden.ts";
import { DTYPES, fill, matrix, rowsOf, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin, type Expected } from "./tolerance.ts";

const SEED = 20261124;

/** ln p of each target. */
function expectTargets(softmax: Softmax, targets: readonly number[]): Expected {
  const all = logProbabilities(softmax), values = targets.map((target, row) => target < 0 ? 0 : all[row][target]);
  return { rule: "reduction", values, slack: slackOf(softmax) };
}

async function assertTargets(softmax: Softmax, targets: readonly number[], on: Choice, what: string): Promise<void> {
  const expected = expectTargets(softmax, targets), options = { ...on, reduction: "none", ignoreIndex: -1 } as const;
  const found = await adaptiveLogSoftmax(matrix(softmax.hidden), asWeights(softmax), targets, options);
  assertWithin(found.targetLogProbability, expected, `${what}: targetLogProbability`);
  const losses = Array.from(expected.values, (value) => -value);
  assertWithin(found.loss, { ...expected, values: losses }, `${what}: loss`);
}

onEachBackend("adaptiveLogSoftmax() agrees with PyTorch", async (on) => {
  for (const [i, golden] of readGolden("adaptive_softmax").entries()) {
    const { head, tail, hiddenStates, targets, cutoffs, divValue, ...expected } = golden;
    const softmax = { hidden: hiddenStates, head, tails: tail.map(([projection, weight]) => ({ projection, weight })) };
    const options = { ...on, cutoffs, divValue };
    const found = await adaptiveLogSoftmax(matrix(hiddenStates), asWeights(softmax), targets, options);
    const slack = slackOf(softmax), { logProbability: values } = expected;
    assertWithin(found.targetLogProbability, { rule: "reduction", values, slack }, `case ${i}: targetLogProbability`);
    const mean = slack.reduce((sum, x) => sum + x, 0) / slack.length;
    assertWithin([found.loss], { rule: "reduction", values: [expected.loss], slack: [mean] }, `case ${i}: loss`);
  }
});

onEachBackend("adaptiveLogSoftmax() is its definition for any number of clusters, of one class too", async (on) => {
  const random = new Random(SEED);
  const layouts = [[], [[3, 5]], [[1, 1]], [[8, 70], [2, 1], [3, 40], [1, 200]]] as const;
  for (const tails of layouts) {
    for (const [rows, hidden, head] of [[1, 1, 1], [13, 17, 4], [70, 40, 33]]) {
      for (const hasBias of [false, true]) {
        const softmax = randomSoftmax(random, { rows, hidden, head, tails }, "f32", hasBias);
        await assertTargets(
          softmax,
          targetsOf(random, softmax),
          on,
          `seed ${SEED}, ${tails.length} clusters, ${rows} rows`,
        );
      }
    }
  }
});

onEachBackend("adaptiveLogSoftmax() widens f16 and bf16, in rows that lie apart or in wasm memory", async (on) => {
  for (const dtype of DTYPES) {
    const random = new Random(SEED), tails = [[5, 20], [2, 30]] as const;
    const softmax = randomSoftmax(random, { rows: 9, hidden: 21, head: 6, tails }, dtype);
    const targets = targetsOf(random, softmax), expected = expectTargets(softmax, targets);
    const apart = asWeights(softmax, dtype, 3), options = { ...on, gradient: true } as const;
    const found = await adaptiveLogSoftmax(matrix(softmax.hidden, dtype, 25), apart, targets, options);
    assertWithin(found.targetLogProbability, expected, dtype);
    using hidden = allocate([9, 21], dtype), head = allocate([8, 21], dtype);
    fill(hidden, softmax.hidden);
    fill(head, softmax.head);
    const there = await adaptiveLogSoftmax(hidden, { ...asWeights(softmax, dtype), head }, targets, options);
    assertSame(there.targetLogProbability, found.targetLogProbability, `${dtype}: in wasm memory`);
    const widened = await adaptiveLogSoftmax(matrix(softmax.hidden), asWeights(softmax), targets, options);
    assertEquals([there.gradientHidden, there.gradientWeights], [found.gradientHidden, found.gradientWeights]);
    for (const [name, values] of Object.entries(flat(widened.gradientHidden, widened.gradientWeights))) {
      assertClose(flat(found.gradientHidden, found.gradientWeights)[name], values, GRADIENT, `${dtype}: ${name}`);
    }
  }
});

onEachBackend("adaptiveLogSoftmax() leaves clusters alone that no target is in", async (on) => {
  const random = new Random(SEED), tails = [[2, 7], [3, 6], [1, 5]] as const;
  const softmax = randomSoftmax(random, { rows: 12, hidden: 6, head: 4, tails });
  const starts = [0, ...cutoffsOf(softmax)];
  for (const [part, start] of starts.entries()) {
    const targets = softmax.hidden.map((_, row) => start + row % 4);
    await assertTargets(softmax, targets, on, `all in part ${part}`);
    const spoilt = { ...softmax, tails: softmax.tails.map((tail, i) => i + 1 === part ? tail : asNaN(tail)) };
    const options = { ...on, gradient: true };
    const found = await adaptiveLogSoftmax(matrix(softmax.hidden), asWeights(spoilt), targets, options);
    const gradients = flat(found.gradientHidden, found.gradientWeights);
    assertWithin(found.targetLogProbability, expectTargets(softmax, targets), `part ${part}, others are NaN`);
    for (const i of tails.keys()) {
      for (const name of [`projection ${i}`, `weight ${i}`]) {
        const values = Array.from(gradients[name]), isZero = values.every((x) => Object.is(x, 0));
        assert(isZero === (i + 1 !== part) && values.every(Number.isFinite), `part ${part}: ${name}`);
      }
    }
  }
});

function asNaN({ projection, weight }: Softmax["tails"][number]): Softmax["tails"][number] {
  const spoil = (rows: Softmax["hidden"]) => rows.map((row) => Float64Array.from(row, () => NaN));
  return { projection: spoil(projection), weight: spoil(weight) };
}

onEachBackend("adaptiveLogSoftmax() neither reads nor counts ignored rows", async (on) => {
  const random = new Random(SEED), tails = [[3, 9], [2, 11]] as const;
  const softmax = randomSoftmax(random, { rows: 10, hidden: 7, head: 5, tails }), all = targetsOf(random, softmax);
  const isIgnored = (_: unknown, row: number) => row % 3 === 1;
  for (const ignoreIndex of [-100, -1, 5, 12345]) {
    const targets = all.map((target, row) => isIgnored(0, row) ? ignoreIndex : (target === 5 ? 6 : target));
    const hidden = softmax.hidden.map((row, i) => isIgnored(0, i) ? Float32Array.from(row, () => NaN) : row);
    const options = { ...on, ignoreIndex, gradient: true };
    const found = await adaptiveLogSoftmax(matrix(hidden), asWeights(softmax), targets, options);
    const kept = { ...softmax, hidden: softmax.hidden.filter((row, i) => !isIgnored(row, i)) };
    const left = targets.filter((_, i) => !isIgnored(0, i));
    const alone = await adaptiveLogSoftmax(matrix(kept.hidden), asWeights(kept), left, { ...on, gradient: true });
    assertEquals(
      [found.loss, found.gradientWeights],
      [alone.loss, alone.gradientWeights],
      `ignoreIndex ${ignoreIndex}`,
    );
    const { gradientHidden = matrix([[NaN]]), targetLogProbability } = found;
    assertEquals([...targetLogProbability].filter(isIgnored), [0, 0, 0]);
    assertSame(
      rowsOf(gradientHidden).filter(isIgnored).flatMap((row) => [...row]),
      new Float32Array(21),
      "ignored rows",
    );
    const others = rowsOf(gradientHidden).filter((row, i) => !isIgnored(row, i)).flatMap((row) => [...row]);
    assertSame(others, valuesOf(alone.gradientHidden), "other rows");
  }
});

onEachBackend("adaptiveLogSoftmax() of no rows is empty, and of ignored rows NaN in the mean", async (on) => {
  const random = new Random(SEED), softmax = randomSoftmax(random, { rows: 2, hidden: 3, head: 2, tails: [[1, 3]] });
  const weights = asWeights(softmax), none = { data: new Float32Array(0), shape: [0, 3] as const };
  const loss = async <R extends Reduction>(rows: number, reduction: R) => {
    const hidden = rows === 0 ? none : matrix(softmax.hidden), targets = new Array(rows).fill(-100);
    return await adaptiveLogSoftmax(hidden, weights, targets, { ...on, reduction, gradient: true });
  };
  for (const rows of [0, 2]) {
    const found = await loss(rows, "mean");
    assertEquals([found.loss, (await loss(rows, "sum")).loss], [NaN, 0]);
    assertEquals((await loss(rows, "none")).loss, new Float32Array(rows));
    assertEquals(found.targetLogProbability, new Float32Array(rows));
    assertEquals(found.gradientHidden?.shape, [rows, 3]);
    for (const [name, values] of Object.entries(flat(found.gradientHidden, found.gradientWeights))) {
      assertSame(values, new Float32Array(values.length), `${rows} rows: ${name}`);
    }
    assertEquals(found.report.backend, on.backend);
  }
});

onEachBackend("adaptiveLogSoftmax() of a masked class or cluster is Infinity, gradients are finite", async (on) => {
  const random = new Random(SEED);
  const softmax = randomSoftmax(random, { rows: 4, hidden: 3, head: 2, tails: [[1, 3], [2, 2]] });
  const headBias = [0, -Infinity, 0, -Infinity], options = { ...on, reduction: "none", gradient: true } as const;
  const weights = asWeights({ ...softmax, headBias });
  const found = await adaptiveLogSoftmax(matrix(softmax.hidden), weights, [0, 1, 2, 6], options);
  assertEquals(Array.from(found.loss, (x) => x === Infinity), [false, true, false, true]);
  assertEquals(Array.from(found.targetLogProbability, (x) => x === -Infinity), [false, true, false, true]);
  assertWithin(found.loss.filter(Number.isFinite), {
    rule: "reduction",
    values: logProbabilities({ ...softmax, headBias }).flatMap((row, i) => i === 0 ? -row[0] : i === 2 ? -row[2] : []),
    slack: [0, 2].map((row) => slackOf({ ...softmax, headBias })[row]),
  }, "the others");
  for (const [name, values] of Object.entries(flat(found.gradientHidden, found.gradientWeights))) {
    assert(Array.from(values).every(Number.isFinite), name);
  }
});

onEachSyncBackend("adaptiveLogSoftmax() without a promise gives the same", async (on) => {
  const random = new Random(SEED);
  const softmax = randomSoftmax(random, { rows: 40, hidden: 30, head: 9, tails: [[7, 50], [2, 90]] });
  const args = [matrix(softmax.hidden), asWeights(softmax), targetsOf(random, softmax)] as const;
  const options: AdaptiveLogSoftmaxOptions<"none"> = { ...on, reduction: "none", gradient: true };
  const { report: here, ...found } = adaptiveLogSoftmaxSync(...args, options);
  const { report: there, ...expected } = await adaptiveLogSoftmax(...args, options);
  assertEquals<unknown>(found, expected);
  assertEquals([here.backend, here.bytesRead], [there.backend, there.bytesRead]);
});

onEachBackend("adaptiveLogSoftmax() reports all of its calls as one", async (on) => {
  const random = new Random(SEED);
  const softmax = randomSoftmax(random, { rows: 64, hidden: 32, head: 9, tails: [[8, 50], [2, 90]] });
  const args = [matrix(softmax.hidden), asWeights(softmax), targetsOf(random, softmax)] as const;
  const start = performance.now(), { report } = await adaptiveLogSoftmax(...args, { ...on, threads: 1 });
  const seconds = (performance.now() - start) / 1000, { head, tails } = asWeights(softmax);
  const inputs = [args[0], head, ...tails.flatMap(({ projection, weight }) => [projection, weight])];
  assertEquals([report.backend, report.threads], [on.backend, 1]);
  assert(report.reason.includes("asked for by name") && !report.reason.includes("calls on"), report.reason);
  assertGreater(report.seconds, 0);
  assertGreater(seconds, report.seconds);
  assertGreater(report.predictedSeconds, 0);
  assertGreater(report.bytesRead, inputs.reduce((sum, { data }) => sum + data.byteLength, 0));
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => adaptiveLogSoftmax(...args, { ...on, signal }), Error, "enough");
});
