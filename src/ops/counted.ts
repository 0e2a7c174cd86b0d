/** What functions share that leave rows out: the rows that count, in runs, and matrices that must be in arrays. */
import { isOnDevice } from "../arguments.ts";
import type { CheckedCall, CommonOptions, Tensor } from "../operation.ts";
import { vector } from "../tensors.ts";
import type { Checker } from "../validate.ts";
import { record as crossEntropy } from "./cross_entropy.ts";

/** Consecutive rows. */
export interface Run {
  readonly first: number;
  readonly rows: number;
}

/** The longest runs of rows that count; one of no rows if none does, for a series has at least one call. */
export function runsOf(rows: number, counts: (row: number) => boolean): readonly Run[] {
  const runs: Run[] = [];
  for (let first = 0; first < rows; first++) {
    if (!counts(first)) continue;
    let end = first + 1;
    while (end < rows && counts(end)) end++;
    runs.push({ first, rows: end - first });
    first = end;
  }
  return runs.length > 0 ? runs : [{ first: 0, rows: 0 }];
}

/** A checked matrix that is not on a GPU. */
export function onHost(check: Checker, name: string, tensor: ReturnType<Checker["matrix"]>): Tensor {
  if (!isOnDevice(tensor)) return tensor;
  throw check.typeError(`${name}.data is a GPUBuffer, not a Float32Array, Float16Array or Uint16Array`);
}

/** Columns of the partials of {@linkcode targetCall}. */
export const PARTIAL = 5;

/** The call that says of each row max, Σ e^(x − max) and the target's x; rows whose target is −1 are not read. */
export function targetCall(
  logits: Tensor,
  targets: Int32Array,
  transformation: { readonly softcap: number; readonly temperature: number },
  options: CommonOptions,
): { readonly call: CheckedCall; readonly partial: Float64Array; readonly hit: Int32Array } {
  const { rows, columns: vocab } = logits, partial = new Float64Array(rows * PARTIAL), hit = new Int32Array(rows);
  const outputs = { loss: vector(new Float32Array(rows)), logSumExp: vector(new Float32Array(rows)), hit: vector(hit) };
  const tensors = { logits, targets: vector(targets), ...outputs, partial: vector(partial, PARTIAL) };
  const params = { ...crossEntropy.params, ...transformation };
  return { call: { operation: crossEntropy, dims: { rows, vocab }, tensors, params, options }, partial, hit };
}
