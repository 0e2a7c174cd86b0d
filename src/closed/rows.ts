/**
 * What closed forms share: lists of numbers that lie in rows, and one number a row that is reduced, in f64.
 *
 * @module
 */
import { sum, weighted } from "../arithmetic.ts";
import { count, type ListChecker, unlessFinite } from "../lists.ts";
import { type Reduction, REDUCTIONS } from "../ops/reduction.ts";

/** The type of a closed form's value after its reduction. */
export type DoubleReduced<R extends Reduction> = R extends "none" ? Float64Array : number;

/** Options of closed forms with a gradient. */
export interface RowOptions<R extends Reduction = Reduction> {
  /** "mean" (the default) over rows, "sum", or "none" for one number a row. */
  readonly reduction?: R;
  /** Whether to compute the gradient; not unless given. */
  readonly gradient?: boolean;
  /** [rows]: the upstream gradient of each row's value, which its gradient row is multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
}

/** The names of {@linkcode RowOptions}, and `rows`. */
export const ROW_OPTIONS: readonly string[] = ["rows", "reduction", "gradient", "gradientScale"];

/** How a list of numbers is divided into rows. */
export interface Rows<R extends Reduction> {
  readonly rows: number;
  readonly columns: number;
  readonly reduction: R;
  /** Whether the gradient is wanted. */
  readonly gradient: boolean;
  /** [rows]: what a row's gradient is multiplied by for the reduced value. */
  readonly factors: Float64Array;
}

/** Checks the options of a closed form whose argument `name` has `length` elements, in `fallback` rows unless given. */
export function checkRows<R extends Reduction>(
  check: ListChecker,
  options: RowOptions<R> & { readonly rows?: number },
  name: string,
  length: number,
  fallback: number,
): Rows<R> {
  const rows = check.number("rows", options.rows, { fallback, least: 0, integer: true });
  const columns = rows === 0 ? 0 : length / rows;
  if (rows * columns !== length || (rows > 0 && columns === 0) || !Number.isInteger(columns)) {
    throw check.typeError(`${name} has ${count(length, "element")}, rows is ${rows}`);
  }
  const reduction = check.choice("reduction", options.reduction, REDUCTIONS, "mean") as R;
  const upstream = options.gradientScale === undefined
    ? undefined
    : check.matching("gradientScale", options.gradientScale, rows, "rows is", unlessFinite);
  const share = reduction === "mean" ? 1 / rows : 1;
  return {
    rows,
    columns,
    reduction,
    gradient: check.flag("gradient", options.gradient),
    factors: Float64Array.from({ length: rows }, (_, row) => share * (upstream?.[row] ?? 1)),
  };
}

/** Σ term(i) over the elements of each row. */
export function sumRows({ rows, columns }: Rows<Reduction>, term: (index: number) => number): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => sum(columns, (column) => term(row * columns + column)));
}

/** slope(i) of each element, times its row's factor. */
export function slopeRows({ columns, factors }: Rows<Reduction>, slope: (index: number) => number): Float64Array {
  const slopes = new Float64Array(factors.length * columns);
  for (let i = 0; i < slopes.length; i++) slopes[i] = weighted(factors[Math.floor(i / columns)], slope(i));
  return slopes;
}

/** Reduces one number a row; the mean of none is NaN. */
export function reduceRows<R extends Reduction>(values: Float64Array, reduction: R): DoubleReduced<R> {
  if (reduction === "none") return values as DoubleReduced<R>;
  const total = sum(values.length, (row) => values[row]);
  return (reduction === "mean" ? total / values.length : total) as DoubleReduced<R>;
}
