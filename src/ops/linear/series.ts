/**
 * Calls that follow from one another, as one.
 *
 * @module
 */
import { pacer } from "../../event_loop.ts";
import type { CheckedCall, Report } from "../../operation.ts";
import { run, runSync } from "../../run.ts";

/** Calls, at least one, and what their caller makes of their outputs. */
export interface Series<Result> {
  /** Each has been computed when the next is asked for. */
  readonly calls: Iterable<CheckedCall>;
  /** The public result. */
  finish(report: Report): Result;
}

/** Prepares and runs call by call, leaving the event loop free; bad arguments reject. */
export async function runSeries<Result>(prepare: () => Series<Result>): Promise<Result> {
  const { calls, finish } = prepare(), start = performance.now(), breathe = pacer(), reports: Report[] = [];
  for (const call of calls) {
    reports.push(await run(() => asPrepared(call)));
    const pause = breathe();
    if (pause) await pause;
  }
  return finish(reportOf(reports, start));
}

/** Prepares and runs without a pause. */
export function runSeriesSync<Result>(prepare: () => Series<Result>): Result {
  const { calls, finish } = prepare(), start = performance.now(), reports: Report[] = [];
  for (const call of calls) reports.push(runSync(() => asPrepared(call)));
  return finish(reportOf(reports, start));
}

function asPrepared(call: CheckedCall) {
  return { call, finish: (report: Report) => report };
}

/** The first call's, with the sums of all, the most threads, and where some were computed elsewhere a word about it. */
function reportOf(reports: readonly Report[], start: number): Report {
  const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0);
  const { backend, reason } = reports[0], elsewhere = reports.filter((report) => report.backend !== backend);
  const names = [...new Set(elsewhere.map((report) => report.backend))].join(" and ");
  const exception = `${elsewhere.length} of ${reports.length} calls on ${names}`;
  return {
    backend,
    reason: elsewhere.length === 0 ? reason : `${reason}; ${exception}`,
    threads: Math.max(...reports.map(({ threads }) => threads)),
    seconds: (performance.now() - start) / 1000,
    predictedSeconds: sum(({ predictedSeconds }) => predictedSeconds),
    ...(reports.some(({ gpuSeconds }) => gpuSeconds !== undefined) && {
      gpuSeconds: sum(({ gpuSeconds = 0 }) => gpuSeconds),
    }),
    bytesRead: sum(({ bytesRead }) => bytesRead),
    bytesWritten: sum(({ bytesWritten }) => bytesWritten),
  };
}
