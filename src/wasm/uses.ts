/**
 * The tensors of a call as the kernel will find them: where they are already, staged once, or staged a block of rows at a time.
 *
 * @module
 */
import { type Axis, axisOf, hostTensors } from "../arguments.ts";
import type { CheckedCall, Tensor } from "../operation.ts";
import { type Sizes, STAGING_LIMIT_BYTES } from "../cost/division.ts";
import { SMALL_ROW_BYTES } from "../cost/predict.ts";
import { isResident } from "./memory.ts";

/** What is staged once although it has rows: vectors of a few numbers a row. */
const SMALL_BYTES = 2 ** 20;

/** A tensor of a call. An output that is also an input (in place) is one use. */
export interface Use {
  readonly tensor: Tensor;
  readonly input: boolean;
  readonly output: boolean;
  /** Its positions among the tensors of the record. */
  readonly views: readonly number[];
  /** What of it belongs to the call's rows, each to one: its rows, its columns, or nothing. */
  readonly axis: Axis;
}

/** The tensors that a call has. */
export function uses(call: CheckedCall): Use[] {
  const { inputs, outputs } = call.operation, tensors = hostTensors(call);
  const found: Use[] = [];
  [...inputs, ...outputs].forEach((spec, index) => {
    const tensor = tensors[spec.name];
    if (tensor === undefined) return;
    const input = index < inputs.length;
    const same = found.findIndex((use) => isSame(use.tensor, tensor));
    if (same < 0) found.push({ tensor, input, output: !input, views: [index], axis: axisOf(spec) });
    else found[same] = { ...found[same], output: found[same].output || !input, views: [...found[same].views, index] };
  });
  return found;
}

function isSame(a: Tensor, b: Tensor): boolean {
  return a.data.buffer === b.data.buffer && a.data.byteOffset === b.data.byteOffset &&
    a.rowStride === b.rowStride && a.columns === b.columns && a.dtype === b.dtype;
}

/** Whether all rows are one. */
export function isOneRow({ rows, rowStride }: Tensor): boolean {
  return rows === 1 || rowStride === 0;
}

/** Bytes of a row. */
export function rowBytes({ columns, data }: Tensor): number {
  return columns * data.BYTES_PER_ELEMENT;
}

/** Bytes from one staged row to the next: packed, but for what keeps rows on their machine words. */
export function stagedStride({ columns, rowStride, data }: Tensor): number {
  const elements = 8 / data.BYTES_PER_ELEMENT;
  return (columns + (rowStride > columns ? (rowStride - columns) % elements : 0)) * data.BYTES_PER_ELEMENT;
}

/** Whether it is too large to be staged at once. */
export function isBlocked({ tensor, axis }: Use): boolean {
  const bytes = rowBytes(tensor);
  const isSmall = bytes <= SMALL_ROW_BYTES && bytes * tensor.rows <= SMALL_BYTES;
  return axis === "rows" && !isResident(tensor.data) && !isOneRow(tensor) && !isSmall;
}

/** Bytes that belong to one of the call's rows. */
function bytesOfRow({ tensor, axis }: Use): number {
  if (axis === "columns") return tensor.rows * tensor.data.BYTES_PER_ELEMENT;
  return axis === "rows" ? rowBytes(tensor) : 0;
}

/** What a division of the call's work follows from. */
export function sizesOf(call: CheckedCall): Sizes {
  const all = uses(call);
  const sum = (of: readonly Use[]) => of.reduce((total, use) => total + bytesOfRow(use), 0);
  const { rows, vocab } = call.dims;
  const stagedRowBytes = sum(all.filter(isBlocked));
  return { rows, vocab, rowBytes: sum(all), stagedRowBytes, limitBytes: STAGING_LIMIT_BYTES };
}

/** Bytes of staging that one row of the call takes at least. */
export function leastStaging(call: CheckedCall): number {
  const staged = uses(call).filter(({ tensor, axis }) => axis === "rows" && !isResident(tensor.data));
  return staged.reduce((total, { tensor }) => total + stagedStride(tensor), 0);
}
