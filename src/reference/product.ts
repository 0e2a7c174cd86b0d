/**
 * Matrix products: what composed operations are made of. Sums are rounded once, the bias and what was there before in them.
 *
 * The columns of a product are the rows of a call. `previous` is the product itself, where it is added to.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { sum, tabulate } from "./classes.ts";
import { readRow, readScalar, writeRow } from "./row.ts";

/**
 * left [outer, inner], right [rows, inner], bias? [rows] → product [outer, rows]: Σ_k left[m, k]·right[n, k] + bias[n].
 */
export function productNT(
  left: Tensor,
  right: Tensor,
  bias: Tensor | undefined,
  previous: Tensor | undefined,
  product: Tensor,
  outer: number,
  inner: number,
  rows: number,
): void {
  const a = readRows(left, outer), b = readRows(right, rows);
  write(product, previous, outer, rows, (m, n) => {
    return sum(inner, (k) => a[m][k] * b[n][k]) + (bias ? readScalar(bias, n) : 0);
  });
}

/** left [outer, inner], right [inner, rows] → product [outer, rows]: Σ_k left[m, k]·right[k, n]. */
export function productNN(
  left: Tensor,
  right: Tensor,
  previous: Tensor | undefined,
  product: Tensor,
  outer: number,
  inner: number,
  rows: number,
): void {
  const a = readRows(left, outer), b = readRows(right, inner);
  write(product, previous, outer, rows, (m, n) => sum(inner, (k) => a[m][k] * b[k][n]));
}

/** left [inner, outer], right [inner, rows] → product [outer, rows]: Σ_k left[k, m]·right[k, n]. */
export function productTN(
  left: Tensor,
  right: Tensor,
  previous: Tensor | undefined,
  product: Tensor,
  inner: number,
  outer: number,
  rows: number,
): void {
  const a = readRows(left, inner), b = readRows(right, inner);
  write(product, previous, outer, rows, (m, n) => sum(inner, (k) => a[k][m] * b[k][n]));
}

function readRows(tensor: Tensor, rows: number): Float64Array[] {
  return Array.from({ length: rows }, (_, row) => readRow(tensor, row));
}

function write(
  product: Tensor,
  previous: Tensor | undefined,
  outer: number,
  rows: number,
  element: (m: number, n: number) => number,
): void {
  for (let m = 0; m < outer; m++) {
    const before = previous && readRow(previous, m);
    writeRow(product, m, tabulate(rows, (n) => (before ? before[n] : 0) + element(m, n)));
  }
}
