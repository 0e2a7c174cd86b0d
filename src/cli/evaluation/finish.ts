/** The end of an evaluation: what is written and what is printed. */
import type { Output } from "../command.ts";
import { writeText } from "../files.ts";
import { renderChart } from "../plan/render.ts";
import { formatCount, formatFixed } from "../table.ts";
import type { Evaluation } from "./evaluation.ts";
import { plain } from "./json.ts";
import { writePartial } from "./partial.ts";
import { joinParts, type Part } from "./parts.ts";

/** Where results go beside standard output. */
export interface Destinations {
  /** A file of partial results. */
  readonly partial?: string;
  /** A file of a chart. */
  readonly plot?: string;
}

/** What an evaluation took. */
export interface Measured {
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** An evaluation that ended early. */
export interface Interrupted {
  /** Rows that were done. */
  readonly done: number;
  /** Rows that there are. */
  readonly of: number;
}

/** The code of a process that an interrupt has ended: 128 and the signal's number. */
const INTERRUPTED = 130;

/** Writes what is to be written, and says what is to be printed. */
export async function finish(
  evaluation: Evaluation,
  parts: readonly Part[],
  { partial, plot }: Destinations,
  { measured, interrupted }: { readonly measured?: Measured; readonly interrupted?: Interrupted } = {},
): Promise<Output> {
  const { summary, text, chart } = evaluation.conclude(joinParts(parts));
  if (partial !== undefined) await writeText(partial, writePartial(evaluation, parts));
  if (plot !== undefined) await renderChart(chart(), plot);
  return {
    record: plain({ ...summary, ...interrupted && { interrupted }, ...measured && { measured } }),
    text: [
      ...interrupted
        ? [`Interrupted after ${formatCount(interrupted.done)} of ${formatCount(interrupted.of)} rows`]
        : [],
      text,
      ...measured ? [describe(measured)] : [],
    ].join("\n\n"),
    ...interrupted && { exitCode: INTERRUPTED },
  };
}

function describe({ seconds, rowsPerSecond, bytesPerSecond }: Measured): string {
  const rates = `${formatCount(rowsPerSecond)} rows/s, ${formatFixed(bytesPerSecond / 1e9, 2)} GB/s read`;
  return `${formatFixed(seconds, 2)} s: ${rates}`;
}
