/** The held-out perplexity against the time spent on training. */
import { axis, type Interval, linear, log, roundTicks } from "../../plan/axes.ts";
import { chart, distinguish, GREY, positive, text } from "../../plan/charts.ts";
import type { VegaLiteSpec } from "../../plan/render.ts";
import { formatCount } from "../../table.ts";

/** Above the highest perplexity and below the lowest, as a factor: a label fits in. */
const ROOM = 1.25;

/** How perplexity fell. */
export interface LearningCurves {
  /** What the chart is called, in lines. */
  readonly title: string;
  /** Ways to train, with at least one point each. */
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly { readonly seconds: number; readonly perplexity: number }[];
  }[];
  /** What does not learn. */
  readonly levels: readonly { readonly name: string; readonly perplexity: number }[];
}

/**
 * A line for each way to train, and one across for each that does not learn; perplexity is on a logarithmic axis.
 *
 * @throws {RangeError} If a perplexity, or the longest time, is not from 1e-30 to 1e30.
 */
export function learningChart({ title, series, levels }: LearningCurves): VegaLiteSpec {
  const values = series.flatMap(({ name, points }, i) =>
    points.map(({ seconds, perplexity }, j) => ({
      name,
      seconds,
      perplexity: positive(`series[${i}].points[${j}].perplexity`, perplexity),
    }))
  );
  const ends = levels.map(({ name, perplexity }, i) => ({
    label: `${name}, ${formatCount(perplexity)}`,
    perplexity: positive(`levels[${i}].perplexity`, perplexity),
  }));
  const end = positive("the longest time", Math.max(...values.map(({ seconds }) => seconds)));
  const x = axis("seconds of training", linear(1.02 * end), "format(datum.value, ',')");
  const all = [...values, ...ends].map(({ perplexity }) => perplexity);
  const interval: Interval = [Math.min(...all) / ROOM, Math.max(...all) * ROOM];
  const y = axis("perplexity", log(interval), "format(datum.value, ',')", roundTicks(interval));
  const places = { x: { ...x, field: "seconds" }, y: { ...y, field: "perplexity" } };
  const { color, shape } = distinguish(values);
  const labelPlacement = { align: "right", baseline: "bottom", dx: -6, dy: -4 } as const;
  return chart(title, [
    {
      data: { values: ends },
      mark: { type: "rule", strokeWidth: 2, strokeDash: [8, 5], color: GREY },
      encoding: { y: places.y },
    },
    { data: { values }, mark: { type: "line", strokeWidth: 2 }, encoding: { ...places, color } },
    {
      data: { values },
      mark: { type: "point", filled: false, size: 90, strokeWidth: 2, opacity: 1 },
      encoding: { ...places, color, shape },
    },
    ...ends.flatMap(({ label, perplexity }) => text(label, x, x.scale.domain[1], y, perplexity, labelPlacement)),
  ]);
}
