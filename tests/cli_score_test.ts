import { assert, assertEquals, assertLess } from "@std/assert";
import {
  assertClose,
  calibrationErrorOf,
  estimateOf,
  makeRows,
  makeTargets,
  meanOf,
  rounded,
  rowScore,
} from "./evaluation_cases.ts";
import { assertRefused, recordOf, score, surprisal, writeLogits, writeTargets } from "./evaluation_files.ts";
import { inFolder } from "./folder.ts";

const ROWS = makeRows(1, 150, 83), TARGETS = makeTargets(2, ROWS);

/** Gives the work a folder with those files, every ninth row left out. */
function withFiles(
  dtype: "f32" | "f16" | "bf16",
  work: (logits: string, targets: string, folder: string) => Promise<void>,
) {
  return inFolder(async (folder) => {
    const logits = `${folder}/logits.safetensors`, targets = `${folder}/targets.txt`;
    await writeLogits(logits, dtype, ROWS);
    await writeTargets(targets, TARGETS.map((target, row) => row % 9 === 4 ? -100 : target));
    await work(logits, targets, folder);
  });
}

for (const [dtype, temperature] of [["f32", 1], ["f16", 0.5], ["bf16", 2]] as const) {
  Deno.test(`score of ${dtype} logits at temperature ${temperature} is what plain arithmetic says`, () =>
    withFiles(dtype, async (logits, targets) => {
      const found = await score(logits, "--targets", targets, "--temperature", `${temperature}`, "--bins", "12");
      const scores = rounded(ROWS, dtype).map((row, i) => rowScore(row, TARGETS[i], temperature))
        .filter((_, row) => row % 9 !== 4);
      assertEquals(found.rows, { read: 150, counted: scores.length, ignored: 150 - scores.length });
      assertEquals([found.settings.vocab, found.settings.stored.length], [83, 1]);
      const loss = estimateOf(scores.map(({ loss }) => loss)),
        entropy = estimateOf(scores.map(({ entropy }) => entropy));
      const perplexity = Math.exp(loss.mean);
      assertClose(found.loss.mean, loss.mean, "loss");
      assertClose(found.loss.standardError, loss.standardError, "its error");
      assertClose(found.perplexity.mean, perplexity, "perplexity");
      assertClose(found.perplexity.standardError, perplexity * loss.standardError, "its error");
      assertClose(found.bitsPerToken.mean, Math.log2(perplexity), "bits");
      assertClose(found.bitsPerToken.standardError, loss.standardError / Math.LN2, "their error");
      assertClose(found.entropy.mean, entropy.mean, "entropy");
      assertClose(found.entropy.standardError, entropy.standardError, "its error");
      for (const top of [1, 5, 10] as const) {
        assertClose(found.accuracy[`top${top}`], meanOf(scores.map(({ rank }) => rank <= top ? 1 : 0)), `top-${top}`);
      }
      assertClose(found.calibration.brier, meanOf(scores.map(({ brier }) => brier)), "Brier");
      assertClose(found.calibration.expectedCalibrationError, calibrationErrorOf(scores, 12), "calibration error");
      assertEquals(found.calibration.bins.reduce((sum, { rows }) => sum + rows, 0), scores.length);
      const sorted = scores.map(({ loss }) => loss).sort((a, b) => a - b);
      assertClose(found.loss.percentiles.max, sorted.at(-1)!, "max");
      assertClose(found.loss.percentiles.min, sorted[0], "min", 2e-7 / sorted[0]);
      const rank = 0.9 * (sorted.length - 1), part = rank - Math.floor(rank);
      const [low, high] = [Math.floor(rank), Math.ceil(rank)].map((rank) => sorted[rank]);
      assertClose(found.loss.percentiles["90 %"], low + part * (high - low), "90 %");
    }));
}

Deno.test("score finds the same bits whatever the block, the threads and the division into shards", () =>
  withFiles("f16", async (logits, targets, folder) => {
    const args = ["score", logits, "--targets", targets], whole = await recordOf(...args);
    assertEquals(await recordOf(...args, "--block", "7", "--threads", "1"), whole);
    assertEquals(await recordOf(...args, "--block", "1000", "--threads", "2"), whole);
    for (const edges of [[0, 150], [0, 1, 77, 150], [0, 20, 40, 41, 60, 99, 100, 149, 150]]) {
      const shards = await Promise.all(
        edges.slice(1).map(async (to, i) => {
          const partial = `${folder}/${edges.length}-${i}.json`, rows = `${edges[i]}:${to === 150 ? "" : to}`;
          await recordOf(...args, "--rows", rows, "--partial", partial);
          return partial;
        }),
      );
      assertEquals(await recordOf("merge", ...shards), whole);
      assertEquals(await recordOf("merge", ...shards.toReversed()), whole);
    }
  }));

Deno.test("score hides no row that is infinite or has NaN", () =>
  inFolder(async (folder) => {
    const rows = makeRows(3, 40, 9),
      targets = makeTargets(4, rows),
      [path, targetPath] = [`${folder}/a.safetensors`, `${folder}/t`];
    rows[17][targets[17]] = rows[30][targets[30]] = -Infinity;
    await writeLogits(path, "f32", rows);
    await writeTargets(`${targetPath}.txt`, targets);
    const args = [path, "--targets", `${targetPath}.txt`], found = await score(...args);
    assertEquals([found.loss.infinite, found.loss.nan], [{ rows: 2, first: 17 }, { rows: 0 }]);
    assertEquals(
      [found.loss.mean, found.perplexity.mean, found.loss.percentiles.max].map(String),
      Array(3).fill("Infinity"),
    );
    assertEquals(String(found.loss.standardError), "NaN");
    assert(Number.isFinite(found.loss.percentiles.median) && Number.isFinite(found.entropy.mean));
    const { out } = await surprisal("score", ...args);
    assert(out.includes("\nloss: 2 rows are infinite, the first is row 17\n"), out);

    rows[5][3] = NaN;
    await writeLogits(path, "f32", rows);
    const broken = await score(...args);
    assertEquals(broken.loss.nan, { rows: 1, first: 5 });
    assertEquals(String(broken.loss.mean), "NaN");
    assertEquals(String(broken.loss.percentiles.max), "Infinity");
    assertEquals(broken.calibration.bins.reduce((sum, { rows }) => sum + rows, 0), 39);
    assert((await surprisal("score", ...args)).out.includes("\nloss: 1 row is NaN, row 5\n"));
  }));

Deno.test("score prints tables, and draws", () =>
  withFiles("bf16", async (logits, targets, folder) => {
    const plot = `${folder}/score.svg`;
    const { code, out, err } = await surprisal("score", logits, "--targets", targets, "--plot", plot);
    assertEquals(code, 0, err);
    const { perplexity, accuracy } = await score(logits, "--targets", targets);
    const line = (name: string) =>
      out.split("\n").find((line) => line.startsWith(`${name} `))?.trim().split(/ {2,}/) ?? [];
    assertLess(Math.abs(Number(line("perplexity")[1]) - perplexity.mean), perplexity.standardError / 10);
    assertEquals(line("top-5 accuracy")[1], `${(100 * accuracy.top5).toFixed(2)} %`);
    assert(out.includes("133 rows of 83 classes, 17 of 150 left out\n"), out);
    assert(/rows\/s, [\d.]+ GB\/s read\n$/.test(out), out);
    assert(err.startsWith("scoring ") && err.includes("150/150 rows"), err);
    assertEquals(out.split("\n").filter((line) => line.length > 160), []);
    const svg = await Deno.readTextFile(plot);
    assert(svg.startsWith("<svg"));
    assertEquals(/NaN|Infinity|undefined|null/.exec(svg), null);
    for (const text of ["loss of a row, nats", "accuracy: how often it came", "the model"]) {
      assert(svg.includes(`>${text}<`), text);
    }
  }));

Deno.test("score refuses arguments and files that make no sense with a line that names them", () =>
  withFiles("f32", async (logits, targets, folder) => {
    const given = ["score", logits, "--targets", targets], short = `${folder}/short.txt`, far = `${folder}/far.txt`;
    await writeTargets(short, TARGETS.slice(1));
    await writeTargets(far, TARGETS.map((target, row) => row === 33 ? 83 : target));
    await Deno.writeTextFile(`${folder}/torn.safetensors`, "torn");
    const wrong: readonly (readonly [named: string, ...args: string[]])[] = [
      ["<logits>", "score"],
      ["'b'", ...given, "b"],
      ["'--targets' is missing", "score", logits],
      ["no.safetensors", "score", `${folder}/no.safetensors`, "--targets", targets],
      ["torn.safetensors", "score", `${folder}/torn.safetensors`, "--targets", targets],
      ["no.txt", "score", logits, "--targets", `${folder}/no.txt`],
      ["149 targets", "score", logits, "--targets", short],
      ["row 33 is 83", "score", logits, "--targets", far],
      ["none", ...given, "--tensor", "none"],
      ["'--rows' is '3'", ...given, "--rows", "3"],
      ["'--rows' is ':'", ...given, "--rows", ":"],
      ["'--rows' is '9:9'", ...given, "--rows", "9:9"],
      ["has 150", ...given, "--rows", "100:151"],
      ["'--temperature' is '0'", ...given, "--temperature", "0"],
      ["'--temperature' is 'x'", ...given, "--temperature", "x"],
      ["'--ignore-index' is '1.5'", ...given, "--ignore-index", "1.5"],
      ["'--block' is '0'", ...given, "--block", "0"],
      ["'--threads' is '129'", ...given, "--threads", "129"],
      ["'--bins' is '0'", ...given, "--bins", "0"],
      ["'--dtype' is 'f8'", ...given, "--dtype", "f8"],
      ["'a.pdf'", ...given, "--plot", "a.pdf"],
      ["none/a.json", ...given, "--partial", `${folder}/none/a.json`],
    ];
    for (const [named, ...args] of wrong) await assertRefused(named, ...args);
    const { out } = await surprisal("score", "--help");
    for (const text of ["surprisal score <logits> [options]", "--ignore-index <target>", "--rows <from:to>"]) {
      assert(out.includes(text), text);
    }
  }));

Deno.test("score and compare of no rows at all have no numbers, and say so", () =>
  inFolder(async (folder) => {
    const [logits, targets, partial] = ["a.safetensors", "t.txt", "p.json"].map((name) => `${folder}/${name}`);
    await writeLogits(logits, "f32", [], 5);
    await writeTargets(targets, []);
    const plot = `${folder}/a.svg`,
      found = await score(logits, "--targets", targets, "--plot", plot, "--partial", partial);
    assertEquals([found.rows.read, found.parts, String(found.loss.mean), String(found.loss.percentiles.max)], [
      0,
      [],
      "NaN",
      "NaN",
    ]);
    assertEquals(await recordOf("merge", partial), found);
    assert((await Deno.readTextFile(plot)).startsWith("<svg"));
    const { code, out, err } = await surprisal("compare", logits, logits, "--targets", targets, "--plot", plot);
    assertEquals(code, 0, err);
    assert(out.includes("\n0 rows of 5 classes\n"), out);
  }));
