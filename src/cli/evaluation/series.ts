/** A number a row, and all that is said of it: its mean, its percentiles, and which rows have none that is finite. */
import { Count, Extreme } from "./count.ts";
import { Distribution } from "./distribution.ts";
import { addMoments, type Estimate, estimate, type Moments, newMoments } from "./moments.ts";

/** Rows of a kind: how many, and which is the first. */
export interface Odd {
  /** How many. */
  readonly rows: Count;
  /** The first of them. */
  readonly first: Extreme;
}

/** Accumulators of a number a row. */
export interface Series extends Moments {
  /** All but NaN. */
  readonly values: Distribution;
  /** Where it is ∞ or −∞. */
  readonly infinite: Odd;
  /** Where it is NaN. */
  readonly nan: Odd;
}

/** The shares of rows whose percentiles are told, from the greatest number down. */
export const PERCENTILES = {
  max: 1,
  "99.9 %": 0.999,
  "99 %": 0.99,
  "95 %": 0.95,
  "90 %": 0.9,
  median: 0.5,
  "10 %": 0.1,
  "5 %": 0.05,
  "1 %": 0.01,
  min: 0,
} as const;

/** What is said of a number a row. */
export interface Spread extends Estimate {
  /** √ of the mean square. */
  readonly rootMeanSquare: number;
  /** By name, over rows where it is a number; NaN where there are none. */
  readonly percentiles: Readonly<Record<keyof typeof PERCENTILES, number>>;
  /** Whether percentiles come from all numbers, and not from counts of cells half a thousandth wide. */
  readonly isExact: boolean;
  /** Rows where it is ∞ or −∞, and the first of them. */
  readonly infinite: OddRows;
  /** Rows where it is NaN, which percentiles leave out, and the first of them. */
  readonly nan: OddRows;
}

/** Rows of a kind. */
export interface OddRows {
  /** How many. */
  readonly rows: number;
  /** The first, from 0; absent where there are none. */
  readonly first?: number;
}

/** Accumulators of nothing. */
export function newSeries(mostKept?: number): Series {
  return { ...newMoments(), values: new Distribution(mostKept), infinite: newOdd(), nan: newOdd() };
}

/** Adds numbers of rows, `rows` being which. */
export function addSeries(series: Series, values: Float32Array, rows: ArrayLike<number>): void {
  addMoments(series, values);
  series.values.add(values);
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const odd = Number.isNaN(values[i]) ? series.nan : series.infinite;
    odd.rows.add(1);
    odd.first.add(rows[i]);
  }
}

/** What is said of the numbers of `count` rows. */
export function spread(count: number, series: Series): Spread {
  const { values, squares, infinite, nan } = series;
  const at = Object.entries(PERCENTILES).map(([name, share]) => [name, values.quantile(share)]);
  return {
    ...estimate(count, series),
    rootMeanSquare: Math.sqrt(squares.total / count),
    percentiles: Object.fromEntries(at),
    isExact: values.isExact,
    infinite: oddRows(infinite),
    nan: oddRows(nan),
  };
}

function newOdd(): Odd {
  return { rows: new Count(), first: new Extreme(Math.min) };
}

function oddRows({ rows, first }: Odd): OddRows {
  return { rows: rows.value, ...rows.value > 0 && { first: first.value } };
}
