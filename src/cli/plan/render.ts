/** Charts into files. The packages that draw them are loaded when a chart is drawn, not before. */
import type { TopLevelSpec } from "vega-lite";
import { UsageError } from "../command.ts";

/** A chart, as vega-lite takes it. */
export type VegaLiteSpec = TopLevelSpec;

/** Pixels of a PNG on a side of a pixel of its chart. */
const PNG_SCALE = 2;

/**
 * Writes a chart, as SVG or, at twice the size, as PNG. A PNG has the font DejaVu Sans, which its chart must name.
 *
 * @throws {UsageError} If the path ends in neither .svg nor .png, or cannot be written to.
 */
export async function renderChart(spec: VegaLiteSpec, path: string): Promise<void> {
  const format = checkPlotPath(path);
  const svg = await drawSvg(spec);
  const data = format === "svg" ? new TextEncoder().encode(svg) : await drawPng(svg);
  try {
    await Deno.writeFile(path, data);
  } catch (error) {
    throw new UsageError(`Cannot write to '${path}': ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * What a chart at a path is to be.
 *
 * @throws {UsageError} If the path ends in neither .svg nor .png.
 */
export function checkPlotPath(path: string): "svg" | "png" {
  const extension = /\.(svg|png)$/i.exec(path)?.[1].toLowerCase();
  if (extension === "svg" || extension === "png") return extension;
  throw new UsageError(`Cannot plot to '${path}': it ends in neither .svg nor .png`);
}

async function drawSvg(spec: VegaLiteSpec): Promise<string> {
  const [{ compile }, { parse, View }] = await Promise.all([import("vega-lite"), import("vega")]);
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

async function drawPng(svg: string): Promise<Uint8Array<ArrayBuffer>> {
  const [Resvg, font] = await Promise.all([loadResvg(), loadFont()]);
  const image = new Resvg(svg, { fitTo: { mode: "zoom", value: PNG_SCALE }, font: { fontBuffers: [font] } });
  return new Uint8Array(image.render().asPng());
}

// Its WebAssembly can be instantiated only once
let resvg: ReturnType<typeof instantiateResvg> | undefined;

function loadResvg(): ReturnType<typeof instantiateResvg> {
  return resvg ??= instantiateResvg();
}

async function instantiateResvg(): Promise<typeof import("@resvg/resvg-wasm").Resvg> {
  const { initWasm, Resvg } = await import("@resvg/resvg-wasm");
  await initWasm(await readPackaged("@resvg/resvg-wasm/index_bg.wasm"));
  return Resvg;
}

async function loadFont(): Promise<Uint8Array> {
  await import("dejavu-fonts-ttf/package.json", { with: { type: "json" } });
  return await readPackaged("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");
}

/**
 * A file of a package from npm of which a module has been imported: only then is it known where its files are, and the
 * version need not be said again. An import map's names would not do, as they are not there in a published package.
 */
function readPackaged(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(import.meta.resolve(`npm:${name}`)));
}
