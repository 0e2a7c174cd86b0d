/** The numbers of a comparison as tables. */
import {
  alignColumns,
  formatCount,
  formatFactor,
  formatFixed,
  formatShare,
  formatSmall,
  formatWithError,
} from "../../table.ts";
import { describeRowsOf, estimateLine, remarksOn, spreadTable } from "../report.ts";
import type { CompareSummary, TargetSummary } from "./summary.ts";

/** Below this multiple of the floor a divergence says no more than how logits are stored. */
const NEAR = 2;

/** A factor beyond this says no more. */
const MOST = 1e6;

/** The whole report. */
export function describeComparison(summary: CompareSummary): string {
  const { parts, settings, rows, forward, reverse, jensenShannon, agreement, targets } = summary;
  const divergences = { "base to other": forward, "other to base": reverse, "Jensen–Shannon": jensenShannon };
  const remarks = remarksOn({
    ...divergences,
    ...targets &&
      { "base's loss": targets.base.loss, "other's loss": targets.other.loss, Δp: targets.deltaProbability },
  });
  return [
    describeRowsOf(parts, ["base", "other"], settings, rows),
    ...remarks.length === 0 ? [] : [remarks.join("\n")],
    spreadTable("divergence, nats", divergences),
    describeFloor(summary),
    alignColumns([
      ["the same likeliest token", formatShare(agreement.top1)],
      ["of the five likeliest, in common", formatShare(agreement.top5)],
    ]),
    ...targets === undefined ? [] : describeTargets(targets),
    bucketTable(summary),
  ].join("\n\n");
}

function describeFloor({ settings: { stored: [stored] }, floor, forward }: CompareSummary): string {
  const [value, error] = formatWithError(floor.mean, floor.standardError);
  const line =
    `Storing the base as ${stored} costs ${value} ± ${error} nats by itself: the floor of what can be told apart`;
  if (!(floor.mean > 0)) return line;
  const ratio = forward.mean / floor.mean;
  if (ratio < NEAR) return `${line}.\nThe files differ by no more than that: ${formatFactor(ratio)} the floor`;
  return `${line}.\nBase to other is ${ratio < MOST ? formatFactor(ratio) : "over a million ×"} the floor`;
}

function describeTargets({ base, other, logRatio, ratio, correlation, deltaProbability }: TargetSummary): string[] {
  return [
    alignColumns([
      ["tokens that came", "base", "", "other", ""],
      ["loss, nats", ...estimateLine("", base.loss).slice(1), ...estimateLine("", other.loss).slice(1)],
      ["perplexity", ...estimateLine("", base.perplexity).slice(1), ...estimateLine("", other.perplexity).slice(1)],
      [
        "expected calibration error",
        ...[base, other].flatMap(({ calibration }) => [formatShare(calibration.expectedCalibrationError), ""]),
      ],
    ]),
    alignColumns([
      estimateLine("other's perplexity over the base's", ratio),
      estimateLine("its logarithm", logRatio),
      ["correlation of log-probabilities", formatShare(correlation)],
    ]),
    spreadTable("Δp of the token that came, other − base", { Δp: deltaProbability }),
  ];
}

function bucketTable({ byConfidence }: CompareSummary): string {
  return alignColumns([
    ["confidence of the base", "rows", "mean, base to other", "max"],
    ...byConfidence.map(({ from, to, rows, mean, max }) => [
      `${formatFixed(from, 1)} to ${formatFixed(to, 1)}`,
      formatCount(rows),
      ...rows === 0 ? ["–", "–"] : [formatSmall(mean), formatSmall(max)],
    ]),
  ]);
}
