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
  /** [rows]: the upstream gradient of each row's divergence, which its gradients are multiplied by. */
  readonly gradientScale?: ArrayLike<number>;
  /**
   * How many classes there are. Columns of either matrix from there on are padding, with gradient 0; a class below that only
   * one of them has is impossible for the other. Needed where the matrices differ in columns.
   */
  readonly vocab?: number;
}

/** What both divergences return. */
export interface DivergenceResult<R extends Reduction = Reduction, Data extends AnyData = MatrixData> {
  /** Nats: a number, or [rows] for "none". */
  readonly divergence: Reduced<R>;
  /** The shape of p, f32: with respect to the logits p. */
  readonly gradientP?: Matrix<Data>;
  /** The shape of q, f32: with respect to the logits q. */
  readonly gradientQ?: Matrix<Data>;
  /** How it ran. */
  readonly report: Report;
}

/** The tensors that a divergence's record begins with. */
export const INPUTS: Operation["inputs"] = [
  { name: "p", shape: ["rows", "vocab"], type: "float" },
  { name: "q", shape: ["rows", "vocab"], type: "float" },
  { name: "gradientScale", shape: ["rows"], type: "f32", optional: true },
];

/** The tensors that a divergence's record ends with. */
export const GRADIENTS: Operation["outputs"] = [
  { name: "gradientP", shape: ["rows", "vocab"], type: "float", optional: true },
  { name: "gradientQ", shape: ["rows", "vocab"], type: "float", optional: true },
];

const OPTIONS = ["input", "reduction", "gradient", "gradientScale", "vocab", "outputs"];

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
  const first = check.matrix("p", p), second = check.matrix("q", q), { rows } = first;
  const vocab = commonVocab(check, { p: first, q: second }, options.vocab);
  const upstream = check.gradientScale(options.gradientScale, rows);

  const gradient = (name: "p" | "q", { columns }: AnyTensor) =>
    wanted === name || wanted === "both" ? newMatrix(rows, columns, outputs) : undefined;
  const gradientP = gradient("p", first), gradientQ = gradient("q", second);
  const known = { p: firstColumns(first, vocab), q: firstColumns(second, vocab) };
  const divergence = vector(new Float32Array(rows));
  const call: CheckedCall = {
    operation: record,
    dims: { rows, vocab: Math.max(first.columns, second.columns) },
    tensors: {
      ...(reverse ? { p: known.q, q: known.p } : known),
      gradientScale: upstream && vector(upstream),
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

/** How many classes two matrices with as many rows are about. */
export function commonVocab(
  check: Checker,
  matrices: Readonly<Record<string, AnyTensor>>,
  wanted: unknown,
): number {
  const [[name, first], [other, second]] = Object.entries(matrices);
  const shapes = [first, second].map(({ rows, columns }) => `[${rows}, ${columns}]`);
  if (first.rows !== second.rows) throw check.rangeError(`${other} is ${shapes[1]}, ${name} is ${shapes[0]}`);
  if (wanted === undefined && first.columns !== second.columns) {
    const advice = "vocab must say how many classes there are";
    throw check.rangeError(`${other} is ${shapes[1]}, ${name} is ${shapes[0]}: ${advice}`);
  }
  const most = Math.max(first.columns, second.columns);
  return check.number("vocab", wanted, { fallback: most, least: 1, most, integer: true });
}

/** A matrix without columns from `vocab` on. */
export function firstColumns<T extends AnyTensor>(tensor: T, vocab: number): T {
  return { ...tensor, columns: Math.min(tensor.columns, vocab) };
}
