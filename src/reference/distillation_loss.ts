/**
 * α·hard + (1 − α)·T²·soft of a student's rows: hard is the cross-entropy of its softmax at temperature 1, soft the divergence
 * of its softmax and a teacher's at temperature T. Both, and their gradients with respect to the student's raw logits, are
 * those of crossEntropy, klDivergence and jsDivergence, with their edges.
 *
 * A part whose weight is 0 adds nothing, be it infinite or NaN. Target −1 is a row that does not count: not read, all outputs
 * 0.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { tabulate } from "./classes.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { jsDivergence } from "./js_divergence.ts";
import { klDivergence } from "./kl_divergence.ts";
import { readLogits, readScalar, readScale, writeRow } from "./row.ts";

const IGNORED = -1;
const REVERSE = 1;
const JENSEN_SHANNON = 2;

/**
 * p, q [rows, vocab], with no chance of classes that their matrix lacks, targets? [rows], gradientScale? [rows] → hard?, soft
 * [rows], gradient? [rows, vocab], which may be the student's matrix. `kind` 0 is D(p ‖ q) with q the student, 1 with p the
 * student, 2 the Jensen–Shannon divergence with q the student.
 */
export function distillationLoss(
  p: Tensor,
  q: Tensor,
  targets: Tensor | undefined,
  gradientScale: Tensor | undefined,
  hard: Tensor | undefined,
  soft: Tensor,
  gradient: Tensor | undefined,
  rows: number,
  vocab: number,
  kind: number,
  softcap: number,
  temperature: number,
  alpha: number,
  beta: number,
  scale: number,
): void {
  for (let row = 0; row < rows; row++) {
    const target = targets && readScalar(targets, row);
    if (target === IGNORED) {
      for (const output of [hard, soft]) writeRow(output, row, [0]);
      writeRow(gradient, row, new Float64Array(vocab));
      continue;
    }
    const [left, right] = [p, q].map((matrix) => oneRow(readLogits(matrix, row, 0, vocab)));
    const divergence = oneRow(new Float64Array(1)), softSlopes = oneRow(new Float64Array(vocab));
    const [ofP, ofQ] = kind === REVERSE ? [softSlopes, undefined] : [undefined, softSlopes];
    if (kind === JENSEN_SHANNON) {
      jsDivergence(left, right, undefined, divergence, ofP, ofQ, 1, vocab, 0, softcap, temperature, beta, 1);
    } else {
      klDivergence(left, right, undefined, divergence, undefined, ofP, ofQ, 1, vocab, 0, softcap, temperature, 1);
    }
    const loss = oneRow(new Float64Array(1)), hardSlopes = oneRow(new Float64Array(vocab));
    if (target !== undefined) {
      const student = kind === REVERSE ? left : right, lse = oneRow(new Float64Array(1));
      crossEntropy(
        ...[student, oneRow(Float64Array.of(target)), undefined, undefined, undefined, loss, lse, undefined] as const,
        ...[undefined, hardSlopes, 1, vocab, softcap, 1, 1, 0, 0, 1] as const,
      );
    }
    writeRow(hard, row, loss.data);
    writeRow(soft, row, divergence.data);
    const factor = scale * readScale(gradientScale, row);
    const ofSoft = (i: number) => alpha === 1 ? 0 : factor * (1 - alpha) * temperature ** 2 * softSlopes.data[i];
    const ofHard = (i: number) => alpha === 0 ? 0 : factor * alpha * hardSlopes.data[i];
    writeRow(gradient, row, tabulate(vocab, (i) => ofSoft(i) + ofHard(i)));
  }
}

function oneRow(data: Float64Array): Tensor & { readonly data: Float64Array } {
  return { data, dtype: "f64", rows: 1, columns: data.length, rowStride: data.length };
}
