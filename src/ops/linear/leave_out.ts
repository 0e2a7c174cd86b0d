/**
 * The record that leaves classes out of some rows: those that are another row's own, and a row's target where it was
 * drawn.
 *
 * @module
 */
import type { CheckedCall, Operation, Step, Tensor } from "../../operation.ts";
import { vector } from "../../tensors.ts";
import type { Chunk } from "./tiling.ts";

/**
 * Makes the logits −∞ of classes from `forAll` on, but for the row's target, and of the row's hit. Targets −1 and −2
 * and hits −1 are none of these classes. What remains has the place of the logits.
 */
export const LEAVE_OUT: Operation = {
  name: "leaveOut",
  inputs: [
    { name: "logits", shape: ["rows", "vocab"], type: "float" },
    { name: "targets", shape: ["rows"], type: "i32" },
    { name: "hits", shape: ["rows"], type: "i32" },
  ],
  outputs: [{ name: "remaining", shape: ["rows", "vocab"], type: "float" }],
  params: { forAll: 0 },
  work: () => ({ exps: 0, flops: 1 }),
};

/** The step after the logits of some classes have been computed, if any is to be left out. */
export function* leaveOut(call: CheckedCall, chunk: Chunk, first: number, classes: number): Generator<Step> {
  const hits = call.tensors.hits as Tensor | undefined;
  if (hits === undefined) return;
  const here = Int32Array.from(chunk.rows, (row) => {
    const hit = hits.data[row] - first;
    return hit >= 0 && hit < classes ? hit : -1;
  });
  const forAll = Math.max(0, Math.min(classes, call.params.forAll - first));
  if (forAll === classes && here.every((hit) => hit < 0)) return;
  const logits = chunk.logits(classes), targets = vector(chunk.targets(first, classes));
  yield {
    call: {
      operation: LEAVE_OUT,
      dims: { rows: chunk.rows.length, vocab: classes },
      tensors: { logits, targets, hits: vector(here), remaining: logits },
      params: { forAll },
      options: call.options,
    },
  };
}
