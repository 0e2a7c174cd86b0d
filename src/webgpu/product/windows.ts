/**
 * How a product is cut up where its matrices do not fit bindings, or it has more tiles than workgroups may be dispatched. Pure
 * arithmetic.
 *
 * @module
 */
import type { Dims } from "../../operation.ts";
import { cut, type Limits, MAX_WORKGROUPS, type Span } from "../layout.ts";
import { RUN, TILE, type Turned } from "../wgsl/product.ts";

/** More rows than a matrix has. */
const MAX_ROWS = 2 ** 31;

/** A matrix as it lies: elements from row to row (0 where all rows are one), its columns, bytes of an element. */
export interface Shape {
  readonly stride: number;
  readonly columns: number;
  readonly width: 2 | 4;
}

/** The matrices of a product. */
export type Shapes = Readonly<Record<"left" | "right" | "product", Shape>>;

/** Rows and columns of the product, and steps, that are computed together. */
export interface ProductWindow {
  readonly outer: Span;
  readonly rows: Span;
  readonly inner: Span;
}

/** The windows of a product: all steps of some rows and columns one after the other, by whole runs wherever one fits. */
export function productWindows(
  { outer, rows, inner }: Dims,
  { left, right, product }: Shapes,
  turned: Turned,
  limits: Limits,
): ProductWindow[] {
  const most = MAX_WORKGROUPS * TILE, fitLeft = fitting(left, limits), fitRight = fitting(right, limits);
  const height = Math.min(most, fitting(product, limits), turned.left ? most : fitLeft);
  const width = Math.min(most, turned.right ? most : fitRight);
  const fit = Math.min(turned.left ? fitLeft : inner, turned.right ? fitRight : inner);
  const depth = fit >= inner || fit < RUN ? Math.max(1, fit) : Math.floor(fit / RUN) * RUN;
  const inners = inner === 0 ? [{ first: 0, end: 0 }] : cut({ first: 0, end: inner }, depth);
  const columns = cut({ first: 0, end: rows }, width);
  return cut({ first: 0, end: outer }, height).flatMap((outer) =>
    columns.flatMap((rows) => inners.map((inner) => ({ outer, rows, inner })))
  );
}

/** Rows of a matrix that a binding can show, wherever they begin. */
function fitting({ stride, columns, width }: Shape, { bindingBytes, alignment }: Limits): number {
  const elements = Math.floor((bindingBytes - alignment) / width);
  return stride === 0 ? MAX_ROWS : Math.max(1, 1 + Math.floor((elements - columns) / stride));
}

/** A part of a matrix as it is bound: from which byte on, how many, and the index of its first element there. */
export interface Part {
  readonly offset: number;
  readonly bytes: number;
  readonly first: number;
}

/** Some rows and columns of a matrix whose rows begin at row `firstRow` of a buffer. */
export function partOf({ stride, width }: Shape, firstRow: number, rows: Span, columns: Span, limits: Limits): Part {
  // A sum of no products reads nothing
  if (rows.first === rows.end || columns.first === columns.end) return { offset: 0, bytes: 4, first: 0 };
  const begin = (firstRow + rows.first) * stride + columns.first;
  const end = (firstRow + rows.end - 1) * stride + columns.end;
  const offset = Math.floor(begin * width / limits.alignment) * limits.alignment;
  return { offset, bytes: Math.ceil((end * width - offset) / 4) * 4, first: begin - offset / width };
}
