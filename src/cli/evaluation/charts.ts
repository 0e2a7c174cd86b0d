/** Charts of evaluations, as vega-lite takes them: two panels side by side. */
import { axis, linear } from "../plan/axes.ts";
import { chart, distinguish, GREY } from "../plan/charts.ts";
import type { VegaLiteSpec } from "../plan/render.ts";
import type { Occurrence } from "./distribution.ts";
import { histogram } from "./histogram.ts";
import type { Calibration } from "./reliability.ts";

/** A panel of {@linkcode besides}. */
export type Panel = Extract<VegaLiteSpec, { readonly hconcat: unknown }>["hconcat"][number];

/** Each panel's legend is under it. */
const RESOLVE = { scale: { color: "independent", shape: "independent" } } as const;

/** The most rows of which each has its tick. */
const FEW = 8;

const SIZE = { width: 460, height: 400 } as const;

/** Panels from left to right under a title. */
export function besides(title: string, panels: readonly Panel[]): VegaLiteSpec {
  const { config, background, padding, title: heading } = chart(title, []);
  return { title: heading, background, padding, config, hconcat: [...panels], spacing: 40, resolve: RESOLVE };
}

/** How many rows have which number: asked for twice, rather than kept once more. */
export function histogramPanel(title: string, numbers: () => Iterable<Occurrence>): Panel {
  const bars = histogram(numbers), top = Math.max(1, ...bars.map(({ rows }) => rows));
  const ends = [bars[0]?.from ?? 0, bars.at(-1)?.to ?? 1] as [number, number];
  const x = axis(title, { type: "linear", domain: ends, nice: false }, "format(datum.value, ',')");
  const ticks = top <= FEW ? Array.from({ length: top + 1 }, (_, rows) => rows) : undefined;
  const y = axis("rows", linear(1.05 * top), "format(datum.value, ',')", ticks);
  return {
    ...SIZE,
    data: { values: bars },
    mark: { type: "rect", color: "#0072B2", stroke: "white", strokeWidth: 0.5 },
    encoding: {
      x: { ...x, field: "from" },
      x2: { field: "to" },
      y: { ...y, field: "rows" },
      y2: { datum: 0 },
    },
  };
}

/** How often the likeliest token came against how likely it was called: on the diagonal where confidences are right. */
export function reliabilityPanel(calibrations: Readonly<Record<string, Calibration>>): Panel {
  const values = Object.entries(calibrations).flatMap(([name, { bins }]) =>
    bins.filter(({ rows }) => rows > 0).map(({ confidence, accuracy }) => ({ name, confidence, accuracy }))
  );
  const x = axis("confidence: mean probability of the likeliest token", linear(1), "format(datum.value, '.0%')");
  const y = axis("accuracy: how often it came", linear(1), "format(datum.value, '.0%')");
  const places = { x: { ...x, field: "confidence" }, y: { ...y, field: "accuracy" } };
  const { color, shape } = distinguish(Object.keys(calibrations).map((name) => ({ name })));
  return {
    ...SIZE,
    layer: [
      {
        data: { values: [0, 1].map((share) => ({ confidence: share, accuracy: share })) },
        mark: { type: "line", strokeWidth: 1.5, strokeDash: [8, 5], color: GREY },
        encoding: places,
      },
      { data: { values }, mark: { type: "line", strokeWidth: 2 }, encoding: { ...places, color } },
      {
        data: { values },
        mark: { type: "point", filled: false, size: 90, strokeWidth: 2, opacity: 1 },
        encoding: { ...places, color, shape },
      },
    ],
  };
}
