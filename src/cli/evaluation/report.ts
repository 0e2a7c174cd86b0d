/** What the reports of both kinds of evaluation have in common. */
import { alignColumns, formatCount, formatFixed, formatShare, formatSmall, formatWithError } from "../table.ts";
import type { RowCounts } from "./evaluation.ts";
import type { Estimate } from "./moments.ts";
import { describeRows, type Part } from "./parts.ts";
import type { Calibration } from "./reliability.ts";
import { PERCENTILES, type Spread } from "./series.ts";
import type { Settings } from "./settings.ts";

/** Parts that are listed one by one. */
const MOST_PARTS = 8;

/** A number a row, by what it is called in the heading of a column. */
export type Spreads = Readonly<Record<string, Spread>>;

/** Which rows of which files, and how many of them count. */
export function describeRowsOf(
  parts: readonly Part[],
  roles: readonly string[],
  settings: Settings,
  rows: RowCounts,
): string {
  const { vocab, stored, temperature } = settings;
  const named = parts.map(({ files, ...range }) => {
    return [...files.map((file, i) => `${file} (${stored[i]})`), describeRows(range)];
  });
  const header = [...roles, "rows"];
  const listed = [header, ...named.slice(0, MOST_PARTS)];
  const more = named.length > MOST_PARTS ? [`and ${formatCount(named.length - MOST_PARTS)} more parts`] : [];
  const left = rows.ignored === 0 ? "" : `, ${formatCount(rows.ignored)} of ${formatCount(rows.read)} left out`;
  return [
    alignColumns(listed, header.map(() => "left")),
    ...more,
    `${formatCount(rows.counted)} rows of ${formatCount(vocab)} classes${left}` +
    (temperature === 1 ? "" : `, at temperature ${temperature}`),
  ].join("\n");
}

/** A line of an estimate: its value, and the standard error behind ±. */
export function estimateLine(label: string, { mean, standardError }: Estimate): string[] {
  const [value, error] = formatWithError(mean, standardError);
  return [label, value, `± ${error}`];
}

/** Means, errors and percentiles, a column for each number a row. */
export function spreadTable(title: string, spreads: Spreads): string {
  const all = Object.values(spreads);
  const estimates = all.map(({ mean, standardError }) => formatWithError(mean, standardError));
  return alignColumns([
    [title, ...Object.keys(spreads)],
    ["mean", ...estimates.map(([mean]) => mean)],
    ["± standard error", ...estimates.map(([, error]) => error)],
    ["root mean square", ...all.map(({ rootMeanSquare }) => formatSmall(rootMeanSquare))],
    ...(Object.keys(PERCENTILES) as (keyof typeof PERCENTILES)[]).map((name) => [
      name,
      ...all.map(({ percentiles }) => formatSmall(percentiles[name])),
    ]),
  ]);
}

/** A line for each kind of rows without a finite number, and for percentiles that are not exact. */
export function remarksOn(spreads: Spreads): string[] {
  return Object.entries(spreads).flatMap(([name, { infinite, nan, isExact }]) => [
    ...[["infinite", infinite], ["NaN", nan]].flatMap(([what, odd]) =>
      oddRemark(name, what as string, odd as Spread["nan"])
    ),
    ...isExact ? [] : [`${name}: percentiles are good to 0.05 %, for there are more rows than are kept`],
  ]);
}

function oddRemark(name: string, what: string, { rows, first = NaN }: Spread["nan"]): string[] {
  if (rows === 0) return [];
  const who = rows === 1 ? `1 row is ${what}, row` : `${formatCount(rows)} rows are ${what}, the first is row`;
  return [`${name}: ${who} ${first}`];
}

/** How often what is called likely came, a pair of columns for each model. */
export function reliabilityTable(calibrations: Readonly<Record<string, Calibration>>): string {
  const all = Object.values(calibrations), names = Object.keys(calibrations);
  const [{ bins }] = all;
  return alignColumns([
    ["confidence", ...names.flatMap((name) => ["rows", "confidence", "accuracy"].map((what) => `${name}${what}`))],
    ...bins.map(({ from, to }, i) => [
      `${formatFixed(from, 2)} to ${formatFixed(to, 2)}`,
      ...all.flatMap(({ bins }) => {
        const { rows, confidence, accuracy } = bins[i];
        return [formatCount(rows), ...rows === 0 ? ["–", "–"] : [formatShare(confidence), formatShare(accuracy)]];
      }),
    ]),
  ]);
}
