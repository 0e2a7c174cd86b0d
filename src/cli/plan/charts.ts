/** The charts of a plan, as vega-lite takes them: from numbers alone, without drawing anything. */
import * as axes from "./axes.ts";
import type { VegaLiteSpec } from "./render.ts";

/** What a machine can do at best, and what was done on it. */
export interface Roofline {
  /** What the chart is called, in lines. */
  readonly title: string;
  /** Bytes that the memory moves in a second. */
  readonly memoryBytesPerSecond: number;
  /** Floating-point operations that its units do in a second; at least one of them. */
  readonly ceilings: readonly { readonly name: string; readonly flopsPerSecond: number }[];
  /** Pieces of work: operations for each byte that is moved, and in a second. */
  readonly points: readonly { readonly name: string; readonly intensity: number; readonly flopsPerSecond: number }[];
}

/** What methods need as the batch grows, and what there is. */
export interface MemoryCurves {
  /** What the chart is called, in lines. */
  readonly title: string;
  /** Methods, with at least one point among them. */
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly { readonly batch: number; readonly bytes: number }[];
  }[];
  /** Bytes that there are. */
  readonly budgetBytes: number;
  /** What has them, such as "RTX 4090". */
  readonly budgetName: string;
}

type Layer = Extract<VegaLiteSpec, { readonly layer: unknown }>["layer"][number];

interface Roof {
  readonly label: string;
  readonly flops: number;
}

interface RoofLabel extends Roof {
  readonly placement: Placement;
}

/** How a text lies at its point. */
interface Placement {
  readonly align: "left" | "center" | "right";
  readonly baseline: "top" | "bottom";
  readonly dx: number;
  readonly dy: number;
  readonly angle?: number;
}

const WIDTH = 720;
const HEIGHT = 440;
const FONT_SIZE = 13;

/** From a roof to its label, so that points on the roof do not touch its letters, and what both take. */
const LABEL_DISTANCE = 9, LABEL_HEIGHT = LABEL_DISTANCE + 15;

/** The third is the font of PNGs. */
const FONTS = "Helvetica, Arial, DejaVu Sans, sans-serif";

/** Okabe and Ito's palette (jfly.uni-koeln.de/color), made for the colour-blind, without its pale yellow. */
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

/** One more than there are colours, so that of 56 names no two look alike. */
const SHAPES = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "cross",
  "triangle-down",
  "triangle-right",
  "triangle-left",
];

/** Of lines that are no data. */
export const GREY = "#444444";

/** Memory over the budget by this factor leaves a chart whose axes are linear. */
const MOST_OVER_BUDGET = 3;

/** Over this ratio of the most memory to the least, axes are logarithmic. */
const LINEAR_SPAN = 30;

/**
 * A roofline (Williams, Waterman and Patterson, 2009): what lies at the slope is bound by memory, at a ceiling by
 * arithmetic.
 *
 * @throws {TypeError} If there is no ceiling.
 * @throws {RangeError} If a number is not from 1e-30 to 1e30.
 */
export function rooflineChart({ title, memoryBytesPerSecond, ceilings, points }: Roofline): VegaLiteSpec {
  if (ceilings.length === 0) throw new TypeError("Cannot draw a roofline: ceilings is empty");
  const memory = positive("memoryBytesPerSecond", memoryBytesPerSecond);
  const roofs = ceilings.map(({ name, flopsPerSecond }, i) => {
    const flops = positive(`ceilings[${i}].flopsPerSecond`, flopsPerSecond);
    return { label: `${name}, ${axes.engineering(flops, "FLOP/s")}`, flops, intensity: flops / memory };
  }).sort((a, b) => b.flops - a.flops);
  const work = points.map(({ name, intensity, flopsPerSecond }, i) => ({
    name,
    intensity: positive(`points[${i}].intensity`, intensity),
    flops: positive(`points[${i}].flopsPerSecond`, flopsPerSecond),
  }));

  const xs = axes.roundInterval([...roofs, ...work].map(({ intensity }) => intensity));
  const ys = axes.roundInterval([...roofs, ...work].map(({ flops }) => flops));
  const xLabels = "format(datum.value, ',.3~r')";
  const x = axes.axis("arithmetic intensity, FLOP per byte", axes.log(xs), xLabels, axes.roundTicks(xs));
  const y = axes.axis("FLOP/s", axes.log(ys), axes.engineeringLabels("FLOP/s"), axes.roundTicks(ys));
  const places = { x: { ...x, field: "intensity" }, y: { ...y, field: "flops" } };
  const slope = [Math.max(xs[0], ys[0] / memory), roofs[0].intensity];
  const middle = Math.sqrt(slope[0] * slope[1]);
  const angle = -Math.atan2(HEIGHT / axes.decades(ys), WIDTH / axes.decades(xs)) * 180 / Math.PI;
  const slopePlacement = { align: "center", baseline: "bottom", dx: 0, dy: -LABEL_DISTANCE, angle } as const;
  const labels = labelRoofs(roofs, HEIGHT / axes.decades(ys));
  return chart(title, [
    {
      data: { values: roofs.map((roof) => ({ ...roof, end: xs[1] })) },
      mark: { type: "rule", strokeWidth: 1.5, color: GREY },
      encoding: { ...places, x2: { field: "end" } },
    },
    {
      data: { values: slope.map((intensity) => ({ intensity, flops: intensity * memory })) },
      mark: { type: "line", strokeWidth: 1.5, color: GREY },
      encoding: places,
    },
    ...text(`memory, ${axes.engineering(memory, "B/s")}`, x, middle, y, middle * memory, slopePlacement),
    ...labels.flatMap(({ label, flops, placement }) => text(label, x, xs[1], y, flops, placement)),
    {
      data: { values: work },
      mark: { type: "point", filled: false, size: 130, strokeWidth: 2.5, opacity: 1 },
      encoding: { ...places, ...distinguish(work) },
    },
  ]);
}

/**
 * Memory against the batch, a line for each method, and the budget. Where the most is over thirty times the least, axes
 * are logarithmic, on which what is proportional to the batch is straight too; elsewhere what needs over three times
 * the budget leaves the chart. So methods that need little stay apart.
 *
 * @throws {TypeError} If there is no point.
 * @throws {RangeError} If a number is not from 1e-30 to 1e30.
 */
export function memoryChart({ title, series, budgetBytes, budgetName }: MemoryCurves): VegaLiteSpec {
  const budget = positive("budgetBytes", budgetBytes);
  const needs = series.flatMap(({ name, points }, i) =>
    points.map(({ batch, bytes }, j) => ({
      name,
      batch: positive(`series[${i}].points[${j}].batch`, batch),
      bytes: positive(`series[${i}].points[${j}].bytes`, bytes),
    }))
  );
  if (needs.length === 0) throw new TypeError("Cannot draw memory: series has no points");

  const { x, y } = memoryAxes(needs, budget);
  const places = { x: { ...x, field: "batch" }, y: { ...y, field: "bytes" } };
  const { color, shape } = distinguish(needs);
  const budgetPlacement = { align: "left", baseline: "bottom", dx: 6, dy: -4 } as const;
  return chart(title, [
    {
      data: { values: [{ bytes: budget }] },
      mark: { type: "rule", strokeWidth: 2, strokeDash: [8, 5], color: GREY },
      encoding: { y: places.y },
    },
    { data: { values: needs }, mark: { type: "line", strokeWidth: 2, clip: true }, encoding: { ...places, color } },
    {
      data: { values: needs },
      mark: { type: "point", filled: false, size: 90, strokeWidth: 2, opacity: 1, clip: true },
      encoding: { ...places, color, shape },
    },
    ...text(`${budgetName}, ${axes.engineering(budget, "B")}`, x, x.scale.domain[0], y, budget, budgetPlacement),
  ]);
}

function memoryAxes(needs: readonly { readonly batch: number; readonly bytes: number }[], budget: number) {
  const batches = [...new Set(needs.map(({ batch }) => batch))].sort((a, b) => a - b);
  const bytes = needs.map(({ bytes }) => bytes);
  const least = Math.min(...bytes, budget), most = Math.max(...bytes, budget);
  const isLog = most / least > LINEAR_SPAN;
  const ys = axes.roundInterval([least, most]);
  // Margins keep marks off the frame, and a single batch from an interval of no width
  const xScale = isLog ? axes.log([batches[0] / 1.1, batches.at(-1)! * 1.1]) : axes.linear(1.03 * batches.at(-1)!);
  const yScale = isLog ? axes.log(ys) : axes.linear(1.08 * Math.min(most, MOST_OVER_BUDGET * budget));
  const yTicks = isLog ? axes.roundTicks(ys) : undefined;
  return {
    x: axes.axis(
      "batch, sequences",
      xScale,
      "format(datum.value, ',')",
      isLog || batches.length <= 16 ? batches : undefined,
    ),
    y: axes.axis("memory, GB (10⁹ bytes)", yScale, axes.engineeringLabels("B"), yTicks),
  };
}

/** A number that has a place on a logarithmic axis, and whose multiples do too. */
export function positive(name: string, value: number): number {
  if (value >= 1e-30 && value <= 1e30) return value;
  throw new RangeError(`Cannot draw a chart: ${name} is ${value}, not from 1e-30 to 1e30`);
}

/**
 * The labels of falling roofs: above the right end of their line; below it where there is no room above; where there is
 * none below either, in one with the label before.
 */
function labelRoofs(roofs: readonly Roof[], decadeHeight: number): RoofLabel[] {
  const depths = roofs.map(({ flops }) => decadeHeight * Math.log10(roofs[0].flops / flops));
  const labels: RoofLabel[] = [];
  let taken = -Infinity;
  roofs.forEach(({ label, flops }, i) => {
    const depth = depths[i], next = depths[i + 1] ?? Infinity;
    const isAbove = depth - taken >= LABEL_HEIGHT, isBelow = !isAbove && next - depth >= LABEL_HEIGHT;
    taken = Math.max(taken, isBelow ? depth + LABEL_HEIGHT : depth);
    const side = isBelow
      ? { baseline: "top", dy: LABEL_DISTANCE } as const
      : { baseline: "bottom", dy: -LABEL_DISTANCE } as const;
    const last = labels.at(-1);
    if (isAbove || isBelow || !last) labels.push({ label, flops, placement: { align: "right", dx: -6, ...side } });
    else labels[labels.length - 1] = { ...last, label: `${last.label}; ${label}` };
  });
  return labels;
}

/** A text at a point, above a white rim that keeps lines away from its letters. */
export function text(
  value: string,
  x: axes.Axis,
  atX: number,
  y: axes.Axis,
  atY: number,
  placement: Placement,
): Layer[] {
  const mark = { type: "text", fontSize: FONT_SIZE, ...placement } as const;
  const what = {
    data: { values: [{ value, atX, atY }] },
    encoding: { x: { ...x, field: "atX" }, y: { ...y, field: "atY" }, text: { field: "value", type: "nominal" } },
  } as const;
  return [
    { ...what, mark: { ...mark, stroke: "white", strokeWidth: 4, strokeJoin: "round" } },
    { ...what, mark: { ...mark, color: "#222222" } },
  ];
}

/** Colours and shapes of names in the order in which they come, and one legend of both. */
export function distinguish(named: readonly { readonly name: string }[]) {
  const domain = [...new Set(named.map(({ name }) => name))];
  const longest = Math.max(1, ...domain.map(({ length }) => length));
  // Vega, which measures no text without a canvas, takes a letter to be 0.8 of the font's size
  const most = Math.max(1, Math.floor(WIDTH / (0.8 * FONT_SIZE * longest + 40)));
  const columns = Math.ceil(domain.length / Math.max(1, Math.ceil(domain.length / most)));
  const legend = { title: null, orient: "bottom", columns, labelLimit: WIDTH } as const;
  const channel = (looks: readonly string[]) => ({
    field: "name",
    type: "nominal",
    scale: { domain, range: domain.map((_, i) => looks[i % looks.length]) },
    legend,
  } as const);
  return { color: channel(COLOURS), shape: channel(SHAPES) };
}

/** Layers over one another, under a title. */
export function chart(title: string, layer: Layer[]): VegaLiteSpec {
  return {
    title: { text: title, anchor: "start", fontSize: 16, fontWeight: "normal", offset: 14 },
    background: "white",
    padding: 14,
    width: WIDTH,
    height: HEIGHT,
    layer,
    config: {
      font: FONTS,
      lineBreak: "\n",
      axis: {
        labelFontSize: FONT_SIZE,
        labelFlush: false,
        labelOverlap: "greedy",
        titleFontSize: FONT_SIZE + 1,
        titleFontWeight: "normal",
        titlePadding: 10,
        gridColor: "#E4E4E4",
      },
      legend: { labelFontSize: FONT_SIZE, symbolSize: 110, symbolStrokeWidth: 2.5, rowPadding: 6, columnPadding: 18 },
      view: { stroke: "#888888" },
    },
  };
}
