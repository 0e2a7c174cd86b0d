/**
 * crossEntropy of the logits hidden·weightᵀ + bias, which are here computed as a whole, over the classes that are for
 * all rows, the first `forAll`, and the row's target, which may be one of them or come after; less the row's hit, if
 * it has one. What is subtracted from logits is in the bias. Gradients are by what the logits are made of.
 *
 * Target −1 is a row that does not count: not read, all outputs 0.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { productNN, productNT, productTN } from "./product.ts";
import { readRow, readScalar, writeRow } from "./row.ts";

/**
 * hidden [rows, width], weight [vocab, width], bias [vocab], targets [rows], hits [rows] (−1: none), gradientScale?
 * [rows] → loss [rows], gradientHidden? [rows, width]; added to what is in them: gradientWeight? [vocab, width],
 * gradientBias? [vocab].
 */
export function sampledSoftmaxLoss(
  hidden: Tensor,
  weight: Tensor,
  bias: Tensor,
  targets: Tensor,
  hits: Tensor,
  gradientScale: Tensor | undefined,
  loss: Tensor,
  gradientHidden: Tensor | undefined,
  gradientWeight: Tensor | undefined,
  gradientBias: Tensor | undefined,
  rows: number,
  width: number,
  vocab: number,
  temperature: number,
  scale: number,
  forAll: number,
): void {
  const states = zeros(rows, width), logits = zeros(rows, vocab);
  for (let row = 0; row < rows; row++) if (readScalar(targets, row) >= 0) writeRow(states, row, readRow(hidden, row));
  const biases = { ...bias, rows: vocab, columns: 1, rowStride: 1 };
  productNT(states, weight, biases, undefined, logits, rows, width, vocab);
  for (let row = 0; row < rows; row++) {
    const x = readRow(logits, row), target = readScalar(targets, row), hit = readScalar(hits, row);
    const takesPart = (i: number) => i === target || (i < forAll && i !== hit);
    writeRow(logits, row, x.map((value, i) => takesPart(i) ? value : -Infinity));
  }

  const gradient = gradientHidden || gradientWeight || gradientBias ? zeros(rows, vocab) : undefined;
  crossEntropy(
    ...[logits, targets, undefined, undefined, gradientScale] as const,
    ...[loss, zeros(rows, 1), undefined, undefined, gradient] as const,
    ...[rows, vocab, 0, temperature, 1, 0, 0, scale] as const,
  );
  if (gradient === undefined) return;
  if (gradientHidden) productNN(gradient, weight, undefined, gradientHidden, rows, vocab, width);
  if (gradientWeight) productTN(gradient, states, gradientWeight, gradientWeight, rows, vocab, width);
  const ones = zeros(1, rows);
  ones.data.fill(1);
  if (gradientBias) productNN(ones, gradient, gradientBias, gradientBias, 1, rows, vocab);
}

function zeros(rows: number, columns: number): Tensor {
  return { data: new Float64Array(rows * columns), dtype: "f64", rows, columns, rowStride: columns };
}
