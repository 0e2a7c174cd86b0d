/** The chart of a comparison. */
import type { VegaLiteSpec } from "../../plan/render.ts";
import { formatCount, formatSmall } from "../../table.ts";
import { besides, histogramPanel, reliabilityPanel } from "../charts.ts";
import type { Occurrence } from "../distribution.ts";
import type { CompareState } from "./evaluation.ts";
import type { CompareSummary } from "./summary.ts";

/** How divergences are distributed, and how well confidences are calibrated where it is known what came. */
export function compareChart({ rows, forward, targets, parts }: CompareSummary, state: CompareState): VegaLiteSpec {
  const [base = "no file", other = base] = parts[0]?.files ?? [];
  const title = `${base} to ${other}: ${formatSmall(forward.mean)} nats over ${formatCount(rows.counted)} rows`;
  return besides(title, [
    histogramPanel("ln of a row's divergence in nats", () => logarithms(state.forward.values.occurrences())),
    ...targets ? [reliabilityPanel({ base: targets.base.calibration, other: targets.other.calibration })] : [],
  ]);
}

/** Rows that do not differ have no place. */
function* logarithms(values: Iterable<Occurrence>): Generator<Occurrence> {
  for (const [value, times] of values) if (value > 0) yield [Math.log(value), times];
}
