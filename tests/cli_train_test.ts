import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { linearCrossEntropy } from "../mod.ts";
import type { Summary } from "../src/cli/demo/summary.ts";
import { Adam } from "../src/cli/demo/training/adam.ts";
import { batchAt, CONTEXT, shuffledBatches } from "../src/cli/demo/training/batches.ts";
import { learningChart } from "../src/cli/demo/training/chart.ts";
import { LanguageModel } from "../src/cli/demo/training/language_model.ts";
import { rowsOf } from "../src/cli/demo/training/matrices.ts";
import { footprint, watch } from "../src/cli/demo/training/memory.ts";
import { type Method, METHODS } from "../src/cli/demo/training/methods.ts";
import { Network } from "../src/cli/demo/training/network.ts";
import { Random } from "../src/cli/demo/training/random.ts";
import type { TrainingSummary } from "../src/cli/demo/training/run.ts";
import { train, type Trained, type TrainingOptions } from "../src/cli/demo/training/train.ts";
import { type RankedCorpus, rankTokens } from "../src/cli/demo/training/vocabulary.ts";
import { logitsBytes, memory } from "../src/cost/mod.ts";
import { threads as startThreads } from "../src/wasm/pool.ts";
import { commandLine } from "./command_line.ts";

/** With the permissions that the task gives it. */
const surprisal = commandLine("--allow-read", "--allow-write");

// Threads stay: started before any test, they are no leak of one
startThreads(8);

const NAMES = Object.keys(METHODS) as Method[];

/** More classes than are drawn, and than the first cutoff. */
const VOCAB = 2500;

const TRAINING = 2400;

/** A text in which a token mostly follows from the one before, and low ranks are common. */
function textOf(length: number): RankedCorpus {
  const random = new Random(length), tokens = new Uint32Array(length);
  for (let i = 1; i < length; i++) {
    const next = (tokens[i - 1] * 3 + 1) % 29;
    tokens[i] = random.uniform() < 0.8 ? next : Math.floor(VOCAB * random.uniform() ** 4);
  }
  const unigram = new Float64Array(VOCAB).fill(1 / VOCAB / 10);
  tokens.subarray(0, TRAINING).forEach((token) => unigram[token] += 0.9 / TRAINING);
  return rankTokens({ vocab: VOCAB, tokens, trainingTokens: TRAINING }, unigram);
}

const TEXT = textOf(TRAINING + 400);

/** Positions of the held-out part. */
function heldOut(count: number) {
  return batchAt(TEXT.tokens, Int32Array.from({ length: count }, (_, i) => TRAINING + i));
}

const WIDTHS = { embedding: 8, hidden: 16 };

function trained(method: Method, options: Partial<TrainingOptions> = {}): Promise<Trained> {
  const limit = { unit: "steps", amount: 120 } as const;
  const usual = {
    limit,
    rows: 64,
    widths: WIDTHS,
    probe: heldOut(100),
    heldOut: heldOut(400),
    backend: "wasm",
  } as const;
  return train(method, TEXT, { ...usual, ...options }, () => {});
}

Deno.test("Adam follows the sequence of its paper's algorithm", () => {
  const values = Float32Array.of(1, -2, 3), adam = new Adam(values, 1), rate = 0.1;
  adam.step(Float32Array.of(0.5, -4, 0), rate);
  // m̂ = g and v̂ = g²: the first step is the rate, whatever the gradient, and none without one
  assertEquals(values, Float32Array.of(1 - 0.1, -2 + 0.1, 3));
  adam.step(Float32Array.of(-1, -4, 0), rate);
  // m = 0.9·0.05 − 0.1 = −0.055, m̂ = m / 0.19; v = 0.999·0.00025 + 0.001 = 0.00124975, v̂ = v / 0.001999
  assertAlmostEquals(values[0], 0.9 + 0.1 * (0.055 / 0.19) / Math.sqrt(0.00124975 / 0.001999), 1e-6);
  assertAlmostEquals(values[1], -1.8, 1e-6);
});

Deno.test("Adam lets rows wait that have no gradient", () => {
  const all = new Float32Array(6), few = new Float32Array(6), one = new Float32Array(2);
  const [whole, lazy, alone] = [new Adam(all, 2), new Adam(few, 2), new Adam(one, 2)];
  for (let step = 1; step < 5; step++) {
    const gradient = Float32Array.of(step, -1, 2, step, 3, -step);
    whole.step(gradient, 0.01);
    lazy.stepRows([2, 0], Float32Array.of(3, -step, step, -1), 0.01);
    if (step % 2 === 0) {
      lazy.stepRows([1], gradient.subarray(2, 4), 0.01);
      alone.step(gradient.subarray(2, 4), 0.01);
    }
  }
  assertEquals([few.subarray(0, 2), few.subarray(4)], [all.subarray(0, 2), all.subarray(4)]);
  assertEquals(few.subarray(2, 4), one);
});

Deno.test("rankTokens() numbers tokens by falling probability, the same tokens by the same number", () => {
  const corpus = { vocab: 4, tokens: Uint32Array.of(3, 1, 3, 0, 2, 3), trainingTokens: 5 };
  const { tokens, logUnigram, trainingTokens } = rankTokens(corpus, Float64Array.of(0.2, 0.25, 0.2, 0.35));
  assertEquals([...tokens, trainingTokens], [0, 1, 0, 2, 3, 0, 5]);
  assertEquals(logUnigram, Float32Array.of(0.35, 0.25, 0.2, 0.2).map(Math.log));
});

Deno.test("shuffledBatches() has each position once before any twice, with what comes before it", () => {
  const tokens = Int32Array.from({ length: 20 + CONTEXT }, (_, i) => i),
    batches = shuffledBatches(tokens, 5, new Random(3));
  const orders = [0, 1].map(() => Array.from({ length: 4 }, () => batches.next().value));
  for (const order of orders) {
    const targets = order.flatMap((batch) => [...batch.targets]);
    assertEquals(targets.toSorted((a, b) => a - b), [...tokens.subarray(CONTEXT)]);
    for (const { contexts, targets } of order) {
      assertEquals([...contexts], [...targets].flatMap((target) => [target - 4, target - 3, target - 2, target - 1]));
    }
  }
  assert(orders[0].some(({ targets }, i) => targets.some((target, row) => target !== orders[1][i].targets[row])));
});

Deno.test("Network.backward() agrees with central differences", async () => {
  const network = new Network(9, { embedding: 3, hidden: 5 }, new Random(1), "wasm");
  network.bias.set([0.1, -0.2, 0.3, 0, 0.5]);
  network.embeddings.data.forEach((value, i, data) => data[i] = 10 * value);
  // Token 2 comes twice in a context, and token 8 never
  const contexts = Int32Array.of(0, 2, 2, 1, 7, 2, 3, 4), weights = new Float32Array(10);
  new Random(2).fill(weights, 1);
  const loss = async () => (await network.forward(contexts)).hidden.data.reduce((sum, x, i) => sum + weights[i] * x, 0);
  const slope = async (data: Float32Array, i: number) => {
    const value = data[i], [above, below] = [Math.fround(value + 0.01), Math.fround(value - 0.01)];
    data[i] = above;
    const right = await loss();
    data[i] = below;
    const left = await loss();
    data[i] = value;
    return (right - left) / (above - below);
  };
  const gradient = await network.backward(await network.forward(contexts), rowsOf(weights, 5));
  assertEquals([...gradient.tokens].sort(), [0, 1, 2, 3, 4, 7]);
  const embeddings = new Float32Array(network.embeddings.data.length);
  gradient.tokens.forEach((token, i) => embeddings.set(gradient.embeddings.subarray(3 * i, 3 * i + 3), 3 * token));
  for (
    const [data, found] of [
      [network.embeddings.data, embeddings],
      [network.weight.data, gradient.weight],
      [network.bias, gradient.bias],
    ]
  ) {
    assertEquals(found.length, data.length);
    for (let i = 0; i < data.length; i++) assertAlmostEquals(found[i], await slope(data, i), 2e-4, `${i}`);
  }
});

for (const method of NAMES) {
  Deno.test(`training by the ${method} softmax begins at the unigram loss and falls well below it`, async () => {
    const { curve, loss, perplexity, steps, tokens } = await trained(method);
    const unigram = heldOut(100).targets.reduce((sum, target) => sum - TEXT.logUnigram[target] / 100, 0);
    assertAlmostEquals(curve[0].loss, unigram, 0.02);
    assertLess(curve.at(-1)?.loss ?? NaN, unigram - 0.5);
    assertAlmostEquals(Math.log(perplexity), loss, 1e-12);
    assertEquals([steps, tokens, curve.length], [120, 120 * 64, 17]);
    assert(curve.every(({ seconds }, i) => i === 0 || seconds > curve[i - 1].seconds));
  });

  Deno.test(`training by the ${method} softmax for so many steps has the same results every time`, async () => {
    const limit = { unit: "steps", amount: 8 } as const;
    const [once, again] = [await trained(method, { limit }), await trained(method, { limit })];
    const numbers = ({ loss, trainingLoss, curve }: Trained) => [loss, trainingLoss, ...curve.map(({ loss }) => loss)];
    assertEquals(numbers(again), numbers(once));
  });

  Deno.test(`the ${method} softmax gives all classes together a probability of 1`, async () => {
    using model = new LanguageModel({ method, logUnigram: TEXT.logUnigram, widths: WIDTHS, seed: 5, backend: "wasm" });
    const batches = shuffledBatches(TEXT.tokens.subarray(0, TRAINING), 64, new Random(1));
    for (let step = 0; step < 10; step++) await model.step(batches.next().value, 0.05);
    const context = heldOut(1).contexts;
    let sum = 0;
    for (let target = 0; target < VOCAB; target++) {
      sum += Math.exp(-await model.lossOf({ contexts: context, targets: Int32Array.of(target) }));
    }
    assertAlmostEquals(sum, 1, 1e-5);
  });
}

Deno.test("training stops when its seconds are over, after a step at least", async () => {
  const { steps, seconds } = await trained("adaptive", { limit: { unit: "seconds", amount: 1e-6 } });
  assertEquals(steps, 1);
  assertLess(1e-6, seconds);
});

Deno.test("watch() sees memory that is taken and held, and footprint() what logits would take", async () => {
  const { call } = await watch(async () => {
    const block = new Uint8Array(64 * 2 ** 20).fill(1);
    await new Promise((done) => setTimeout(done, 20));
    const weight = { data: new Float32Array(2 * VOCAB), shape: [VOCAB, 2] as const };
    return await linearCrossEntropy({ data: new Float32Array(2), shape: [1, 2] }, weight, [block[0]], {
      backend: "wasm",
    });
  });
  assertLess(48 * 2 ** 20, call.grownBytes);
  const dims = { rows: 512, hidden: 128, vocab: 50_257 }, head = { batch: 512, vocab: 50_257 };
  const [study, scoring] = [footprint(call, dims, true), footprint(call, dims, false)];
  assertEquals(study.materialisedBytes, memory("fused", head).peakBytes);
  assertEquals(scoring.materialisedBytes, logitsBytes(head));
  assertEquals(study.grownBytes, call.grownBytes);
  for (const { plannedBytes } of [study, scoring]) {
    assert(plannedBytes > 0 && plannedBytes <= 17 * 2 ** 20, `${plannedBytes}`);
  }
});

Deno.test("demo trains by each method, prints the table and draws the curves", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/curves.svg`;
  try {
    const args = ["demo", "--train", "--steps", "2", "--limit", "48", "--plot", path];
    const { code, out, err } = await surprisal(...args);
    assertEquals(code, 0, err);
    const line = (name: string) => out.split("\n").find((line) => line.startsWith(name))?.split(/ {2,}/) ?? [];
    for (
      const name of ["full softmax", "sampled softmax, 2,048 classes", "adaptive softmax, cut at 2,000 and 10,000"]
    ) {
      const [, steps, tokens, times, tokensPerSecond, perplexity] = line(name);
      assertEquals([steps, tokens, times], ["2", "1,024", "0.00"], out);
      assert(/^[\d,]+$/.test(tokensPerSecond) && /^[\d,]+\.\d\d$/.test(perplexity), out);
    }
    assertEquals(line("trigram model, counted").at(-1), line("perplexity")[1]);
    assertEquals(line("its unigram").at(-1), line("perplexity")[2]);
    assertEquals(line("loss and gradients of 512 tokens")[1], "205.86 MB");
    assert(err.includes("training, adaptive") && err.includes("loss "), err);
    const svg = await Deno.readTextFile(path);
    assert(svg.startsWith("<svg") && svg.includes("perplexity") && svg.includes("seconds of training"));
    assertEquals(/NaN|Infinity|undefined|null/.exec(svg), null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("demo's training is in its JSON, and so many steps give the same numbers every time", async () => {
  const numbers = async () => {
    const { code, out, err } = await surprisal("demo", "--quick", "--steps", "1", "--limit", "32", "--json");
    assertEquals(code, 0, err);
    const { training, trigram } = JSON.parse(out) as Summary & { training: TrainingSummary };
    assertEquals(training.methods.map(({ method }) => method), NAMES);
    assertAlmostEquals(training.counted.trigram.perplexity, trigram.perplexity, 1e-9);
    assertEquals(training.tokens, { training: 264_376, batch: 512, heldOut: 32, probe: 4 });
    return training.methods.map(({ loss, trainingLoss }) => [loss, trainingLoss]);
  };
  assertEquals(await numbers(), await numbers());
});

Deno.test("demo refuses options of training that make no sense, before it does anything", async () => {
  const wrong: readonly (readonly [named: string, ...args: string[]])[] = [
    ["'--steps' needs '--train'", "--steps", "3"],
    ["'--plot' needs '--train'", "--plot", "a.svg"],
    ["'--seconds' and '--steps'", "--train", "--seconds", "3", "--steps", "3"],
    ["'--seconds' is '0'", "--train", "--seconds", "0"],
    ["'a.pdf'", "--train", "--plot", "a.pdf"],
    ["'none/a.svg'", "--quick", "--plot", "none/a.svg"],
  ];
  for (const [named, ...args] of wrong) {
    const { code, out, err } = await surprisal("demo", ...args);
    assertEquals([code, out], [2, ""], args.join(" ") + err);
    assert(/^surprisal: .*\n$/.test(err) && err.includes(named), err);
  }
});

Deno.test("the command line takes what deno task hands over behind two dashes", async () => {
  const { code, out } = await surprisal("demo", "--", "--help");
  assertEquals(code, 0);
  for (const option of ["--train", "--quick", "--seconds <count>", "--steps <count>", "--plot <file.svg|png>"]) {
    assert(out.includes(option), option);
  }
});

Deno.test("learningChart() has all names and a place for all perplexities", () => {
  const spec = learningChart({
    title: "Learning",
    series: [{ name: "full", points: [{ seconds: 0, perplexity: 900 }, { seconds: 8, perplexity: 240 }] }],
    levels: [{ name: "trigram", perplexity: 251.4 }],
  });
  const text = JSON.stringify(spec);
  for (const part of ["Learning", '"name":"full"', "trigram, 251", '"domain":[192,1125]', '"domain":[0,8.16]']) {
    assert(text.includes(part), part);
  }
});
