/**
 * klDivergence D(P ‖ Q) of the teacher's logits p and the student's q, which are here computed as a whole, and its
 * gradients by what the student is made of: G·weight, Gᵀ·hidden and Σ G over rows, where G is the gradient by q.
 *
 * Each of the two is hidden·weightᵀ + bias of the first `vocab` classes, and −∞ of those that a weight lacks. Products
 * follow IEEE arithmetic: where G is NaN, so is whatever it adds to, and 0·∞ is NaN.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { tabulate } from "./classes.ts";
import { klDivergence } from "./kl_divergence.ts";
import { descend, linear, zeros } from "./linear.ts";
import { readRow, readScalar, writeRow } from "./row.ts";

/**
 * hidden [rows, width], weight [classes, width], bias? [classes], and the teacher's likewise, gradientScale? [rows] →
 * divergence [rows], gradientHidden? [rows, width]; added to what is in them: gradientWeight? [classes, width],
 * gradientBias? [classes].
 */
export function linearKlDivergence(
  hidden: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  teacherHidden: Tensor,
  teacherWeight: Tensor,
  teacherBias: Tensor | undefined,
  gradientScale: Tensor | undefined,
  divergence: Tensor,
  gradientHidden: Tensor | undefined,
  gradientWeight: Tensor | undefined,
  gradientBias: Tensor | undefined,
  rows: number,
  width: number,
  classes: number,
  teacherWidth: number,
  teacherClasses: number,
  vocab: number,
  softcap: number,
  temperature: number,
  scale: number,
): void {
  const p = logitsOf(teacherHidden, teacherWeight, teacherBias, rows, teacherWidth, teacherClasses, vocab);
  const q = logitsOf(hidden, weight, bias, rows, width, classes, vocab);
  const gradient = gradientHidden || gradientWeight || gradientBias ? zeros(rows, vocab) : undefined;
  klDivergence(
    p,
    q,
    undefined,
    divergence,
    undefined,
    undefined,
    gradient,
    rows,
    vocab,
    0,
    softcap,
    temperature,
    scale,
  );
  if (gradient === undefined) return;
  for (let row = 0; gradientScale && row < rows; row++) {
    const factor = readScalar(gradientScale, row);
    writeRow(gradient, row, readRow(gradient, row).map((x) => factor * x));
  }
  const own = Math.min(vocab, classes);
  const wanted = { hidden: gradientHidden, weight: gradientWeight, bias: gradientBias };
  descend(gradient, hidden, weight, wanted, rows, width, own);
}

/** The logits of the first `vocab` classes. */
function logitsOf(
  hidden: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  rows: number,
  width: number,
  classes: number,
  vocab: number,
): Tensor {
  const logits = zeros(rows, vocab), own = Math.min(vocab, classes);
  linear(hidden, weight, bias, logits, rows, width, own);
  for (let row = 0; row < rows; row++) {
    const known = readRow(logits, row);
    writeRow(logits, row, tabulate(vocab, (i) => i < own ? known[i] : -Infinity));
  }
  return logits;
}
