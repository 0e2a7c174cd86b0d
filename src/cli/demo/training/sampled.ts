/** Sampled softmax: learns by the classes that came and a few that are drawn, anew at every step. */
import { sampledSoftmaxLoss } from "../../../../mod.ts";
import { Adam } from "./adam.ts";
import { Classes } from "./full.ts";
import { zeros } from "./matrices.ts";
import type { Beginning, OutputLayer } from "./output_layer.ts";

/**
 * Learns by an estimate of the loss, from at most so many classes drawn by Zipf's law, and steps only their weights.
 */
export function sampledSoftmax(beginning: Beginning, samples: number): OutputLayer {
  const { backend, random } = beginning, classes = new Classes(beginning), { weight, bias } = classes;
  const weights = new Adam(weight.data, weight.shape[1]), biases = new Adam(bias, 1);
  return {
    async study(hidden, targets) {
      const gradientHidden = zeros(...hidden.shape);
      const { loss, report, gradientWeight, gradientBias } = await sampledSoftmaxLoss(hidden, weight, targets, {
        bias,
        backend,
        samples: Math.min(samples, bias.length),
        sampler: "logUniform",
        seed: random.below(2 ** 32),
        gradient: { hidden: gradientHidden, weight: true, bias: true },
      });
      return {
        loss,
        report,
        gradientHidden,
        learn(learningRate) {
          weights.stepRows(gradientWeight!.rows, gradientWeight!.values.data, learningRate);
          biases.stepRows(gradientBias!.rows, gradientBias!.values, learningRate);
        },
      };
    },
    score: (hidden, targets) => classes.score(hidden, targets),
    [Symbol.dispose]: () => classes[Symbol.dispose](),
  };
}
