import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError } from "../src/cli/command.ts";
import { CompareEvaluation } from "../src/cli/evaluation/compare/evaluation.ts";
import type { Evaluation, KindName } from "../src/cli/evaluation/evaluation.ts";
import { plain } from "../src/cli/evaluation/json.ts";
import { mergePartials, readPartial, writePartial } from "../src/cli/evaluation/partial.ts";
import { joinParts, OverlapError, type Part } from "../src/cli/evaluation/parts.ts";
import { addReliability, calibrationOf, newReliability } from "../src/cli/evaluation/reliability.ts";
import { ScoreEvaluation } from "../src/cli/evaluation/score/evaluation.ts";
import type { Settings } from "../src/cli/evaluation/settings.ts";
import { calibration } from "../src/sync.ts";
import { makeRows, makeTargets } from "./evaluation_cases.ts";
import { inFolder } from "./folder.ts";
import { Random } from "./random.ts";

const SETTINGS: Settings = {
  vocab: 8,
  stored: ["f16"],
  hasTargets: true,
  temperature: 1,
  ignoreIndex: -100,
  bins: 15,
  deterministic: false,
};

const PAIR: Settings = { ...SETTINGS, stored: ["f16", "bf16"] };

const ROWS = 120;

/** Fewer numbers than there are rows are kept. */
const KEPT = 50;

/** Numbers of rows, the same for a row whatever the range; some are not finite. */
function numbersOf(from: number, to: number) {
  const all = Float32Array.from({ length: to - from }, (_, i) => {
    const value = new Random(from + i).uniform();
    return from + i === 17 ? Infinity : from + i === 90 ? NaN : value ** 9;
  });
  const rows = Float64Array.from(all, (_, i) => from + i), shares = rows.map((row) => new Random(row).uniform());
  return { all, rows, shares, bits: Uint8Array.from(rows, (row) => row % 3 === 0 ? 1 : 0) };
}

function scored(from: number, to: number, mostKept = KEPT, settings = SETTINGS): ScoreEvaluation {
  const evaluation = new ScoreEvaluation(settings, mostKept), { all, rows, shares, bits } = numbersOf(from, to);
  const rank = Int32Array.from(rows, (row) => 1 + row % 12);
  evaluation.add(rows.length, {
    rows,
    loss: all,
    entropy: all.map(Math.sqrt),
    rank,
    confidence: shares,
    correct: bits,
    brier: shares,
  });
  return evaluation;
}

function compared(from: number, to: number, mostKept = KEPT): CompareEvaluation {
  const evaluation = new CompareEvaluation(PAIR, mostKept), { all, rows, shares, bits } = numbersOf(from, to);
  const tokens = Int32Array.from(rows, (row) => row % 7), others = tokens.map((token, i) => token + bits[i]);
  evaluation.add(rows.length, {
    rows,
    forward: all,
    reverse: all.map(Math.sqrt),
    jensenShannon: all.map(Math.cbrt),
    floor: all.map(Math.fround),
    likeliest: [tokens, others],
    shared: bits,
    confidence: [shares, shares.map((share) => 1 - share)],
    targets: {
      correct: [bits, bits.map((bit) => 1 - bit)],
      loss: [all, all.map((x) => 2 * x)],
      deltaProbability: all.map((x) => -x),
    },
  });
  return evaluation;
}

function create(kind: KindName, settings: Settings): Evaluation {
  return kind === "score" ? new ScoreEvaluation(settings, KEPT) : new CompareEvaluation(settings, KEPT);
}

function partOf(from: number, to: number, files: readonly string[]): Part {
  return { files, from, to };
}

/** Writes partial results of shards and merges them in a random order. */
async function mergedFrom(folder: string, shards: number, seed: number, make: typeof scored | typeof compared) {
  const paths: string[] = [], random = new Random(seed), cuts = new Set([0, ROWS]);
  while (cuts.size <= shards) cuts.add(random.integer(ROWS));
  const edges = [...cuts].sort((a, b) => a - b);
  for (let i = 0; i < shards; i++) {
    const evaluation = make(edges[i], edges[i + 1]), files = evaluation.settings.stored.map((dtype) => `x.${dtype}`);
    paths.push(`${folder}/${shards}-${i}.json`);
    await Deno.writeTextFile(paths[i], writePartial(evaluation, [partOf(edges[i], edges[i + 1], files)]));
  }
  for (let i = shards - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [paths[i], paths[j]] = [paths[j], paths[i]];
  }
  return await mergePartials(paths, create);
}

for (const [name, make] of [["score", scored], ["compare", compared]] as const) {
  Deno.test(`partial results of ${name} merge to the same bits, however many and in which order`, () =>
    inFolder(async (folder) => {
      const whole = make(0, ROWS), files = whole.settings.stored.map((dtype) => `x.${dtype}`);
      const { summary, text } = whole.conclude([partOf(0, ROWS, files)]),
        written = writePartial(whole, [partOf(0, ROWS, files)]);
      for (const [seed, shards] of [1, 3, 8, 8, 8].entries()) {
        const { evaluation, parts } = await mergedFrom(folder, shards, seed, make);
        assertEquals(writePartial(evaluation, parts), written);
        const found = evaluation.conclude(parts);
        assertEquals(found.text, text);
        assertEquals(JSON.stringify(plain(found.summary)), JSON.stringify(plain(summary)));
      }
    }));
}

Deno.test("joinParts() says the same in any order and from any division", () => {
  const ranges = fc.uniqueArray(fc.nat(40), { minLength: 2, maxLength: 9 });
  fc.assert(fc.property(ranges, fc.infiniteStream(fc.nat()), (edges, stream) => {
    edges.sort((a, b) => a - b);
    const parts = edges.slice(1).flatMap((to, i) => ["a", "b"].map((file) => partOf(edges[i], to, [file])));
    parts.sort(() => stream.next().value % 3 - 1);
    const ends = ["a", "b"].map((file) => partOf(edges[0], edges.at(-1)!, [file]));
    assertEquals(joinParts(parts), ends);
    const twice = () => joinParts([...parts, partOf(edges[0], edges[0] + 1, ["b"])]);
    assertThrows(twice, OverlapError, `rows ${edges[0]}:${edges[0] + 1} of 'b' come twice`);
  }));
  assertEquals(joinParts([partOf(5, 9, ["a"]), partOf(1, 4, ["a"]), partOf(3, 3, ["a"])]), [
    partOf(1, 4, ["a"]),
    partOf(5, 9, ["a"]),
  ]);
});

Deno.test("mergePartials() refuses what does not belong together, and names what differs", () =>
  inFolder(async (folder) => {
    const [first, second] = [`${folder}/first.json`, `${folder}/second.json`];
    await Deno.writeTextFile(first, writePartial(scored(0, 9), [partOf(0, 9, ["x"])]));
    const others: readonly (readonly [named: string, text: string])[] = [
      ["kind is compare, not score", writePartial(compared(9, 12), [partOf(9, 12, ["x", "y"])])],
      ...([
        ["vocab is 9, not 8", { vocab: 9 }],
        ["temperature is 2, not 1", { temperature: 2 }],
        ["bins is 10, not 15", { bins: 10 }],
        ["ignoreIndex is -1, not -100", { ignoreIndex: -1 }],
        ['stored is ["f32"], not ["f16"]', { stored: ["f32"] }],
        ["deterministic is true, not false", { deterministic: true }],
      ] as const).map(([named, change]) =>
        [named, writePartial(scored(9, 12, KEPT, { ...SETTINGS, ...change }), [partOf(9, 12, ["x"])])] as const
      ),
      ["rows 8:9 of 'x' come twice", writePartial(scored(8, 12), [partOf(8, 12, ["x"])])],
    ];
    for (const [named, text] of others) {
      await Deno.writeTextFile(second, text);
      const { message } = await assertRejects(() => mergePartials([first, second], create), FileError);
      assert(message.includes(named) && message.includes(second), message);
    }
  }));

Deno.test("readPartial() refuses what is no partial result, and says where", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x.json`, good = JSON.parse(writePartial(scored(0, 9), [partOf(0, 9, ["x"])]));
    await assertRejects(() => readPartial(path), FileError, path);
    const wrong: readonly (readonly [named: string, text: string])[] = [
      ["is no partial result", ""],
      ["is no partial result", "{"],
      ["it is 3, not an object", "3"],
      ["it does not say that it is one", "{}"],
      ["version is 2, not 1", JSON.stringify({ ...good, version: 2 })],
      ['kind is "plan"', JSON.stringify({ ...good, kind: "plan" })],
      ['settings.stored is ["f16"], not a list of 2', JSON.stringify({ ...good, kind: "compare" })],
      ["settings.bins is 0", JSON.stringify({ ...good, settings: { ...SETTINGS, bins: 0 } })],
      ["settings.hasTargets is 1", JSON.stringify({ ...good, settings: { ...SETTINGS, hasTargets: 1 } })],
      ["parts[0].from is -1", JSON.stringify({ ...good, parts: [partOf(-1, 3, ["x"])] })],
      ["parts[0].files is []", JSON.stringify({ ...good, parts: [partOf(1, 3, [])] })],
      ["state.read is missing", JSON.stringify({ ...good, state: {} })],
      ["state.loss.sum is 3", JSON.stringify({ ...good, state: { ...good.state, loss: { sum: 3 } } })],
      [
        "state.reliability.1 is missing",
        JSON.stringify({ ...good, state: { ...good.state, reliability: [good.state.reliability[0]] } }),
      ],
    ];
    for (const [named, text] of wrong) {
      await Deno.writeTextFile(path, text);
      const { message } = await assertRejects(() => mergePartials([path], create), FileError);
      assert(message.includes(`'${path}'`) && message.includes(named), message);
    }
  }));

Deno.test("calibrationOf() is the error of its bins' definition", () => {
  const random = new Random(3), confidence = Float64Array.from({ length: 500 }, () => random.uniform());
  confidence.set([0, 1, NaN, 1 / 3, 1 + 1e-7]);
  const correct = confidence.map((value) => random.uniform() < value ? 1 : 0);
  for (const count of [1, 3, 15]) {
    const bins = newReliability(count);
    addReliability(bins, confidence.subarray(0, 200), correct.subarray(0, 200));
    addReliability(bins, confidence.subarray(200), correct.subarray(200));
    const found = calibrationOf(bins);
    let error = 0;
    for (let bin = 0; bin < count; bin++) {
      const inside = [...confidence.keys()].filter((i) =>
        !Number.isNaN(confidence[i]) && (confidence[i] > bin / count || bin === 0) &&
        (confidence[i] <= (bin + 1) / count || bin === count - 1)
      );
      const sums = [confidence, correct].map((values) => inside.reduce((sum, i) => sum + values[i], 0));
      error += Math.abs(sums[0] - sums[1]) / 499;
      assertEquals([found.bins[bin].from, found.bins[bin].rows], [bin / count, inside.length]);
      assert(Math.abs(found.bins[bin].accuracy - sums[1] / inside.length) < 1e-12);
    }
    assert(Math.abs(found.expectedCalibrationError - error) < 1e-12, `${found.expectedCalibrationError} ${error}`);
  }
  assertEquals(calibrationOf(newReliability(2)).expectedCalibrationError, NaN);
});

Deno.test("bins are those of calibration()", () => {
  // Confidences of 1/3 exactly, of 1, of none, and of anything
  const rows = [[0, 0, 0], [0, -Infinity, -Infinity], [NaN, 0, 0], ...makeRows(21, 200, 3)],
    targets = makeTargets(22, rows);
  const logits = { data: Float32Array.from(rows.flat()), shape: [rows.length, 3] as const };
  for (const bins of [1, 3, 7, 15]) {
    const { confidence, correct, ...expected } = calibration(logits, targets, { bins }),
      ours = newReliability(bins);
    addReliability(ours, confidence, correct);
    calibrationOf(ours).bins.forEach((found, i) => {
      const { count, accuracy, lower, upper } = expected.bins[i];
      assertEquals(found, { from: lower, to: upper, rows: count, confidence: found.confidence, accuracy });
      assert(count === 0 || Math.abs(found.confidence - expected.bins[i].confidence) < 1e-12);
    });
  }
});
