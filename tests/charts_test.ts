import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows, fail } from "@std/assert";
import { logger, Warn } from "vega";
import { compile } from "vega-lite";
import { UsageError } from "../src/cli/command.ts";
import { memoryChart, type MemoryCurves, type Roofline, rooflineChart } from "../src/cli/plan/charts.ts";
import { MODELS } from "../src/cli/plan/models.ts";
import { checkPlotPath, renderChart, type VegaLiteSpec } from "../src/cli/plan/render.ts";
import { inFolder } from "./folder.ts";

const ROOFLINE: Roofline = {
  title: "Losses",
  memoryBytesPerSecond: 3.35e12,
  ceilings: [
    { name: "exp", flopsPerSecond: 16e12 },
    { name: "tensor cores", flopsPerSecond: 989.4e12 },
    { name: "with clock", flopsPerSecond: 930e12 },
    { name: "without", flopsPerSecond: 900e12 },
  ],
  points: [
    { name: "fused & in place", intensity: 0.8, flopsPerSecond: 2.2e12 },
    { name: "linearChunks", intensity: 900, flopsPerSecond: 6e14 },
  ],
};

/** Lines through 0 whose slope is given in bytes for each sequence. */
function curves(slopes: Readonly<Record<string, number>>, batches: readonly number[], budgetBytes: number) {
  const series = Object.entries(slopes).map(([name, slope]) => ({
    name,
    points: batches.map((batch) => ({ batch, bytes: slope * batch })),
  }));
  return { title: "Memory", series, budgetBytes, budgetName: "RTX 4090" } satisfies MemoryCurves;
}

const WIDE = curves({ textbook: 6.3e9, sampled: 1.3e8 }, [1, 2, 4, 8], 24e9);

/** Type and domain of a chart's scale. */
function scaleOf(spec: VegaLiteSpec, name: "x" | "y"): { readonly type?: string; readonly domain?: unknown } {
  const strict = logger(Warn, undefined, (_method, _level, messages) => fail(messages.join(" ")));
  const { type, domain } = compile(spec, { logger: strict }).spec.scales?.find((scale) => scale.name === name) ?? {};
  return { type, domain };
}

/** The texts of an SVG, none of whose numbers is missing or infinite. */
async function textsOf(spec: VegaLiteSpec, path: string): Promise<string[]> {
  await renderChart(spec, path);
  const svg = await Deno.readTextFile(path);
  assertEquals(/NaN|Infinity|undefined|null/.exec(svg), null);
  assert(svg.startsWith("<svg") && /font-family="[^"]*sans-serif"/.test(svg));
  const fonts = Array.from(svg.matchAll(/font-size="([\d.]+)px"/g), ([, size]) => Number(size));
  assert(fonts.length > 0 && fonts.every((size) => size >= 12));
  return Array.from(svg.matchAll(/<text[^>]*>([^<]*)</g), ([, text]) => text);
}

function assertAll(texts: readonly string[], expected: readonly string[]): void {
  assertEquals(expected.filter((text) => !texts.includes(text)), [], texts.join(" | "));
}

Deno.test("rooflineChart() draws the slope, the ceilings and a legend of the points", () =>
  inFolder(async (folder) => {
    const spec = rooflineChart(ROOFLINE);
    assertEquals(scaleOf(spec, "x"), { type: "log", domain: [0.2, 2000] });
    assertEquals(scaleOf(spec, "y"), { type: "log", domain: [1e12, 2e15] });
    assertEquals(scaleOf(rooflineChart({ ...ROOFLINE, points: [] }), "x"), { type: "log", domain: [2, 1000] });
    assertAll(await textsOf(spec, `${folder}/roofline.svg`), [
      "Losses",
      "arithmetic intensity, FLOP per byte",
      "FLOP/s",
      "1 TFLOP/s",
      "1 PFLOP/s",
      "1,000",
      "memory, 3.35 TB/s",
      "exp, 16 TFLOP/s",
      "tensor cores, 989 TFLOP/s; with clock, 930 TFLOP/s",
      "without, 900 TFLOP/s",
      "fused &amp; in place",
      "linearChunks",
    ]);
  }));

Deno.test("memoryChart() draws a line for each method, and the budget", () =>
  inFolder(async (folder) => {
    assertAll(await textsOf(memoryChart(WIDE), `${folder}/memory.svg`), [
      "Memory",
      "batch, sequences",
      "memory, GB (10⁹ bytes)",
      "100 MB",
      "10 GB",
      "RTX 4090, 24 GB",
      "textbook",
      "sampled",
    ]);
  }));

Deno.test("memoryChart() has logarithmic axes over 30 times the memory, else ends at 3 times the budget", () => {
  assertEquals(scaleOf(memoryChart(WIDE), "y"), { type: "log", domain: [5e7, 2e11] });
  assertEquals(scaleOf(memoryChart(WIDE), "x").type, "log");
  const narrow = curves({ textbook: 3e9, fused: 2e9 }, [1, 2, 3, 4], 8e9);
  assertEquals(scaleOf(memoryChart(narrow), "y"), { type: "linear", domain: [0, 1.08 * 12e9] });
  const over = curves({ textbook: 3e9, fused: 2e9 }, [1, 2, 3, 4], 2e9);
  assertEquals(scaleOf(memoryChart(over), "y"), { type: "linear", domain: [0, 1.08 * 6e9] });
  const little = curves({ fused: 1e9 }, [1], 8e9);
  assertEquals(scaleOf(memoryChart(little), "y"), { type: "linear", domain: [0, 1.08 * 8e9] });
});

Deno.test("charts refuse numbers that have no place on their axes, and nothing at all", () => {
  const zero = [{ name: "x", intensity: 0, flopsPerSecond: 1 }];
  assertThrows(() => rooflineChart({ ...ROOFLINE, points: zero }), RangeError, "points[0].intensity is 0");
  assertThrows(
    () => rooflineChart({ ...ROOFLINE, memoryBytesPerSecond: NaN }),
    RangeError,
    "memoryBytesPerSecond is NaN",
  );
  assertThrows(() => rooflineChart({ ...ROOFLINE, ceilings: [] }), TypeError, "ceilings");
  assertThrows(() => memoryChart({ ...WIDE, budgetBytes: Infinity }), RangeError, "budgetBytes is Infinity");
  const free = [{ name: "x", points: [{ batch: 1, bytes: 0 }] }];
  assertThrows(() => memoryChart({ ...WIDE, series: free }), RangeError, "series[0].points[0].bytes is 0");
  assertThrows(() => memoryChart({ ...WIDE, series: [] }), TypeError, "series");
});

Deno.test("renderChart() writes a PNG of twice the SVG's size, with letters", () =>
  inFolder(async (folder) => {
    const draw = async (title: string, name: string) => {
      await renderChart(memoryChart({ ...WIDE, title }), `${folder}/${name}`);
      return await Deno.readFile(`${folder}/${name}`);
    };
    const png = await draw("iiii", "i.png");
    assertEquals([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const svg = new TextDecoder().decode(await draw("iiii", "i.svg"));
    const [, width, height] = /<svg[^>]* width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
    const header = new DataView(png.buffer, png.byteOffset);
    assertEquals([header.getUint32(16), header.getUint32(20)], [2 * Number(width), 2 * Number(height)]);
    // Titles of one length have the same place, so only their letters can differ
    assertNotEquals(await draw("WWWW", "w.PNG"), png);
  }));

Deno.test("renderChart() refuses other files before it draws, and says where it cannot write", async () => {
  assertEquals(["a.svg", "b.c/d.PNG"].map(checkPlotPath), ["svg", "png"]);
  for (const path of ["plan.pdf", "plan", "svg", "plan.svg.gz", ""]) {
    assertThrows(() => checkPlotPath(path), UsageError, `'${path}'`);
  }
  await assertRejects(() => renderChart({} as VegaLiteSpec, "plan.jpg"), UsageError, "'plan.jpg'");
  await inFolder(async (folder) => {
    const path = `${folder}/missing/plan.svg`;
    await assertRejects(() => renderChart(memoryChart(WIDE), path), UsageError, `'${path}'`);
  });
});

Deno.test("MODELS have whole positive sizes, lower-case identifiers and a source each", () => {
  const entries = Object.entries(MODELS);
  assert(entries.length >= 12);
  for (const [id, { name, source, ...sizes }] of entries) {
    assert(/^[a-z0-9.-]+$/.test(id), id);
    assertEquals(Object.keys(sizes), ["vocab", "hidden", "sequence"]);
    assert(Object.values(sizes).every((size) => Number.isInteger(size) && size > 0), id);
    assert(sizes.vocab > sizes.hidden, id);
    assert(/^https:\/\/[^ ]+\/config\.json$/.test(source), id);
    assert(name !== "", id);
  }
  assertEquals(new Set(entries.map(([, { source }]) => source)).size, entries.length);
});
