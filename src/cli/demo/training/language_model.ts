/** A model that predicts a token from those before it: a network, and weights of classes on top. */
import type { CommonOptions } from "../../../../mod.ts";
import type { Batch } from "./batches.ts";
import { type Method, METHODS } from "./methods.ts";
import { Network, type Widths } from "./network.ts";
import type { OutputLayer } from "./output_layer.ts";
import { Random } from "./random.ts";

/** What a model begins with. */
export interface ModelOptions extends Pick<CommonOptions, "backend"> {
  /** How it learns. */
  readonly method: Method;
  /** [vocab], falling: ln p of each token where nothing is known of a context. */
  readonly logUnigram: Float32Array;
  /** How wide it is. */
  readonly widths: Widths;
  /** Decides all that is random. */
  readonly seed: number;
}

/** A model that can learn. Disposing frees the weights of classes. */
export class LanguageModel implements Disposable {
  /** From contexts to hidden states. */
  readonly network: Network;
  /** From hidden states to losses. */
  readonly output: OutputLayer;

  /** Begins with what is random, the same for all methods as far as they have the same weights. */
  constructor({ method, logUnigram, widths, seed, backend }: ModelOptions) {
    this.network = new Network(logUnigram.length, widths, new Random(seed), backend);
    this.output = METHODS[method]({ logUnigram, hidden: widths.hidden, random: new Random(seed + 1), backend });
  }

  /** Learns from a batch; returns the mean loss that was learned by, in nats. */
  async step({ contexts, targets }: Batch, learningRate: number): Promise<number> {
    const trace = await this.network.forward(contexts);
    const lesson = await this.output.study(trace.hidden, targets);
    const gradient = await this.network.backward(trace, lesson.gradientHidden);
    this.network.learn(gradient, learningRate);
    lesson.learn(learningRate);
    return lesson.loss;
  }

  /** The mean loss of a batch over all classes, in nats. */
  async lossOf({ contexts, targets }: Batch): Promise<number> {
    const { hidden } = await this.network.forward(contexts);
    return (await this.output.score(hidden, targets)).loss / targets.length;
  }

  [Symbol.dispose](): void {
    this.output[Symbol.dispose]();
  }
}
