import { sum } from "../arithmetic.ts";
import { unlessWeight } from "../lists.ts";
import { DistributionChecker } from "./distributions.ts";

/** Options of {@linkcode conditional}. */
export interface ConditionalOptions {
  /** Which variable is known: "rows" (the default) for P(column | row), "columns" for P(row | column). */
  readonly given?: "rows" | "columns";
}

/**
 * The conditional distributions of a joint one: P(column | row) = P(row, column) / Σ P(row, ·), or P(row | column).
 *
 * A row, or a column, that has probability 0 cannot be given: it is NaN throughout.
 *
 * @param joint [rows][columns]: the probabilities of each pair, which sum to 1.
 * @param options Which variable is given.
 * @returns [rows][columns]: rows that sum to 1 each, or columns that do.
 * @throws {TypeError} If an argument has the wrong type, rows differ in length, or there is no pair.
 * @throws {RangeError} If joint is no distribution, or the option is unknown.
 *
 * @example Weather, and whether there is a rainbow
 * ```ts
 * import { conditional } from "@surprisal/core/discrete";
 * import { assertEquals } from "@std/assert";
 *
 * const joint = [[0.5, 0], [0.25, 0.25]]; // dry and wet, without and with
 * assertEquals(conditional(joint).map((row) => [...row]), [[1, 0], [0.5, 0.5]]);
 * assertEquals(conditional(joint, { given: "columns" })[1][1], 1);
 * ```
 */
export function conditional(joint: ArrayLike<ArrayLike<number>>, options: ConditionalOptions = {}): Float64Array[] {
  const check = new DistributionChecker("compute conditional");
  const { given } = check.bag<ConditionalOptions>(options, ["given"]);
  const known = check.choice("given", given, ["rows", "columns"], "rows");
  const rows = checkTable(check, joint), columns = rows[0].length;
  const totals = known === "rows"
    ? rows.map((row) => sum(columns, (j) => row[j]))
    : Array.from({ length: columns }, (_, j) => sum(rows.length, (i) => rows[i][j]));
  return rows.map((row, i) => Float64Array.from(row, (p, j) => p / totals[known === "rows" ? i : j]));
}

/** Rows of one length, of probabilities that sum to 1. */
function checkTable(check: DistributionChecker, joint: unknown): ArrayLike<number>[] {
  const rows = Array.from(check.array("joint", joint), (row, i) => check.list(`joint[${i}]`, row, unlessWeight));
  check.someOf("joint", rows);
  check.someOf("joint[0]", rows[0]);
  rows.forEach((row, i) => check.matching(`joint[${i}]`, row, rows[0].length, "joint[0]"));
  check.one("joint", sum(rows.length, (i) => sum(rows[i].length, (j) => rows[i][j])));
  return rows;
}
