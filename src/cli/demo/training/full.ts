/** The softmax over all classes: its loss is learned by as it is, and none of its logits is kept. */
import { allocate, type AllocatedMatrix, linearCrossEntropy } from "../../../../mod.ts";
import { Adam } from "./adam.ts";
import { type Floats, zeros } from "./matrices.ts";
import { type Beginning, type OutputLayer, type Score, WEIGHT_RANGE } from "./output_layer.ts";

/**
 * What is left out of gradients: runs of classes whose probabilities are all below this, half of what bf16 tells from
 * 1, as in
 * "Cut Your Losses in Large-Vocabulary Language Models" (arXiv:2411.09009).
 */
const FILTER = 2 ** -12;

/** A weight and a bias for each class, where the kernels compute. */
export class Classes implements Disposable {
  /** [vocab, hidden]. */
  readonly weight: AllocatedMatrix<Float32Array>;
  /** [vocab]. */
  readonly bias: Float32Array;
  readonly #backend: Beginning["backend"];

  /** Begins close to the unigram distribution. */
  constructor({ logUnigram, hidden, random, backend }: Beginning) {
    this.#backend = backend;
    this.weight = allocate([logUnigram.length, hidden]);
    random.fill(this.weight.data, WEIGHT_RANGE);
    this.bias = logUnigram.slice();
  }

  /** See {@linkcode OutputLayer.score}. */
  async score(hidden: Floats, targets: Int32Array): Promise<Score> {
    const { weight, bias } = this, backend = this.#backend;
    return await linearCrossEntropy(hidden, weight, targets, { bias, backend, reduction: "sum" });
  }

  [Symbol.dispose](): void {
    this.weight[Symbol.dispose]();
  }
}

/** Learns by the loss itself, all classes at every step. */
export function fullSoftmax(beginning: Beginning): OutputLayer {
  const { backend } = beginning, classes = new Classes(beginning), { weight, bias } = classes;
  const gradientWeight = allocate(weight.shape);
  const weights = new Adam(weight.data, weight.shape[1]), biases = new Adam(bias, 1);
  return {
    async study(hidden, targets) {
      const gradientHidden = zeros(...hidden.shape);
      const gradient = { hidden: gradientHidden, weight: gradientWeight, bias: true };
      const options = { bias, backend, gradient, filter: FILTER };
      const { loss, report, gradientBias } = await linearCrossEntropy(hidden, weight, targets, options);
      return {
        loss,
        report,
        gradientHidden,
        learn(learningRate) {
          weights.step(gradientWeight.data, learningRate);
          biases.step(gradientBias!, learningRate);
        },
      };
    },
    score: (hidden, targets) => classes.score(hidden, targets),
    [Symbol.dispose]() {
      classes[Symbol.dispose]();
      gradientWeight[Symbol.dispose]();
    },
  };
}
