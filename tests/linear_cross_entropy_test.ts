import { assertAlmostEquals, assertEquals } from "@std/assert";
import { allocate, linearCrossEntropy, type LinearCrossEntropyOptions, type Matrix } from "../mod.ts";
import { linearCrossEntropy as linearCrossEntropySync } from "../src/sync.ts";
import { type Choice, onEachBackend, onEachSyncBackend } from "./backends.ts";
import { type LinearCrossEntropyCase, readGolden } from "./golden.ts";
import {
  assertResults,
  expectLinear,
  type Factors,
  type Head,
  linearLoss,
  type OracleOptions,
  randomHead,
  same,
} from "./linear_cases.ts";
import { DTYPES, fill, matrix, rounded, type Rows } from "./matrices.ts";
import { once } from "./once.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin, EPSILON } from "./tolerance.ts";

const SEED = 20261201;

async function testGolden(golden: LinearCrossEntropyCase, on: Choice, what: string): Promise<void> {
  const { hiddenStates: hidden, weight, bias, labelSmoothing } = golden;
  const targets = golden.targets.map((target) => target === -100 ? -1 : target);
  const head: Head = { hidden, weight, bias, targets };
  const found = await linearLoss(head, { ...on, labelSmoothing, reduction: "mean" });
  const scale = 1 / targets.filter((target) => target >= 0).length;
  const smoothing = { confidence: 1 - labelSmoothing, smoothing: labelSmoothing / golden.vocab };
  const expected = expectLinear(head, { ...smoothing, scale });
  const slack = [Math.max(...Array.from(expected.loss.slack ?? [], Number))];
  assertWithin(found.loss, { ...expected.loss, values: [golden.loss], slack }, `${what}: loss`);
  for (const name of ["gradientHidden", "gradientWeight", "gradientBias"] as const) {
    assertWithin(found[name], { ...expected[name], values: golden[name].flat() }, `${what}: ${name}`);
  }
}

onEachBackend("linearCrossEntropy() agrees with PyTorch", async (on) => {
  for (const [i, golden] of readGolden("linear_cross_entropy").entries()) await testGolden(golden, on, `case ${i}`);
});

/** Around tiles of 6 × 8 sums, panels of 256 steps, steps of 64 classes. */
const HIDDEN = [1, 3, 7, 255, 257, 300], VOCAB = [1, 2, 7, 9, 63, 64, 65], ROWS = [1, 5, 6, 7];

/** More classes than a tile, more rows than a chunk, both, and states that take the room of a chunk. */
const LARGE = [[5, 300, 1000], [3, 7, 8193], [513, 3, 65], [513, 2, 8200], [120, 5000, 3]] as const;

const SIZES = [
  ...HIDDEN.flatMap((hidden, i) => VOCAB.map((vocab, j) => [ROWS[(i + j) % ROWS.length], hidden, vocab] as const)),
  ...LARGE,
];

const ofSizes = once(() => {
  const random = new Random(SEED);
  return SIZES.map(([rows, hidden, vocab]) => {
    const head = randomHead(random, rows, hidden, vocab);
    return { what: `${rows} × ${hidden} × ${vocab}`, head, expected: expectLinear(head) };
  });
});

onEachBackend("linearCrossEntropy() is crossEntropy of hidden·weightᵀ + bias at all kinds of sizes", async (on) => {
  for (const { what, head, expected } of ofSizes()) assertResults(await linearLoss(head, on), expected, what);
});

const CLASS_WEIGHTS = Float32Array.from({ length: 70 }, (_, i) => (i % 5) / 4);
const OWN: LinearCrossEntropyOptions = { labelSmoothing: 0.25, classWeights: CLASS_WEIGHTS, zLoss: 0.01 };
const ORACLE: OracleOptions = { confidence: 0.75, smoothing: 0.25 / 70, classWeights: CLASS_WEIGHTS, zLoss: 0.01 };

const transformed = once(() => {
  const random = new Random(SEED);
  return [{}, { temperature: 0.7 }, { temperature: 3 }, { softcap: 5 }, { softcap: 30, temperature: 1.5 }].map(
    (options) => {
      const head = randomHead(random, 9, 20, 70), gradientScale = random.normals(9).map(Math.fround);
      const expected = expectLinear(head, { ...ORACLE, ...options, gradientScale });
      return { what: JSON.stringify(options), head, options: { ...OWN, ...options, gradientScale }, expected };
    },
  );
});

onEachBackend("linearCrossEntropy() follows every option of crossEntropy", async (on) => {
  for (const { what, head, options, expected } of transformed()) {
    assertResults(await linearLoss(head, { ...on, ...options }), expected, what);
  }
});

onEachBackend("linearCrossEntropy() reads states and weights of any dtype, with any row stride", async (on) => {
  const raw = randomHead(new Random(SEED), 7, 261, 75);
  for (const [from, of] of DTYPES.flatMap((from) => DTYPES.map((of) => [from, of] as const))) {
    const head = { ...raw, hidden: rounded(raw.hidden, from), weight: rounded(raw.weight, of) };
    const packed = await linearLoss(head, on, { hidden: matrix(head.hidden, from), weight: matrix(head.weight, of) });
    assertResults(packed, expectLinear(head), `${from} × ${of}`);
    const apart = { hidden: matrix(head.hidden, from, 264), weight: matrix(head.weight, of, 300) };
    assertResults(await linearLoss(head, on, apart), same(packed), `${from} × ${of}, with strides`);
  }
});

function resident(rows: Rows, stack: DisposableStack): Matrix {
  const target = stack.use(allocate([rows.length, rows[0].length]));
  fill(target, rows);
  return target;
}

onEachBackend("linearCrossEntropy() reads one row for all, and matrices from allocate()", async (on) => {
  const { hidden: [state], weight: [of], bias, targets } = randomHead(new Random(SEED), 6, 40, 70);
  const head: Head = { hidden: targets.map(() => state), weight: Array.from({ length: 70 }, () => of), bias, targets };
  const expected = same(await linearLoss(head, on));
  const one = (row: ArrayLike<number>, rows: number): Matrix => ({ ...matrix([row]), shape: [rows, 40], rowStride: 0 });
  assertResults(await linearLoss(head, on, { hidden: one(state, 6), weight: one(of, 70) }), expected, "a stride of 0");
  using stack = new DisposableStack();
  const there: Factors = { hidden: resident(head.hidden, stack), weight: resident(head.weight, stack) };
  assertResults(await linearLoss(head, on, there), expected, "in wasm memory");
});

const SMALL = randomHead(new Random(SEED + 1), 4, 5, 9);

onEachBackend("linearCrossEntropy() reduces losses as crossEntropy does", async (on) => {
  const head = { ...SMALL, targets: [2, -1, 8, 4] };
  const classWeights = Array.from({ length: 9 }, (_, i) => 0.5 + i % 3);
  for (const [weights, count] of [[undefined, 3], [classWeights, 2.5 + 2.5 + 1.5]] as const) {
    const { loss } = expectLinear(head, { classWeights: weights });
    const [total, error] = [loss.values, loss.slack ?? []].map((row) => Array.from(row).reduce((a, b) => a + b, 0));
    const slack = [error + 4 * head.targets.length];
    const sum = await linearLoss(head, { ...on, classWeights: weights, reduction: "sum" });
    assertWithin(sum.loss, { rule: "reduction", values: [total], slack }, "sum");
    const mean = await linearLoss(head, { ...on, classWeights: weights, reduction: "mean" });
    assertWithin(mean.loss, { rule: "reduction", values: [total / count], slack }, "mean");
    const { gradientWeight } = expectLinear(head, { classWeights: weights, scale: 1 / count });
    assertWithin(mean.gradientWeight, gradientWeight, "gradient of the mean");
  }
});

onEachBackend(
  "linearCrossEntropy() returns the share of targets that are most likely, and ln p of each",
  async (on) => {
    // Logits are the states themselves
    const hidden = matrix([[1, 2, 3], [3, 2, 1], [5, 5, 1], [0, 1, 0]]),
      weight = matrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
    const smoothed = { ...on, labelSmoothing: 0.2 };
    const { accuracy, targetLogProbability } = await linearCrossEntropy(hidden, weight, [2, 1, 1, -100], smoothed);
    assertEquals(accuracy, 2 / 3);
    const lse = (...row: number[]) => Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
    const values = [3 - lse(1, 2, 3), 2 - lse(1, 2, 3), 5 - lse(5, 5, 1), 0];
    assertWithin(targetLogProbability, { rule: "reduction", values }, "targetLogProbability");
  },
);

onEachBackend("linearCrossEntropy() of one class is 0", async (on) => {
  const head = { hidden: [[5], [-1e30]], weight: [[2]], targets: [0, 0] };
  const found = await linearLoss(head, on);
  assertAlmostEquals(found.loss[0] + found.loss[1], 0, EPSILON);
  assertSame(Array.from(found.gradientHidden, Math.abs), [0, 0], "gradientHidden");
});

onEachBackend(
  "linearCrossEntropy() does without bias and gradients, and leaves what was not asked for out",
  async (on) => {
    const { bias: _, ...head } = SMALL, [hidden, weight] = [matrix(head.hidden), matrix(head.weight)];
    const whole = await linearLoss(head, on), options = { ...on, reduction: "none" } as const;
    assertResults({ ...whole, gradientBias: [] }, {
      ...expectLinear(head),
      gradientBias: { rule: "exact", values: [] },
    }, "all");
    const wishes = [undefined, false, {}, { hidden: true }, { weight: true, hidden: false }, { bias: false }] as const;
    for (const gradient of wishes) {
      const { report: _, accuracy, ...found } = await linearCrossEntropy(hidden, weight, head.targets, {
        ...options,
        gradient,
      });
      assertEquals(found.loss, whole.loss);
      const wanted = Object.entries(gradient || {}).filter(([, wish]) => wish).map(([name]) => name);
      const names = Object.keys(found).filter((name) => name.startsWith("gradient"));
      assertEquals(names, wanted.map((name) => `gradient${name[0].toUpperCase()}${name.slice(1)}`));
      assertEquals(accuracy >= 0, true);
    }
    const biased = await linearCrossEntropy(hidden, weight, head.targets, {
      ...on,
      bias: SMALL.bias,
      gradient: { bias: true },
    });
    const { gradientBias } = expectLinear(SMALL, { scale: 1 / 4 });
    assertWithin(biased.gradientBias ?? [], gradientBias, "gradient by the bias alone");
  },
);

onEachSyncBackend("linearCrossEntropy() gives the same without a promise", async (on) => {
  const head = randomHead(new Random(SEED + 2), 37, 67, 300), { bias } = head;
  const targets = head.targets.map((target, row) => row % 7 === 0 ? -100 : target);
  const options = { ...on, bias, gradient: true, labelSmoothing: 0.1, zLoss: 1e-3 } as const;
  const [hidden, weight] = [matrix(head.hidden), matrix(head.weight)];
  const { report: here, ...found } = linearCrossEntropySync(hidden, weight, targets, options);
  const { report: there, ...expected } = await linearCrossEntropy(hidden, weight, targets, options);
  assertEquals<unknown>(found, expected);
  assertEquals([here.backend, here.bytesRead], [there.backend, there.bytesRead]);
});
