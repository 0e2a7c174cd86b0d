/** The chart of a model's predictions. */
import type { VegaLiteSpec } from "../../plan/render.ts";
import { formatCount } from "../../table.ts";
import { besides, histogramPanel, reliabilityPanel } from "../charts.ts";
import type { ScoreState } from "./evaluation.ts";
import type { ScoreSummary } from "./summary.ts";

/** How losses are distributed, and how well confidences are calibrated. */
export function scoreChart({ rows, perplexity, calibration, parts }: ScoreSummary, { loss }: ScoreState): VegaLiteSpec {
  const [file = "no file"] = parts[0]?.files ?? [];
  const title = `${file}: perplexity ${perplexity.mean.toPrecision(5)} over ${formatCount(rows.counted)} rows`;
  return besides(title, [
    histogramPanel("loss of a row, nats", () => loss.values.occurrences()),
    reliabilityPanel({ "the model": calibration }),
  ]);
}
