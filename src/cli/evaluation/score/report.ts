/** The numbers of a model's predictions as tables. */
import { alignColumns, formatShare } from "../../table.ts";
import { describeRowsOf, estimateLine, reliabilityTable, remarksOn, spreadTable } from "../report.ts";
import type { ScoreSummary } from "./summary.ts";

/** The whole report. */
export function describeScore(summary: ScoreSummary): string {
  const { parts, settings, rows, loss, accuracy, calibration } = summary;
  const remarks = remarksOn({ loss });
  return [
    describeRowsOf(parts, ["logits"], settings, rows),
    alignColumns([
      ["prediction", "value", "± standard error"],
      estimateLine("loss, nats", loss),
      estimateLine("perplexity", summary.perplexity),
      estimateLine("bits per token", summary.bitsPerToken),
      estimateLine("mean entropy, nats", summary.entropy),
      ["top-1 accuracy", formatShare(accuracy.top1)],
      ["top-5 accuracy", formatShare(accuracy.top5)],
      ["top-10 accuracy", formatShare(accuracy.top10)],
      ["expected calibration error", formatShare(calibration.expectedCalibrationError)],
      ["Brier score", calibration.brier.toFixed(4)],
    ]),
    ...remarks.length === 0 ? [] : [remarks.join("\n")],
    spreadTable("nats", { loss }),
    reliabilityTable({ "": calibration }),
  ].join("\n\n");
}
