/** Predictions against measurements, as a picture. */
import { renderChart } from "../../src/cli/plan/render.ts";
import { describeWay, type Point } from "./report.ts";

/** Draws them on logarithmic axes, with the line where they are equal and the band of ±20 %. */
export async function plotScatter(points: readonly Point[], path: string): Promise<void> {
  const milliseconds = points.map(({ predictedSeconds, seconds, ...way }) => ({
    predicted: 1000 * predictedSeconds,
    measured: 1000 * seconds,
    how: describeWay(way),
  }));
  const all = milliseconds.flatMap(({ predicted, measured }) => [predicted, measured]);
  const ends = [Math.min(...all), Math.max(...all)];
  const axis = (field: string, title: string) => ({
    field,
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: ends },
    title,
  });
  const band = ends.map((x) => ({ measured: x, low: 0.8 * x, high: 1.2 * x, predicted: x }));
  await renderChart({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: 520,
    height: 520,
    background: "white",
    title: "Predicted and measured time of a call",
    layer: [
      {
        data: { values: band },
        mark: { type: "area", opacity: 0.15, clip: true },
        encoding: { x: axis("measured", "measured, ms"), y: axis("low", "predicted, ms"), y2: { field: "high" } },
      },
      {
        data: { values: band },
        mark: { type: "line", color: "black", strokeWidth: 1 },
        encoding: { x: axis("measured", "measured, ms"), y: axis("predicted", "predicted, ms") },
      },
      {
        data: { values: milliseconds },
        mark: { type: "point", size: 18, filled: true, opacity: 0.6 },
        encoding: {
          x: axis("measured", "measured, ms"),
          y: axis("predicted", "predicted, ms"),
          color: { field: "how", type: "nominal", title: "backend" },
        },
      },
    ],
  }, path);
}
