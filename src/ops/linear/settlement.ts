/**
 * What follows for a row of linearCrossEntropy once the partial of all its classes is known: results, and what the gradient by
 * its logits takes. All in f64.
 *
 * @module
 */
import type { CheckedCall, Tensor } from "../../operation.ts";
import { COLUMNS, type Partial } from "../../partial.ts";
import { inTwo, LEVELS } from "./products.ts";

/** A call's parameters and vectors, for one row after the other. */
export class Settlement {
  readonly #params: CheckedCall["params"];
  readonly #tensors: Readonly<Record<string, Tensor | undefined>>;

  constructor({ params, tensors }: CheckedCall) {
    this.#params = params;
    this.#tensors = tensors as Readonly<Record<string, Tensor | undefined>>;
  }

  /** Writes the results of some rows of the call, which the partial is of, in order. */
  settle(rows: readonly number[], partial: Partial<"crossEntropy">): void {
    rows.forEach((row, i) => {
      if (this.#target(row) < 0) return;
      const { max, sum, target, shifted, mass, own, logSumExp } = this.#known(row, partial, i);
      const { zLoss } = this.#params, logSum = Math.log(sum);
      const hard = own === 0 ? 0 : own * (max - target + logSum), smooth = mass === 0 ? 0 : mass * logSum - shifted;
      const loss = hard + smooth + (zLoss === 0 ? 0 : zLoss * logSumExp ** 2);
      this.#write("loss", row, sum > 0 ? loss : NaN);
      this.#write("logSumExp", row, logSumExp);
      this.#write("targetLogProbability", row, target - max - logSum);
      this.#write("hit", row, sum !== 0 && target === max ? 1 : 0);
    });
  }

  /** `levels` of some rows, as {@link CROSS_ENTROPY_GRADIENT} has them; 0 for ignored rows. */
  levels(rows: readonly number[], partial: Partial<"crossEntropy">): Float32Array {
    const levels = new Float32Array(LEVELS * rows.length), { zLoss, scale, smoothing, filter } = this.#params;
    rows.forEach((row, i) => {
      const target = this.#target(row);
      if (target < 0) return;
      const known = this.#known(row, partial, i), { max, sum, own, logSumExp } = known;
      const factor = scale * (this.#tensors.gradientScale?.data[row] ?? 1);
      const pull = known.mass + own + (zLoss === 0 ? 0 : 2 * zLoss * logSumExp);
      const share = Math.exp(known.target - max) / sum;
      const ownGradient = factor * (share * pull - own - smoothing * this.#weight(target));
      levels.set(
        [...inTwo(max), factor * pull / sum, factor, ownGradient, filter * Math.abs(factor * pull)],
        LEVELS * i,
      );
    });
    return levels;
  }

  #known(row: number, { values }: Partial<"crossEntropy">, i: number) {
    const [max, sum, target, shifted, mass] = values.subarray(COLUMNS.crossEntropy * i, COLUMNS.crossEntropy * (i + 1));
    const own = this.#params.confidence * this.#weight(this.#target(row));
    return { max, sum, target, shifted, mass, own, logSumExp: max + Math.log(sum) };
  }

  #target(row: number): number {
    return this.#tensors.targets?.data[row] ?? -1;
  }

  #weight(target: number): number {
    return this.#tensors.classWeights?.data[target] ?? 1;
  }

  #write(name: string, row: number, value: number): void {
    const data = this.#tensors[name]?.data;
    if (data) data[row] = value;
  }
}
