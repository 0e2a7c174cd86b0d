/** What is above the hidden states: weights of classes, and the loss that they learn by. */
import type { CommonOptions, Report } from "../../../../mod.ts";
import type { Floats } from "./matrices.ts";
import type { Random } from "./random.ts";

/** A loss over rows. */
export interface Score {
  /** In nats. */
  readonly loss: number;
  /** How it was computed. */
  readonly report: Report;
}

/** The mean loss of a batch, and what is to be learned from it. */
export interface Lesson extends Score {
  /** [rows, hidden]: its gradient by the hidden states. */
  readonly gradientHidden: Floats;
  /** Steps down the gradients by the weights. */
  learn(learningRate: number): void;
}

/** Weights of classes. Disposing frees them. */
export interface OutputLayer extends Disposable {
  /** The loss of hidden states and what came after them, with its gradients. */
  study(hidden: Floats, targets: Int32Array): Promise<Lesson>;
  /** The sum over rows of −ln p of what came, among all classes, in nats. */
  score(hidden: Floats, targets: Int32Array): Promise<Score>;
}

/** What an output layer begins with. */
export interface Beginning extends Pick<CommonOptions, "backend"> {
  /** [vocab], falling: ln p of each class where nothing is known of a context. */
  readonly logUnigram: Float32Array;
  /** Width of the hidden states. */
  readonly hidden: number;
  /** Decides all that is random. */
  readonly random: Random;
}

/** Weights begin within ± this: the first predictions are close to the unigram distribution. */
export const WEIGHT_RANGE = 0.05;
