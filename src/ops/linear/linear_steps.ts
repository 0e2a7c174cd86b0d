/**
 * linear from products, a chunk of rows by a span of classes at a time, so that what must be copied to where a backend computes
 * goes there by such pieces.
 *
 * @module
 */
import { isOnDevice } from "../../arguments.ts";
import { tileOf } from "../../cost/tiles.ts";
import type { AnyTensor, CheckedCall, Room, Step, Tensor } from "../../operation.ts";
import { columnsOf, rowsOf, vector } from "../../tensors.ts";
import { multiply, PRODUCT_NT } from "./products.ts";
import { gather } from "./rows.ts";

/** The steps of a call of linear. */
export function* linearSteps(call: CheckedCall, room: Room): Generator<Step> {
  const { dims: { rows, hidden: columns, vocab }, options } = call;
  const { hidden, weight, bias, logits } = call.tensors as Readonly<Record<string, AnyTensor>>;
  const { limitBytes, mostRows } = room, tile = tileOf({ rows, vocab, width: columns, limitBytes, mostRows });
  const span = isOnDevice(logits) ? vocab : tile.classes;
  for (let row = 0; row < rows; row += tile.rows) {
    const count = Math.min(tile.rows, rows - row);
    const left = isOnDevice(hidden)
      ? rowsOf(hidden, row, count)
      : room.matrix("hidden", count, columns, gather(hidden, Array.from({ length: count }, (_, i) => row + i)));
    for (let first = 0; first < vocab; first += span) {
      const classes = Math.min(span, vocab - first), product = columnsOf(rowsOf(logits, row, count), first, classes);
      const biases = bias && vector(columnsOf(bias as Tensor, first, classes).data as Float32Array);
      yield {
        call: multiply(PRODUCT_NT, { left, right: rowsOf(weight, first, classes), bias: biases, product }, options),
      };
    }
  }
}
