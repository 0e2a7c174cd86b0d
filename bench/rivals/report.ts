/** The table of one shape and number of threads. */
import { alignColumns } from "../../src/cli/table.ts";
import { formatMilliseconds, formatSpeed, formatTimes } from "../table.ts";
import { type OperationName, OPERATIONS } from "./contender.ts";
import { LOOPS, OURS } from "./libraries.ts";
import type { Failed, Timed, TimingReport } from "./timing.ts";

/** A contender's results at an operation. */
export type Row =
  | Failed
  | (Timed & {
    /** Above one copy of the logits; null where the system does not tell. */
    readonly peakBytes: number | null;
    /** How many times faster ours is, by medians; null if ours failed. */
    readonly oursIsFasterBy: number | null;
  });

const HEAD = "operation,contender,median,spread,bytes/s,% of read,peak MiB,largest error,ours is faster,how".split(",");

/** The table, and a line an operation: ours against the fastest library and the loops. */
export function formatReport(shape: string, threads: number, rows: readonly Row[], notes: TimingReport["notes"]) {
  const lines = OPERATIONS.flatMap((operation) => rows.filter((row) => row.operation === operation).map(cells));
  return [
    `\n${shape.replace("x", " × ")}, f32, ${threads === 1 ? "1 thread" : `${threads} threads`}`,
    alignColumns([HEAD, ...lines.filter((line) => line.length > 0)], [
      "left",
      "left",
      ...Array(7).fill("right"),
      "left",
    ]),
    ...rows.flatMap((row) => "failure" in row ? [`${row.operation}: ${row.name} cannot: ${row.failure}`] : []),
    ...Object.entries(notes).map(([name, note]) => `${name}: ${note}`),
    "",
    ...OPERATIONS.map((operation) => summarise(operation, rows)),
  ].join("\n");
}

function cells(row: Row): string[] {
  if ("failure" in row) return [row.operation, row.name, "cannot"];
  return [
    row.operation,
    row.name,
    ...formatSpeed(row),
    row.peakBytes === null ? "-" : (row.peakBytes / 2 ** 20).toFixed(0),
    row.largestError.toExponential(1),
    row.oursIsFasterBy === null ? "-" : formatTimes(row.oursIsFasterBy),
    row.how,
  ];
}

function summarise(operation: OperationName, rows: readonly Row[]): string {
  const timed = rows.flatMap((row) => "failure" in row || row.operation !== operation ? [] : [row]);
  const ours = timed.find(({ name }) => name === OURS), loops = timed.find(({ name }) => name === LOOPS);
  const [best] = timed.filter((row) => row !== ours && row !== loops).sort((a, b) => a.medianSeconds - b.medianSeconds);
  const comparisons = [best, loops].flatMap((rival) =>
    rival === undefined || rival.oursIsFasterBy === null ? [] : [
      `${formatTimes(rival.oursIsFasterBy)} as fast as ${rival.name} (${formatMilliseconds(rival.medianSeconds)})`,
    ]
  );
  const own = ours === undefined ? "failed" : formatMilliseconds(ours.medianSeconds);
  return [`${operation}: ours ${own}`, ...comparisons].join(", ");
}
