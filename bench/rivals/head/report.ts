/** The table of a head at one shape and number of threads. */
import { alignColumns } from "../../../src/cli/table.ts";
import { formatMilliseconds, formatPercent, formatTimes } from "../../table.ts";
import { OWN } from "./contenders.ts";
import type { HeadRow } from "./timing.ts";

/** A row with the peak of its memory beyond inputs and outputs; null where the system does not tell. */
export type MeasuredHead = HeadRow & { readonly peakBytes: number | null };

type Timed = Extract<MeasuredHead, { medianSeconds: number }>;

const HEAD = "operation,contender,median,spread,GFLOP/s,of our product,peak MiB,largest error".split(",");

/** The table, and what follows from it. */
export function formatHead(shape: string, threads: number, rows: readonly MeasuredHead[]): string {
  const timed = rows.filter((row): row is Timed => "medianSeconds" in row);
  const product = timed.find(({ operation, name }) => operation === "logits" && name.startsWith(OWN));
  const cells = timed.map((row) => [
    row.operation,
    row.name,
    formatMilliseconds(row.medianSeconds),
    `±${formatPercent(row.spread)}`,
    (row.flopsPerSecond / 1e9).toFixed(1),
    product ? formatPercent(row.flopsPerSecond / product.flopsPerSecond) : "-",
    row.peakBytes === null ? "-" : (row.peakBytes / 2 ** 20).toFixed(0),
    row.largestError === null ? "-" : row.largestError.toExponential(1),
  ]);
  const own = timed.find(({ operation, name }) => operation === "loss" && name === OWN);
  const [best] = timed.filter(({ operation, name }) => operation === "loss" && !name.startsWith(OWN))
    .sort((a, b) => a.medianSeconds - b.medianSeconds);
  return [
    `\nHead of ${shape.replaceAll("x", " × ")} (rows, hidden, classes), f32, ${threads} thread${
      threads === 1 ? "" : "s"
    }`,
    alignColumns([HEAD, ...cells], ["left", "left", ...Array(6).fill("right")]),
    ...rows.flatMap((row) => "failure" in row ? [`${row.operation}: ${row.name} cannot: ${row.failure}`] : []),
    ...own && best ? [`loss: ours ${formatTimes(best.medianSeconds / own.medianSeconds)} as fast as ${best.name}`] : [],
  ].join("\n");
}
