import { assertEquals, assertStrictEquals } from "@std/assert";
import { allocate, linearCrossEntropy, type Matrix } from "../mod.ts";
import { onEachBackend } from "./backends.ts";
import { centralDifferences } from "./differences.ts";
import {
  assertResults,
  expectLinear,
  type Head,
  linearLoss,
  materialise,
  type OracleOptions,
  randomHead,
  same,
} from "./linear_cases.ts";
import { blank, matrix, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { assertSame, assertWithin } from "./tolerance.ts";

const SEED = 20261203;
const inf = Infinity;

const CLASS_WEIGHTS = [0.5, 1, 0, 2, 1, 1.5, 0.25, 1, 1], GRADIENT_SCALE = [2, -0.5, 0.25];

/** The f64 oracle's losses are differenced by everything that the logits are made of. */
onEachBackend("linearCrossEntropy() has the gradients of its loss", async (on) => {
  const random = new Random(SEED);
  const { bias = [], ...rest } = randomHead(random, 3, 4, 9);
  const head = { ...rest, bias: Float64Array.from(bias, (x, i) => i === 5 ? -inf : x), targets: [3, 8, 0] };
  const common = { classWeights: CLASS_WEIGHTS, zLoss: 0.01 };
  for (const transformation of [{}, { temperature: 0.6 }, { softcap: 3, temperature: 1.7 }]) {
    const options: OracleOptions = { ...common, ...transformation, confidence: 0.8, smoothing: 0.2 / 9 };
    const losses = (changed: Partial<Head>) => {
      const { logits } = materialise({ ...head, ...changed });
      const { loss } = oracle.crossEntropy(logits, { ...options, targets: head.targets });
      return loss.map((x, row) => GRADIENT_SCALE[row] * x);
    };
    const total = (changed: Partial<Head>) => losses(changed).reduce((sum, x) => sum + x, 0);
    const differences = {
      gradientHidden: centralDifferences(head.hidden, (hidden) => losses({ hidden })),
      gradientWeight: centralDifferences(head.weight, (weight) => Array(9).fill(total({ weight }))),
      gradientBias: centralDifferences([head.bias], ([bias]) => [total({ bias })]),
    };
    const own = { gradientScale: GRADIENT_SCALE, labelSmoothing: 0.2 };
    const found = await linearLoss(head, { ...on, ...common, ...transformation, ...own });
    const expected = expectLinear(head, { ...options, gradientScale: GRADIENT_SCALE });
    for (const [name, values] of Object.entries(differences)) {
      const gradient = name as keyof typeof differences;
      // What a difference is off by itself is a small part of an ε₃₂
      const terms = Array.from(expected[gradient].terms ?? [], (term) => term + 0.1);
      assertWithin(found[gradient], { rule: "sum", values, terms }, `${JSON.stringify(transformation)}: ${name}`);
    }
  }
});

const HEAD = randomHead(new Random(SEED), 7, 13, 130);

/** Gaps between rows, and rows in wasm memory, full of NaN. */
const PLACES: Readonly<Record<string, (rows: number, columns: number, stack: DisposableStack) => Matrix>> = {
  "an array": (rows, columns) => blank([rows, columns]),
  "an array with gaps": (rows, columns) => blank([rows, columns], "f32", columns + 5),
  "wasm memory": (rows, columns, stack) => {
    const matrix = stack.use(allocate([rows, columns]));
    matrix.data.fill(NaN);
    return matrix;
  },
};

onEachBackend(
  "linearCrossEntropy() overwrites the matrices that its gradients go to, and only their rows",
  async (on) => {
    const expected = await linearLoss(HEAD, on);
    for (const [place, make] of Object.entries(PLACES)) {
      using stack = new DisposableStack();
      const hidden = make(7, 13, stack), weight = make(130, 13, stack);
      const result = await linearCrossEntropy(matrix(HEAD.hidden), matrix(HEAD.weight), HEAD.targets, {
        ...on,
        bias: HEAD.bias,
        reduction: "sum",
        gradient: { hidden, weight },
      });
      assertStrictEquals(result.gradientHidden, hidden);
      assertStrictEquals(result.gradientWeight, weight);
      assertEquals(result.gradientBias, undefined);
      assertSame(valuesOf(hidden), Float64Array.from(expected.gradientHidden), `${place}: gradientHidden`);
      assertSame(valuesOf(weight), Float64Array.from(expected.gradientWeight), `${place}: gradientWeight`);
      for (const { data, shape: [rows, columns], rowStride = columns } of [hidden, weight]) {
        for (let row = 0; row < rows - 1; row++) {
          const gap = data.subarray(row * rowStride + columns, (row + 1) * rowStride);
          assertSame(gap, new Float32Array(rowStride - columns).fill(NaN), `${place}: after row ${row}`);
        }
      }
    }
  },
);

onEachBackend("linearCrossEntropy() gives each gradient the same bits, whichever others are wanted", async (on) => {
  const all = await linearLoss(HEAD, on);
  for (const name of ["hidden", "weight", "bias"] as const) {
    const output = ({ hidden: "gradientHidden", weight: "gradientWeight", bias: "gradientBias" } as const)[name];
    const alone = await linearLoss(HEAD, { ...on, gradient: { [name]: true } });
    assertResults(alone, same({ loss: all.loss, [output]: all[output] }), name);
  }
});

onEachBackend("linearCrossEntropy() multiplies each row's gradients by its own upstream gradient", async (on) => {
  const gradientScale = [2, -0.5, 1e-3, 0, 1, -1, 3];
  for (const [reduction, scale] of [["none", 1], ["sum", 1], ["mean", 1 / 7]] as const) {
    const found = await linearLoss(HEAD, { ...on, reduction, gradientScale });
    const { gradientHidden, gradientWeight, gradientBias } = expectLinear(HEAD, { gradientScale, scale });
    assertResults(found, { gradientHidden, gradientWeight, gradientBias }, reduction);
    const third = Array.from(found.gradientHidden).slice(3 * 13, 4 * 13);
    assertSame(third.map(Math.abs), new Array(13).fill(0), "gradient of a row whose upstream gradient is 0");
  }
});

onEachBackend("linearCrossEntropy() keeps the target's gradient as p approaches 1", async (on) => {
  for (const gap of [4, 8, 16, 20]) {
    const head: Head = { hidden: [[1]], weight: [[0], [-gap], [-gap]], bias: [0, 0, 0], targets: [0] };
    const { gradientBias } = await linearLoss(head, on), rest = 2 * Math.exp(-gap) / (1 + 2 * Math.exp(-gap));
    assertWithin(gradientBias, { rule: "element", values: [-rest, rest / 2, rest / 2] }, `gap ${gap}`);
  }
});

onEachBackend("linearCrossEntropy() has gradients by the bias that sum to 0", async (on) => {
  const { gradientBias } = await linearLoss(HEAD, on);
  assertWithin([Array.from(gradientBias).reduce((sum, x) => sum + x, 0)], {
    rule: "reduction",
    values: [0],
    slack: [7],
  }, "sum");
});
