/** The tables. */
import type { DType } from "../../mod.ts";
import { alignColumns } from "../../src/cli/table.ts";
import { formatBytes } from "../../src/cost/mod.ts";
import type { Shape } from "../cases.ts";
import type { Measurement } from "../harness.ts";
import { formatMilliseconds, formatPercent, formatRate, formatShape, formatTimes } from "../table.ts";
import type { Group } from "./resident.ts";
import type { RivalReport } from "./rival.ts";
import { widthOf } from "./rows.ts";
import { AT_ONCE, type EndToEnd } from "./typed_arrays.ts";
import type { Verdict } from "./verdict.ts";

const LEFT = "left", RIGHT = "right";

/** Operations on resident matrices of one shape and dtype. */
export function formatGroup(shape: Shape, dtype: DType, { buffers, copy, rows }: Group): string {
  const bytes = shape[0] * shape[1] * widthOf(dtype);
  const lines = rows.map((row) => [row.name, row.clock, ...formatRate(row), formatPercent(row.shareOfCopy)]);
  const head = ["operation", "clock", "median", "spread", "bytes/s", "of copy"];
  return [
    `\n${formatShape(shape)}, ${dtype}, ${buffers} buffers of ${formatBytes(bytes)} in turn`,
    alignColumns([head, ...lines, ["copy", rows[0].clock, ...formatRate(copy)]], [LEFT, LEFT]),
  ].join("\n");
}

/** Calls from arrays of the CPU. */
export function formatEndToEnd(results: readonly EndToEnd[]): string {
  const lines = results.map((one) => [formatShape(one.shape), one.name, one.backend, ...formatRate(one)]);
  return `\nFrom typed arrays and back, f32, by the wall clock\n${alignColumns(lines, [RIGHT, LEFT, LEFT])}`;
}

/** One call, and several at once. */
export function formatAtOnce(vocab: number, [one, several]: readonly [Measurement, Measurement]): string {
  const ratio = formatTimes(several.medianSeconds / one.medianSeconds);
  return `\nlog-sum-exp of ${formatShape([1, vocab])} from a typed array: ${formatMilliseconds(one.medianSeconds)}; ` +
    `${AT_ONCE} at once: ${formatMilliseconds(several.medianSeconds)}, ${ratio} as long`;
}

/** Ours beside the rival. */
export function formatRivals({ shape, results, failures }: RivalReport): string {
  const lines = results.map((one) => [one.operation, one.name, ...formatRate(one), one.how]);
  return [
    `\n${formatShape(shape)}, f32, on the GPU already, by the wall clock until the result is there`,
    alignColumns(lines, [LEFT, LEFT, RIGHT, RIGHT, RIGHT, LEFT]),
    ...failures,
  ].join("\n");
}

/** A line each. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ text, isMet }) => isMet === undefined ? text : `${text}: ${isMet ? "met" : "missed"}`);
  return `\n${lines.join("\n")}`;
}
