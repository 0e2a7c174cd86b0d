import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { loadCorpus } from "../src/cli/demo/corpus.ts";
import { trainModel } from "../src/cli/demo/model.ts";
import { rowWriter } from "../src/cli/demo/rows.ts";
import type { Summary } from "../src/cli/demo/summary.ts";
import type { CompareSummary } from "../src/cli/evaluation/compare/summary.ts";
import { alignColumns, formatFactor, formatSmall, formatWithError } from "../src/cli/table.ts";
import { formatBytes } from "../src/cost/mod.ts";
import { commandLine } from "./command_line.ts";
import { inFolder } from "./folder.ts";

/** With the permissions that the task gives it. */
const surprisal = commandLine("--allow-read", "--allow-write");

/** What a demonstration finds: of its model, and of files of its logits. */
interface Found extends Omit<Summary, "measured"> {
  readonly comparison: CompareSummary;
}

/** A demonstration's numbers, without what the machine took. */
async function scored(...args: string[]): Promise<Found> {
  const { code, out, err } = await surprisal("demo", "--json", ...args);
  assertEquals(code, 0, err);
  const { measured, comparison, ...numbers } = JSON.parse(out) as Summary & Pick<Found, "comparison">;
  assertEquals(Object.keys(measured.stages), ["tokenise", "train", "form rows", "round", "score"]);
  return { ...numbers, comparison: { ...comparison, measured: undefined } as CompareSummary };
}

Deno.test("alignColumns(), formatBytes(), formatFactor(), formatSmall() and formatWithError() print what people read", () => {
  assertEquals(alignColumns([["a", "b"], ["long", "1,000"]]), "a         b\nlong  1,000");
  assertEquals([0, 999, 1000, 12_865_792, 5.9e9].map(formatBytes), ["0 B", "999 B", "1.00 kB", "12.87 MB", "5.90 GB"]);
  assertEquals([1, 9.996, 19.44, 1204.4].map(formatFactor), ["1.00 ×", "10.0 ×", "19.4 ×", "1,204 ×"]);
  assertEquals([0, 1.39512, 8.7794e-7].map(formatSmall), ["0.000", "1.395", "8.779e-7"]);
  assertEquals([-0.5, -2e-9, NaN, Infinity, -Infinity].map(formatSmall), ["-0.5000", "-2.000e-9", "NaN", "∞", "−∞"]);
  const pairs: [value: number, error: number, ...texts: string[]][] = [
    [5541.2344, 0.0312, "5,541.234", "0.031"],
    [255.17, 3.249, "255.2", "3.2"],
    [-25_148.2, 5806, "-25,148", "5,806"],
    [5.4264e-5, 2.14e-7, "5.426e-5", "2.1e-7"],
    [0.0005, 0.0031, "0.0005", "0.0031"],
    [0, 2.5e-9, "0.0e+0", "2.5e-9"],
    [1.5, NaN, "1.500", "NaN"],
    [Infinity, NaN, "∞", "NaN"],
    [3, 0, "3.000", "0.000"],
  ];
  for (const [value, error, ...texts] of pairs) assertEquals(formatWithError(value, error), texts);
});

Deno.test("the command line explains itself", async () => {
  const [top, demo, version] = await Promise.all([
    surprisal("--help"),
    surprisal("demo", "--help"),
    surprisal("--version"),
  ]);
  assertEquals([top.code, demo.code, version.code], [0, 0, 0]);
  for (const command of ["plan", "doctor", "score", "compare", "merge", "demo"]) {
    assert(new RegExp(`\n  ${command} +[A-Z]`).test(top.out), command);
  }
  for (const option of ["--batch <rows>", "--limit <tokens>", "--backend <name>", "--json", "--help"]) {
    assert(demo.out.includes(option), option);
  }
  assert(/^\d+\.\d+\.\d+\n$/.test(version.out));
  assertEquals(top.err + demo.err + version.err, "");
});

Deno.test("the command line refuses what it does not know with code 2 and a line that names it", async () => {
  const wrong: readonly (readonly [named: string, ...args: string[]])[] = [
    ["command"],
    ["'plam'", "plam"],
    ["'toString'", "toString"],
    ["'--bogus'", "--bogus"],
    ["'--bath'", "demo", "--bath", "64"],
    ["'book'", "demo", "book"],
    ["'0'", "demo", "--batch", "0"],
    ["'1e3'", "demo", "--limit", "1e3"],
    ["--limit", "demo", "--limit"],
    ["'gpu'", "demo", "--backend", "gpu"],
  ];
  for (const [named, ...args] of wrong) {
    const { code, out, err } = await surprisal(...args);
    assertEquals([code, out], [2, ""], args.join(" "));
    assert(/^surprisal: .*\n$/.test(err) && err.includes(named), err);
  }
});

Deno.test("demo finds the same numbers on every run, whatever the batch", async () => {
  const once = await scored("--limit", "64");
  assertEquals(await scored("--limit", "64"), once);
  const inParts = await scored("--limit", "64", "--batch", "24");
  assertEquals({ ...inParts, memory: once.memory }, once);
  assertEquals(inParts.memory.f32.allocatedBytes, 4 * 24 * 50_257);
});

Deno.test("demo scores what the model's rows say", async () => {
  const { tokens, trainingTokens, vocab } = loadCorpus();
  const model = trainModel(tokens.subarray(0, trainingTokens), vocab);
  const writer = rowWriter(model);
  const row = new Float32Array(vocab);
  let loss = 0, unigramLoss = 0;
  for (let at = trainingTokens; at < trainingTokens + 64; at++) {
    writer.write(row, tokens, at);
    assertAlmostEquals(row.reduce((sum, value) => sum + Math.exp(value), 0), 1, 1e-6);
    loss -= row[tokens[at]] / 64;
    unigramLoss -= Math.log(model.unigram[tokens[at]]) / 64;
  }
  const { trigram, unigram, divergence, memory } = await scored("--limit", "64");
  assertAlmostEquals(trigram.loss, loss, 1e-5);
  assertAlmostEquals(unigram.loss, unigramLoss, 1e-5);
  assertLess(trigram.perplexity, unigram.perplexity);
  assertLess(divergence.f16.mean, divergence.bf16.mean);
  assertLess(divergence.bf16.max, divergence.unigram.mean);
  for (const { predictedBytes, allocatedBytes } of [memory.f32, memory.bf16, memory.f16]) {
    assertEquals(allocatedBytes, predictedBytes);
  }
});

Deno.test("demo keeps files of its logits, and compares them", () =>
  inFolder(async (parent) => {
    const folder = `${parent}/a/b`, args = ["--limit", "40", "--keep", folder];
    const { trigram, divergence, comparison } = await scored(...args);
    const { rows, forward, targets } = comparison;
    assertEquals([rows.counted, comparison.settings.stored], [40, ["F32", "BF16"]]);
    assertAlmostEquals(targets?.base.loss.mean ?? NaN, trigram.loss, 1e-6);
    assertAlmostEquals(forward.mean, divergence.bf16.mean, 1e-6 * divergence.bf16.mean);
    const files = ["f32.safetensors", "bf16.safetensors"].map((name) => `${folder}/${name}`);
    const { out } = await surprisal("compare", ...files, "--targets", `${folder}/targets.txt`, "--json");
    assertEquals((JSON.parse(out) as CompareSummary).forward, forward);
    const { code, err } = await surprisal("demo", "--keep", `${folder}/targets.txt`);
    assertEquals(code, 2, err);
  }));

Deno.test("demo agrees with itself on the reference", async () => {
  const [fast, slow] = await Promise.all(
    ["wasm", "reference"].map((name) => scored("--limit", "8", "--backend", name)),
  );
  assertAlmostEquals(fast.trigram.loss, slow.trigram.loss, 1e-5);
  assertAlmostEquals(fast.trigram.entropy, slow.trigram.entropy, 1e-5);
  assertEquals(fast.trigram.top5Accuracy, slow.trigram.top5Accuracy);
  for (const rival of ["unigram", "bf16", "f16"] as const) {
    assertAlmostEquals(fast.divergence[rival].mean, slow.divergence[rival].mean, 2e-5 * slow.divergence[rival].mean);
  }
});
