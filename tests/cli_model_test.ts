import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { countNgrams, countOf, successors } from "../src/cli/demo/counts.ts";
import { fitMixture } from "../src/cli/demo/mixture.ts";
import { contextOf, type Model, trainModel } from "../src/cli/demo/model.ts";
import { roundToBf16, roundToF16 } from "../src/cli/demo/rounding.ts";
import { rowWriter } from "../src/cli/demo/rows.ts";
import { Random } from "./random.ts";

/** Tokens below `vocab` in which low ones are common, and the one before matters. */
function synthesise(length: number, vocab: number): Uint32Array {
  const random = new Random(length);
  const tokens = new Uint32Array(length);
  for (let i = 1; i < length; i++) {
    tokens[i] = random.uniform() < 0.5 ? (tokens[i - 1] * 3 + 1) % vocab : Math.floor(vocab * random.uniform() ** 3);
  }
  return tokens;
}

/** How often `pattern` comes in tokens, by looking at every place. */
function occurrences(tokens: Uint32Array, ...pattern: number[]): number {
  return tokens.subarray(0, tokens.length - pattern.length + 1)
    .reduce((sum, _, i) => sum + (pattern.every((token, k) => tokens[i + k] === token) ? 1 : 0), 0);
}

/** p(w | u v) by the model's formula, counted afresh. */
function slowProbability(model: Model, training: Uint32Array, text: Uint32Array, at: number, token: number): number {
  const [first, second] = text.subarray(at - 2, at);
  const inside = training.subarray(0, -1);
  const [a, b, c] = model.weights[contextOf(model, text, at).kind];
  const afterOne = occurrences(inside, second), afterTwo = occurrences(inside, first, second);
  return a * model.unigram[token] +
    (afterOne === 0 ? 0 : b * occurrences(training, second, token) / afterOne) +
    (afterTwo === 0 ? 0 : c * occurrences(training, first, second, token) / afterTwo);
}

function sumOfProbabilities(row: Float32Array): number {
  return row.reduce((sum, value) => sum + Math.exp(value), 0);
}

Deno.test("countNgrams() finds every n-gram as often as it comes", () => {
  const tokens = synthesise(400, 7);
  const [pairs, triples] = [countNgrams(tokens, 2, 7), countNgrams(tokens, 3, 7)];
  for (let key = 0; key < 7 ** 3; key++) {
    const [u, v, w] = [Math.floor(key / 49), Math.floor(key / 7) % 7, key % 7];
    assertEquals(countOf(triples, key), occurrences(tokens, u, v, w));
    assertEquals(countOf(pairs, v * 7 + w), occurrences(tokens, v, w));
    assertEquals(successors(triples, u * 7 + v).total, occurrences(tokens.subarray(0, -1), u, v));
  }
});

Deno.test("fitMixture() raises the likelihood, keeps what starts at 0, and keeps the start without events", () => {
  const events = [0.9, 0.1, 0.3, 0.8, 0.2, 0.3, 0.1, 0.6, 0.3];
  const logLikelihood = (weights: readonly number[]) =>
    [0, 3, 6].reduce((sum, i) => sum + Math.log(weights.reduce((p, w, k) => p + w * events[i + k], 0)), 0);
  const start = [0.5, 0.5, 0];
  const fitted = fitMixture(events, start);
  assertAlmostEquals(fitted[0] + fitted[1], 1, 1e-12);
  assertEquals(fitted[2], 0);
  assertLess(logLikelihood(start), logLikelihood(fitted));
  assertEquals(fitMixture([], start), start);
});

Deno.test("rowWriter() writes rows that sum to 1 and follow the formula, for contexts seen and unseen", () => {
  const vocab = 40;
  const text = synthesise(1500, vocab);
  const training = text.subarray(0, 1000);
  const model = trainModel(training, vocab);
  const writer = rowWriter(model);
  const row = new Float32Array(vocab);
  const kinds = new Set<number>();
  for (let at = 1000; at < text.length; at += 7) {
    writer.write(row, text, at);
    kinds.add(contextOf(model, text, at).kind);
    assertAlmostEquals(sumOfProbabilities(row), 1, 1e-6);
    for (let token = 0; token < vocab; token++) {
      assertAlmostEquals(row[token], Math.log(slowProbability(model, training, text, at, token)), 1e-6);
    }
  }
  assert(kinds.size > 4, `only ${kinds.size} classes of contexts were met`);
  assertAlmostEquals(sumOfProbabilities(writer.unigram), 1, 1e-6);
});

Deno.test("rowWriter() gives a context that was never seen the unigram distribution", () => {
  const model = trainModel(Uint32Array.of(0, 1, 2, 0, 1, 3, 0, 1, 2, 0, 1, 3), 6);
  const writer = rowWriter(model);
  const row = new Float32Array(6);
  writer.write(row, Uint32Array.of(5, 5, 0), 2);
  assertEquals(row, writer.unigram);
  assertAlmostEquals(sumOfProbabilities(row), 1, 1e-6);
});

Deno.test("trainModel() is deterministic", () => {
  const tokens = synthesise(2000, 60);
  assertEquals(trainModel(tokens, 60), trainModel(tokens, 60));
});

Deno.test("roundToBf16() and roundToF16() round to the nearest, ties to even", () => {
  const source = Float32Array.of(-10.1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 1 + 2 ** -11, -0, 0);
  const bf16 = new Uint16Array(source.length), f16 = new Float16Array(source.length);
  roundToBf16(source, bf16);
  roundToF16(source, f16);
  const widened = new Float32Array(Uint32Array.from(bf16, (code) => code * 65536).buffer);
  assertEquals([...widened], [-10.125, 1, 1 + 2 ** -6, 1 + 2 ** -7, 1, -0, 0]);
  assertEquals([...f16], [-10.1015625, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8, 1, -0, 0]);
});
