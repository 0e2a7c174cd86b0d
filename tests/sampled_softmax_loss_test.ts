import { assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { sampledSoftmaxLoss, type Sampler } from "../mod.ts";
import { onEachBackend, onEachKernel } from "./backends.ts";
import { expectLinear, type Head, randomHead } from "./linear_cases.ts";
import { matrix } from "./matrices.ts";
import { once } from "./once.ts";
import { Random } from "./random.ts";
import {
  assertResults,
  COUNTS,
  drawnBy,
  expectSampled,
  headOf,
  lossesOf,
  sampledLoss,
  type Settings,
} from "./sampled_cases.ts";
import { assertWithin } from "./tolerance.ts";

const SEED = 20261202;

const SAMPLERS: readonly Sampler[] = ["uniform", "logUniform", { counts: COUNTS, distortion: 0.75 }];

const ofOptions = once(() => {
  const random = new Random(SEED), head = headOf(SEED), gradientScale = random.normals(23).map(Math.fround);
  const flags = [true, false];
  return SAMPLERS.flatMap((sampler) =>
    flags.flatMap((replacement) =>
      flags.flatMap((removeAccidentalHits) =>
        flags.map((subtractLogQ) => {
          const settings: Settings = {
            ...{ sampler, replacement, removeAccidentalHits, subtractLogQ, gradientScale },
            samples: replacement ? 150 : 40,
            temperature: subtractLogQ ? 0.7 : 3,
            seed: 11,
          };
          return { what: JSON.stringify(settings), head, settings, expected: expectSampled(head, settings) };
        })
      )
    )
  );
});

onEachBackend("sampledSoftmaxLoss() is its formula with every sampler and option", async (on) => {
  for (const { what, head, settings, expected } of ofOptions()) {
    const found = await sampledLoss(head, { ...on, ...settings });
    assertResults(found, expected, what);
    assertEquals(found.samples, drawnBy(settings, 90).ids, what);
  }
});

type Size = readonly [rows: number, hidden: number, vocab: number, settings: Settings];

const SIZES: readonly Size[] = [
  [1, 1, 1, { samples: 1, seed: 1 }],
  [1, 7, 2, { samples: 1, seed: 2 }],
  [6, 65, 40, { samples: 1, seed: 3 }],
  [9, 3, 4, { samples: 1000, replacement: true, seed: 4 }],
  [130, 3, 200, { samples: 70, seed: 5 }],
];

/** More rows than a chunk, with targets of their own; more classes than a tile. */
const LARGE: readonly Size[] = [
  [700, 3, 900, { samples: 70, seed: 6 }],
  [600, 2, 200, { samples: 250, replacement: true, seed: 7 }],
  [3, 5, 20_000, { samples: 9000, sampler: "uniform", seed: 8 }],
  [20, 2, 20_000, { samples: 9000, removeAccidentalHits: false, seed: 9 }],
  [520, 4, 300, { samples: 250, removeAccidentalHits: false, seed: 10 }],
];

function casesOf(sizes: readonly Size[]) {
  const random = new Random(SEED + 1);
  return sizes.map(([rows, hidden, vocab, settings]) => {
    const head = randomHead(random, rows, hidden, vocab);
    return { what: `${rows} × ${hidden} × ${vocab}`, head, settings, expected: expectSampled(head, settings) };
  });
}

const [ofSizes, ofLarge] = [once(() => casesOf(SIZES)), once(() => casesOf(LARGE))];

onEachBackend("sampledSoftmaxLoss() is its formula at all kinds of sizes", async (on) => {
  for (const { what, head, settings, expected } of ofSizes()) {
    assertResults(await sampledLoss(head, { ...on, ...settings }), expected, what);
  }
});

onEachKernel("sampledSoftmaxLoss() is its formula over several chunks and tiles", async (on) => {
  for (const { what, head, settings, expected } of ofLarge()) {
    assertResults(await sampledLoss(head, { ...on, ...settings }), expected, what);
  }
});

const STEP = 1e-4;

/** The derivative of the sum of losses by each number of some rows. */
function differences(rows: readonly ArrayLike<number>[], total: (rows: Float64Array[]) => number): number[] {
  return rows.flatMap((row, r) =>
    Array.from(row, (_, i) => {
      const [above, below] = [STEP, -STEP].map((step) => {
        const moved = rows.map((row) => Float64Array.from(row));
        moved[r][i] += step;
        return total(moved);
      });
      return (above - below) / (2 * STEP);
    })
  );
}

onEachBackend("sampledSoftmaxLoss() has the gradient of its loss over what was drawn", async (on) => {
  const head = { ...randomHead(new Random(SEED + 2), 5, 3, 12), targets: [2, -1, 0, 2, 11] };
  for (const replacement of [false, true]) {
    const settings: Settings = { samples: 8, replacement, temperature: 1.3, seed: 21 };
    const drawn = drawnBy(settings, 12), { hidden, weight, bias = [] } = head;
    const total = (moved: Partial<Head>) =>
      lossesOf({ ...head, ...moved }, drawn, settings).reduce((sum, loss) => sum + loss, 0);
    const found = await sampledLoss(head, { ...on, ...settings });
    const expected = {
      gradientHidden: differences(hidden, (hidden) => total({ hidden })),
      gradientWeight: differences(weight, (weight) => total({ weight })),
      gradientBias: differences([bias], (moved) => total({ bias: moved[0] })),
    };
    for (const [name, values] of Object.entries(expected)) {
      assertResults(found, { [name]: { rule: "sum", values, terms: values.map(() => 30) } }, `${replacement}`);
    }
  }
});

onEachBackend("sampledSoftmaxLoss() of all classes is linearCrossEntropy", async (on) => {
  const head = headOf(SEED + 3), temperature = 0.8;
  const expected = expectLinear(head, { temperature });
  for (const sampler of SAMPLERS.slice(0, 2)) {
    const { loss, gradientHidden, gradientWeight, gradientBias } = expected;
    const all = await sampledLoss(head, { ...on, samples: 90, sampler, temperature });
    assertResults(all, { loss, gradientHidden, gradientWeight, gradientBias }, String(sampler));
    const twice = await sampledLoss(head, { ...on, samples: 90, sampler, temperature, removeAccidentalHits: false });
    const values = Array.from(loss.values, (x, row) => head.targets[row] < 0 ? 0 : x + Math.log1p(Math.exp(-x)));
    assertWithin(twice.loss, { ...loss, values }, "the target once more");
  }
});

/** The mean of numbers, and its standard error. */
function statistics(numbers: readonly number[]): { mean: number; error: number; variance: number } {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (numbers.length - 1);
  return { mean, variance, error: Math.sqrt(variance / numbers.length) };
}

Deno.test("sampledSoftmaxLoss() rises to the full loss as more is drawn", async () => {
  const vocab = 2000, head = randomHead(new Random(SEED + 4), 1, 8, vocab);
  const full = expectLinear(head).loss.values[0];
  const [hidden, weight] = [matrix(head.hidden), matrix(head.weight)];
  let before = -Infinity;
  for (const samples of [8, 64, 512, 1500, 1999, 2000]) {
    const losses: number[] = [];
    for (let seed = 0; seed < 200; seed++) {
      const options = { bias: head.bias, samples, sampler: "uniform", seed } as const;
      losses.push((await sampledSoftmaxLoss(hidden, weight, head.targets, options)).loss);
    }
    // The logarithm of a mean, which the mean of logarithms is below, by half the variance where that is small
    const { mean, variance, error } = statistics(losses), share = Math.exp(-full), part = samples / vocab;
    const bound = full + Math.log(share + part * (1 - share));
    assertLess(mean, bound + 4 * error + 1e-5, `${samples}`);
    if (variance < 0.3) assertGreater(mean, bound - 0.7 * variance - 4 * error - 1e-5, `${samples}`);
    assertGreater(mean, before);
    before = mean;
  }
  assertAlmostEquals(before, full, 1e-5);
});

Deno.test("sampledSoftmaxLoss() is least for the probabilities of the targets", async () => {
  // A row for each class that is the target, as often as it is: gradients by logits come to 0 over all draws
  const vocab = 7, logits = new Random(SEED + 5).normals(vocab), targets = logits.map((_, id) => id);
  const total = logits.reduce((sum, x) => sum + Math.exp(x), 0), share = logits.map((x) => Math.exp(x) / total);
  const head: Head = { hidden: targets.map(() => [1]), weight: logits.map((x) => [Math.fround(x)]), targets };
  const gradients: number[][] = [];
  for (let seed = 0; seed < 600; seed++) {
    const options = { samples: 3, sampler: "uniform", gradientScale: share, reduction: "sum", seed } as const;
    const { gradientWeight } = await sampledLoss(head, options);
    gradients.push(Array.from(gradientWeight));
  }
  for (const id of targets) {
    const { mean, error } = statistics(gradients.map((gradient) => gradient[id]));
    assertLess(Math.abs(mean), 4 * error, `class ${id}`);
  }
});
