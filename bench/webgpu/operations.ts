/** What is measured on matrices that lie on the GPU, written once for both backends so that one can check the other. */
import {
  type AnyMatrix,
  type CommonOptions,
  crossEntropy,
  entropy,
  klDivergence,
  logSumExp,
  type Report,
  softmax,
  tokenStatistics,
} from "../../mod.ts";

/** What an operation is given: logits, other logits, a matrix to write, a target for each row. */
export interface Operands {
  readonly p: AnyMatrix;
  readonly q: AnyMatrix;
  readonly out: AnyMatrix;
  readonly targets: Int32Array;
}

/** What it leaves. */
export interface Results {
  /** One number a row, or a few. */
  readonly vectors: Readonly<Record<string, Float32Array | Int32Array | undefined>>;
  /** A matrix that it wrote. */
  readonly matrix?: AnyMatrix;
  readonly report: Report;
}

/** An operation. */
export interface Operation {
  readonly name: string;
  /** Whether it overwrites the logits. */
  readonly isInPlace?: true;
  run(operands: Operands, options: CommonOptions): Promise<Results>;
}

/** The names of those that verdicts are about. */
export const FORWARD = "CE forward", IN_PLACE = "CE + gradient in place";

/** One number a row: what a reduction of them to one would hide can be checked, and it costs nothing. */
const NONE = { reduction: "none" } as const;

/** All of them. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: "log-sum-exp",
    async run({ p }, options) {
      const { report, ...vectors } = await logSumExp(p, options);
      return { vectors, report };
    },
  },
  {
    name: FORWARD,
    async run({ p, targets }, options) {
      const { loss, logSumExp, report } = await crossEntropy(p, targets, { ...options, ...NONE });
      return { vectors: { loss, logSumExp }, report };
    },
  },
  {
    name: IN_PLACE,
    isInPlace: true,
    async run({ p, targets }, options) {
      const wanted = { ...options, ...NONE, gradient: "inPlace" } as const;
      const { loss, logSumExp, gradient, report } = await crossEntropy(p, targets, wanted);
      return { vectors: { loss, logSumExp }, matrix: gradient, report };
    },
  },
  {
    name: "CE + gradient apart",
    async run({ p, targets, out }, options) {
      const wanted = { ...options, ...NONE, gradient: out };
      const { loss, logSumExp, gradient, report } = await crossEntropy(p, targets, wanted);
      return { vectors: { loss, logSumExp }, matrix: gradient, report };
    },
  },
  {
    name: "softmax",
    async run({ p, out }, options) {
      const { probabilities, report } = await softmax(p, { ...options, out });
      return { vectors: {}, matrix: probabilities, report };
    },
  },
  {
    name: "entropy",
    async run({ p }, options) {
      const { report, ...vectors } = await entropy(p, options);
      return { vectors, report };
    },
  },
  {
    name: "KL divergence",
    async run({ p, q }, options) {
      const { divergence, report } = await klDivergence(p, q, { ...options, ...NONE });
      return { vectors: { divergence }, report };
    },
  },
  {
    name: "token statistics, top 5",
    async run({ p, targets }, options) {
      const { report, ...vectors } = await tokenStatistics(p, targets, { ...options, top: 5 });
      return { vectors, report };
    },
  },
];
