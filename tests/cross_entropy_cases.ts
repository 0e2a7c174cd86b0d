/**
 * What the tests of crossEntropy share: expected losses and gradients with their tolerances, and a call's results.
 *
 * @module
 */
import { crossEntropy, type CrossEntropyOptions, type Matrix, type Targets } from "../mod.ts";
import { type Rows, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { type Expected, slackOf } from "./tolerance.ts";

/** Loss, log-sum-exp and gradient of each row by the oracle; class −1 is an ignored row. */
export function expectLoss(
  rows: Rows,
  options: oracle.CrossEntropyOptions,
): Record<"loss" | "logSumExp" | "gradient", Expected> {
  const slack = slackOf(rows, options);
  const { loss, logSumExp, gradient } = oracle.crossEntropy(rows, options);
  return {
    loss: { rule: "reduction", values: loss, slack },
    logSumExp: { rule: "reduction", values: logSumExp, slack },
    gradient: { rule: "element", values: gradient, slack, terms: gradientTerms(rows, logSumExp, options) },
  };
}

/** The magnitudes of what a gradient is the difference of: (Σ τ + 2·zLoss·lse)·p and τ, with their factors. */
function gradientTerms(rows: Rows, logSumExp: ArrayLike<number>, options: oracle.CrossEntropyOptions): number[] {
  const { confidence = 1, smoothing = 0, zLoss = 0, scale = 1, temperature = 1 } = options;
  const { targets, targetProbabilities, classWeights, gradientScale } = options;
  const { probabilities } = oracle.softmax(rows, options);
  return rows.flatMap((row, r) => {
    const tau = Array.from(row, (_, i) => {
      const t = targetProbabilities ? targetProbabilities[r][i] : targets?.[r] === i ? 1 : 0;
      return (classWeights?.[i] ?? 1) * (confidence * t + smoothing);
    });
    const pull = tau.reduce((sum, t) => sum + t, 0) + 2 * zLoss * Math.abs(logSumExp[r]);
    const factor = Math.abs(scale * (gradientScale?.[r] ?? 1)) / temperature;
    return tau.map((t, i) => factor * (pull * probabilities[r * row.length + i] + t));
  });
}

/** Calls crossEntropy for one loss a row and a new gradient unless `options` say otherwise. */
export async function lossOf(
  logits: Matrix,
  targets: Targets | Matrix,
  options: CrossEntropyOptions,
): Promise<Record<"loss" | "logSumExp" | "gradient", Float32Array | Float64Array>> {
  const result = await crossEntropy(logits, targets, { reduction: "none", gradient: true, ...options });
  const { loss, logSumExp, gradient } = result;
  return { loss: typeof loss === "number" ? Float64Array.of(loss) : loss, logSumExp, gradient: valuesOf(gradient) };
}
