/** What the divergences share: two matrices in, one number a row and gradients with respect to either out. */
import type {
  AnyData,
  AnyMatrix,
  AnyTensor,
  CheckedCall,
  CommonOptions,
  GpuOutputs,
  LogitsOptions,
  Matrix,
  MatrixData,
  Operation,
  Report,
} from "../operation.ts";
import type { Prepared } from "../run.ts";
import { asMatrix, newMatrix, vector } from "../tensors.ts";
import { Checker } from "../validate.ts";
import { reduce, type Reduced, type Reduction, REDUCTIONS } from "./reduction.ts";

/** Options of both divergences. */
export interface DivergenceOptions<R extends Reduction = Reduction> extends CommonOptions, LogitsOptions {
  /** What `p` and `q` hold: "logits" (the default), "logProbabilities" or "probabilities". All are normalised first. */
  readonly input?: "logits" | "logProbabilities" | "probabilities";
  /** "mean" (the default) over rows, "sum", or "none" for one number a row. */
  readonly reduction?: R;
  /** Which gradients to compute; none unless given. */
  readonly gradient?: "p" | "q" | "both";
}

/** What both divergences return. */
export interface DivergenceResult<R extends Reduction = Reduction, Data extends AnyData = MatrixData> {
  /** Nats: a number, or [rows] for "none". */
  readonly divergence: Reduced<R>;
  /** [rows, vocab], f32: with respect to the logits p. */
  readonly gradientP?: Matrix<Data>;
  /** [rows, vocab], f32: with respect to the logits q. */
  readonly gradientQ?: Matrix<Data>;
  /** How it ran. */
  readonly report: Report;
}

/** The tensors that a divergence's record begins with. */
export const INPUTS: Operation["inputs"] = [
  { name: "p", shape: ["rows", "vocab"], type: "float" },
  { name: "q", shape: ["rows", "vocab"], type: "float" },
];

/** The tensors that a divergence's record ends with. */
export const GRADIENTS: Operation["outputs"] = [
  { name: "gradientP", shape: ["rows", "vocab"], type: "float", optional: true },
  { name: "gradientQ", shape: ["rows", "vocab"], type: "float", optional: true },
];

const OPTIONS = ["input", "reduction", "gradient", "outputs"];

/** The checks and outputs of a divergence; `settle` checks the operation's own options and gives its own parameters. */
export function prepareDivergence<R extends Reduction>(
  record: Operation,
  p: AnyMatrix,
  q: AnyMatrix,
  options: DivergenceOptions<R> & Partial<GpuOutputs>,
  own: readonly string[],
  settle: (check: Checker) => { readonly params: Readonly<Record<string, number>>; readonly reverse?: boolean },
): Prepared<DivergenceResult<R, AnyData>> {
  const check = new Checker(`compute ${record.name}`);
  const { options: common, softcap, temperature } = check.logitsOptions(options, [...OPTIONS, ...own]);
  const input = check.choice("input", options.input, ["logits", "logProbabilities", "probabilities"], "logits");
  const reduction = check.choice("reduction", options.reduction, REDUCTIONS, "mean") as R;
  const wanted = check.choice("gradient", options.gradient, ["p", "q", "both", undefined], undefined);
  const outputs = check.outputs(options.outputs);
  if (input === "probabilities" && softcap !== 0) {
    throw check.typeError("softcap is for logits, input is probabilities");
  }
  const { params, reverse = false } = settle(check);
  const first = check.matrix("p", p);
  const { rows, columns: vocab } = first;
  const second = check.matching("q", q, [rows, vocab], "p");

  const gradient = (name: "p" | "q") =>
    wanted === name || wanted === "both" ? newMatrix(rows, vocab, outputs) : undefined;
  const gradientP = gradient("p"), gradientQ = gradient("q");
  const divergence = vector(new Float32Array(rows));
  const call: CheckedCall = {
    operation: record,
    dims: { rows, vocab },
    tensors: {
      ...(reverse ? { p: second, q: first } : { p: first, q: second }),
      divergence,
      ...(reverse ? { gradientP: gradientQ, gradientQ: gradientP } : { gradientP, gradientQ }),
    },
    params: {
      ...params,
      input: input === "probabilities" ? 1 : 0,
      softcap,
      temperature,
      scale: reduction === "mean" ? 1 / rows : 1,
    },
    options: common,
  };
  return {
    call,
    finish: (report) => ({
      divergence: reduce(divergence.data, reduction, rows),
      ...named("gradientP", gradientP),
      ...named("gradientQ", gradientQ),
      report,
    }),
  };
}

function named(name: string, tensor: AnyTensor | undefined): Record<string, AnyMatrix> {
  return tensor === undefined ? {} : { [name]: asMatrix(tensor) };
}
