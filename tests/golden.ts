/**
 * Values computed by PyTorch in float64 from inputs that are exact in float32.
 *
 * @module
 */

/** A matrix as its rows. */
export type Rows = number[][];

/** A case of `softmax.json`. */
export interface SoftmaxCase {
  readonly rows: number;
  readonly vocab: number;
  readonly logits: Rows;
  readonly softmax: Rows;
  readonly logSoftmax: Rows;
  readonly logSumExp: number[];
  readonly entropy: number[];
}

/** A case of `cross_entropy.json`. */
export interface CrossEntropyCase {
  readonly rows: number;
  readonly vocab: number;
  readonly logits: Rows;
  /** Indices, or probabilities where `soft`. */
  readonly targets: number[] | Rows;
  readonly soft: boolean;
  readonly options: {
    readonly labelSmoothing?: number;
    readonly ignoreIndex?: number;
    readonly classWeights?: number[];
  };
  readonly logSumExp: number[];
  /** By reduction; `gradient` is that of the sum of `loss`. */
  readonly expected: Readonly<Record<"none" | "sum" | "mean", { loss: number | number[]; gradient: Rows }>>;
}

/** A case of `kl_divergence.json`: the divergences KL(p ‖ q) and JSD of two rows of logits. */
export interface DivergenceCase {
  readonly rows: number;
  readonly vocab: number;
  readonly p: Rows;
  readonly q: Rows;
  readonly temperature: number;
  readonly kl: number[];
  readonly gradientP: Rows;
  readonly gradientQ: Rows;
  /** Weight of p. */
  readonly jsdBeta: number;
  readonly jsd: number[];
  readonly jsdGradientP: Rows;
  readonly jsdGradientQ: Rows;
}

/** A case of `large.json`: its logits are `hashed(rows * vocab, salt, scale)`, see `hashed.ts`. */
export interface LargeCase {
  readonly rows: number;
  readonly vocab: number;
  readonly scale: number;
  /** Of the logits; q is hashed from `salt + 1`, what is added to the logits for the near q from `salt + 2`. */
  readonly salt: number;
  readonly nearScale: number;
  /** The first logits. */
  readonly first: number[];
  readonly logSumExp: number[];
  readonly entropy: number[];
  /** Loss of each row for the target (row · 7919 + 13) mod vocab; `smoothed` with a label smoothing of 0.1. */
  readonly crossEntropy: number[];
  readonly smoothed: number[];
  readonly kl: number[];
  readonly klNear: number[];
  /** Of the gradient of the mean of `crossEntropy`. */
  readonly gradientAbsSum: number;
  readonly gradientSquareSum: number;
}

/** A case of `linear_cross_entropy.json`: the mean loss of logits hiddenStates·weightᵀ + bias, and its gradients. */
export interface LinearCrossEntropyCase {
  readonly rows: number;
  readonly hidden: number;
  readonly vocab: number;
  readonly hiddenStates: Rows;
  readonly weight: Rows;
  readonly bias: number[];
  readonly targets: number[];
  readonly labelSmoothing: number;
  readonly loss: number;
  readonly gradientHidden: Rows;
  readonly gradientWeight: Rows;
  readonly gradientBias: number[];
}

/** A case of `adaptive_softmax.json`: an AdaptiveLogSoftmaxWithLoss without a bias. */
export interface AdaptiveSoftmaxCase {
  readonly hidden: number;
  readonly vocab: number;
  readonly cutoffs: number[];
  readonly divValue: number;
  readonly head: Rows;
  /** Projection and weight of each cluster. */
  readonly tail: [projection: Rows, weight: Rows][];
  readonly hiddenStates: Rows;
  readonly targets: number[];
  /** Of each row's target. */
  readonly logProbability: number[];
  /** Their negative mean. */
  readonly loss: number;
  readonly logProb: Rows;
  readonly predict: number[];
}

/** A case of `distillation.json`: the mean loss alpha·hard + (1 − alpha)·T²·soft, soft being KL(teacher ‖ student) at T. */
export interface DistillationCase {
  readonly rows: number;
  readonly vocab: number;
  readonly student: Rows;
  readonly teacher: Rows;
  readonly targets: number[];
  readonly temperature: number;
  readonly alpha: number;
  readonly hard: number;
  readonly soft: number;
  readonly loss: number;
  readonly gradient: Rows;
}

/** A case of `gaussian_kl.json`: one diagonal Gaussian and its divergence from the standard normal one. */
export interface GaussianCase {
  readonly mean: number[];
  readonly logVariance: number[];
  readonly kl: number;
  readonly gradientMean: number[];
  readonly gradientLogVariance: number[];
}

/** A case of `binary_cross_entropy.json`: `gradient` is that of the sum of `loss`. */
export interface BinaryCase {
  readonly logits: number[];
  readonly targets: number[];
  readonly loss: number[];
  readonly gradient: number[];
}

interface Golden {
  adaptive_softmax: AdaptiveSoftmaxCase;
  softmax: SoftmaxCase;
  cross_entropy: CrossEntropyCase;
  distillation: DistillationCase;
  kl_divergence: DivergenceCase;
  linear_cross_entropy: LinearCrossEntropyCase;
  large: LargeCase;
  gaussian_kl: GaussianCase;
  binary_cross_entropy: BinaryCase;
  /** Files by NumPy's own `write_array`, and the numbers in them. */
  npy: {
    name: string;
    descr: string;
    shape: number[];
    base64: string;
    values: number[];
  };
}

const SPECIAL = new Map<unknown, number>([["NaN", NaN], ["Infinity", Infinity], ["-Infinity", -Infinity]]);

/** The cases of a golden file; JSON has no NaN and no infinities, the files spell them as strings. */
export function readGolden<Name extends keyof Golden>(name: Name): Golden[Name][] {
  const text = Deno.readTextFileSync(new URL(`golden/${name}.json`, import.meta.url));
  return JSON.parse(text, (_key, value) => SPECIAL.get(value) ?? value).cases;
}
