import { assert, assertEquals, assertLess } from "@std/assert";
import {
  assertClose,
  calibrationErrorOf,
  divergenceOf,
  estimateOf,
  makeRows,
  makeTargets,
  meanOf,
  probabilitiesOf,
  rounded,
  rowScore,
} from "./evaluation_cases.ts";
import { assertRefused, compare, surprisal, writeLogits, writeTargets } from "./evaluation_files.ts";
import { inFolder } from "./folder.ts";
import { Random } from "./random.ts";

const VOCAB = 83, BASE = makeRows(5, 140, VOCAB), TARGETS = makeTargets(6, BASE);

/** The base with noise, which grows from row to row. */
const OTHER = BASE.map((row, i) => row.map((value, j) => value + i / 400 * Math.sin(i * VOCAB + j)));

interface Files {
  readonly base: string;
  readonly other: string;
  readonly targets: string;
  readonly folder: string;
}

/** Gives the work a folder with those files. */
function withFiles(base: "f32" | "f16", other: "f32" | "bf16", work: (files: Files) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const files = {
      base: `${folder}/base.safetensors`,
      other: `${folder}/other.safetensors`,
      targets: `${folder}/t.txt`,
      folder,
    };
    await writeLogits(files.base, base, BASE);
    await writeLogits(files.other, other, OTHER);
    await writeTargets(files.targets, TARGETS.map((target, row) => row % 10 === 3 ? 7777 : target));
    await work(files);
  });
}

/** The five likeliest tokens. */
function topOf(row: readonly number[]): number[] {
  return [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, 5);
}

function correlation(x: readonly number[], y: readonly number[]): number {
  const [a, b] = [meanOf(x), meanOf(y)], sum = (f: (i: number) => number) => x.reduce((sum, _, i) => sum + f(i), 0);
  return sum((i) => (x[i] - a) * (y[i] - b)) / Math.sqrt(sum((i) => (x[i] - a) ** 2) * sum((i) => (y[i] - b) ** 2));
}

for (const [one, two] of [["f32", "f32"], ["f16", "bf16"]] as const) {
  Deno.test(`compare of ${one} with ${two} is what plain arithmetic says`, () =>
    withFiles(one, two, async ({ base, other, targets }) => {
      const found = await compare(base, other, "--targets", targets, "--ignore-index", "7777", "--bins", "9");
      const rows = BASE.keys().filter((row) => row % 10 !== 3).toArray();
      const [x, y] = [rounded(BASE, one), rounded(OTHER, two)].map((all) => rows.map((row) => all[row]));
      const [p, q] = [x, y].map((all) => all.map((row) => probabilitiesOf(row)));
      const forward = p.map((row, i) => divergenceOf(row, q[i])), reverse = p.map((row, i) => divergenceOf(q[i], row));
      const symmetric = p.map((row, i) => {
        const middle = row.map((value, j) => (value + q[i][j]) / 2);
        return (divergenceOf(row, middle) + divergenceOf(q[i], middle)) / 2;
      });
      assertEquals(found.rows, { read: 140, counted: 126, ignored: 14 });
      const kinds = { forward, reverse, jensenShannon: symmetric } as const;
      for (const [name, values] of Object.entries(kinds) as [keyof typeof kinds, number[]][]) {
        const { mean, standardError } = estimateOf(values), sorted = values.toSorted((a, b) => a - b);
        assertClose(found[name].mean, mean, name);
        assertClose(found[name].standardError, standardError, `${name}'s error`);
        assertClose(found[name].percentiles.max, sorted[125], `${name}'s max`);
        assertClose(found[name].percentiles["5 %"], sorted[6] + 0.25 * (sorted[7] - sorted[6]), `${name}'s 5 %`);
        assertClose(found[name].rootMeanSquare, Math.sqrt(meanOf(values.map((value) => value ** 2))), `${name}'s RMS`);
      }
      const tops = [x, y].map((all) => all.map(topOf));
      assertEquals(found.agreement.top1, meanOf(tops[0].map(([top], i) => top === tops[1][i][0] ? 1 : 0)));
      const shared = tops[0].map((top, i) => top.filter((token) => tops[1][i].includes(token)).length / 5);
      assertClose(found.agreement.top5, meanOf(shared), "top-5", 1e-12);

      for (const { from, to, rows: count, mean, max } of found.byConfidence) {
        const inside = forward.filter((_, i) => Math.max(...p[i]) > from && Math.max(...p[i]) <= to);
        assertEquals(count, inside.length);
        if (count > 0) assertClose(mean, meanOf(inside), `${from}`);
        if (count > 0) assertClose(max, Math.max(...inside), `${from}`);
      }

      const [ours, theirs] = [x, y].map((all) => all.map((row, i) => rowScore(row, TARGETS[rows[i]])));
      const { base: b, other: o, logRatio, ratio, deltaProbability, ...rest } = found.targets!;
      for (const [prediction, scores] of [[b, ours], [o, theirs]] as const) {
        const loss = estimateOf(scores.map(({ loss }) => loss));
        assertClose(prediction.loss.mean, loss.mean, "loss");
        assertClose(prediction.perplexity.mean, Math.exp(loss.mean), "perplexity");
        assertClose(prediction.perplexity.standardError, Math.exp(loss.mean) * loss.standardError, "its error");
        assertClose(prediction.calibration.expectedCalibrationError, calibrationErrorOf(scores, 9), "calibration");
      }
      const difference = estimateOf(theirs.map(({ loss }, i) => loss - ours[i].loss));
      assertClose(logRatio.mean, difference.mean, "ln ratio", 1e-3);
      assertClose(logRatio.standardError, difference.standardError, "its error", 1e-3);
      assertClose(ratio.mean, Math.exp(difference.mean), "ratio");
      assertClose(ratio.standardError, Math.exp(difference.mean) * difference.standardError, "its error", 1e-3);
      assertClose(
        rest.correlation,
        correlation(...[ours, theirs].map((all) => all.map(({ loss }) => loss)) as [number[], number[]]),
        "correlation",
      );
      const delta = theirs.map(({ probability }, i) => probability - ours[i].probability);
      assertClose(deltaProbability.mean, meanOf(delta), "Δp", 1e-3);
      assertClose(deltaProbability.rootMeanSquare, Math.sqrt(meanOf(delta.map((value) => value ** 2))), "RMS Δp", 1e-4);
      assertClose(deltaProbability.percentiles.min, Math.min(...delta), "min Δp", 1e-4);
    }));
}

Deno.test("compare finds nothing between a file and itself, and tells rounding from more than that by the floor", () =>
  inFolder(async (folder) => {
    const [wide, narrow, noisy] = ["wide", "narrow", "noisy"].map((name) => `${folder}/${name}.safetensors`);
    const random = new Random(9), rows = makeRows(8, 300, 200);
    // What is stored is a rounded number: half a cell around it is where the number may have been
    const stored = rounded(rows, "f16"),
      shaken = stored.map((row) =>
        row.map((value) =>
          value + (random.uniform() - 0.5) * 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value)))) - 10)
        )
      );
    await writeLogits(narrow, "f16", stored);
    await writeLogits(wide, "f32", shaken);
    await writeLogits(noisy, "f32", shaken.map((row) => row.map((value) => value + 0.1 * random.normal())));
    const same = await compare(narrow, narrow);
    assertEquals([same.forward.mean, same.reverse.percentiles.max, same.jensenShannon.mean], [0, 0, 0]);
    assertEquals([same.agreement.top1, same.agreement.top5, same.targets], [1, 1, undefined]);
    assert(same.floor.mean > 0);
    const { forward, floor } = await compare(narrow, wide);
    assertLess(Math.abs(forward.mean / floor.mean - 1), 0.1);
    assert((await surprisal("compare", narrow, wide)).out.includes("differ by no more than that: "));
    const more = await compare(narrow, noisy);
    assertEquals(more.floor, floor);
    assertLess(100 * floor.mean, more.forward.mean);
  }));

Deno.test("compare refuses vocabularies of different sizes unless it may truncate them, and different rows", () =>
  withFiles("f32", "f32", async ({ base, other, targets, folder }) => {
    const padded = `${folder}/padded.safetensors`, fewer = `${folder}/fewer.safetensors`;
    await writeLogits(padded, "f32", OTHER.map((row) => [...row, 50, 60]));
    await writeLogits(fewer, "f32", OTHER.slice(3));
    await assertRefused("83 and 85 classes", "compare", base, padded);
    await assertRefused("140 and 137 rows", "compare", base, fewer);
    const args = ["--targets", targets, "--ignore-index", "7777"],
      cut = await compare(base, padded, ...args, "--truncate");
    assertEquals({ ...cut, parts: [] }, { ...await compare(base, other, ...args), parts: [] });
    const reversed = await compare(padded, base, "--truncate"), plainly = await compare(other, base);
    assertEquals({ ...reversed, parts: [] }, { ...plainly, parts: [] });
  }));

Deno.test("compare hides no row that is infinite or has NaN, and works on tiny vocabularies", () =>
  inFolder(async (folder) => {
    const [base, other] = ["a", "b"].map((name) => `${folder}/${name}.safetensors`), rows = makeRows(7, 20, 3);
    const masked = rows.map((row, i) =>
      i === 4 || i === 12 ? [...row.slice(0, 2), -Infinity] : i === 9 ? [NaN, 0, 0] : row
    );
    await writeLogits(base, "f32", rows);
    await writeLogits(other, "f32", masked);
    const { forward, reverse, jensenShannon, floor, byConfidence } = await compare(base, other);
    assertEquals([forward.infinite, forward.nan], [{ rows: 2, first: 4 }, { rows: 1, first: 9 }]);
    assertEquals([reverse.infinite.rows, reverse.nan.rows, jensenShannon.infinite.rows], [0, 1, 0]);
    assert(Number.isFinite(floor.mean));
    assertEquals(byConfidence.reduce((sum, { rows }) => sum + rows, 0), 20);
    const { out } = await surprisal("compare", base, other);
    for (
      const line of ["base to other: 2 rows are infinite, the first is row 4", "other to base: 1 row is NaN, row 9"]
    ) {
      assert(out.includes(`\n${line}\n`), out);
    }
  }));

Deno.test("compare prints tables, and draws", () =>
  withFiles("f16", "bf16", async ({ base, other, targets, folder }) => {
    const plot = `${folder}/compare.png`, svgPath = `${folder}/compare.svg`;
    const args = ["compare", base, other, "--targets", targets, "--ignore-index", "7777"];
    const { code, out, err } = await surprisal(...args, "--plot", plot);
    assertEquals(code, 0, err);
    for (
      const text of [
        "(F16)",
        "(BF16)",
        "0:140",
        "126 rows of 83 classes, 14 of 140 left out",
        "Jensen–Shannon",
        "median",
        "0.9 to 1.0",
      ]
    ) {
      assert(out.includes(text), out);
    }
    assertEquals(out.split("\n").filter((line) => line.length > 200), []);
    assertEquals([...(await Deno.readFile(plot)).subarray(1, 4)], [0x50, 0x4e, 0x47]);
    await surprisal(...args, "--plot", svgPath);
    const svg = await Deno.readTextFile(svgPath);
    assertEquals(/NaN|Infinity|undefined|null/.exec(svg), null);
    for (const text of ["ln of a row&apos;s divergence in nats", "base", "other"]) {
      assert(svg.replaceAll("'", "&apos;").includes(`>${text}<`), text);
    }
    // Rows that do not differ have no logarithm, and there are no targets
    assertEquals((await surprisal("compare", base, base, "--plot", svgPath)).code, 0);
    assert((await Deno.readTextFile(svgPath)).startsWith("<svg"));
  }));

Deno.test("compare refuses arguments that make no sense with a line that names them", async () => {
  await assertRefused("<base>", "compare");
  await assertRefused("<other>", "compare", "a.npy");
  await assertRefused("'c'", "compare", "a.npy", "b.npy", "c");
  await assertRefused("a.npy", "compare", "a.npy", "b.npy");
  await assertRefused("'--truncate'", "score", "a.npy", "--truncate");
  const { out } = await surprisal("compare", "--help");
  for (const text of ["surprisal compare <base> <other> [options]", "--truncate", "--other-tensor <name>"]) {
    assert(out.includes(text), text);
  }
});
