/**
 * What operations on hidden·weightᵀ + bias have in common: their gradients, and how many products they are.
 *
 * @module
 */
import type { AnyData, AnyMatrix, AnyTensor, Matrix, MatrixData, Work } from "../../operation.ts";
import { asMatrix, newMatrix, shared } from "../../tensors.ts";
import type { Checker } from "../../validate.ts";

/** Which gradients are wanted: `true` for a new f32 one, or the f32 matrix that receives it. */
export interface WantedGradients<Data extends AnyData = MatrixData> {
  /** [rows, hidden]. */
  readonly hidden?: boolean | Matrix<Data>;
  /** [vocab, hidden]. */
  readonly weight?: boolean | Matrix<Data>;
  /** [vocab]; only with a bias. */
  readonly bias?: boolean;
}

/** The matrices of an operation's gradients, by the names of its record, and what a caller gets of them. */
export interface Gradients {
  readonly tensors: Readonly<Partial<Record<"gradientHidden" | "gradientWeight" | "gradientBias", AnyTensor>>>;
  results(): {
    readonly gradientHidden?: AnyMatrix;
    readonly gradientWeight?: AnyMatrix;
    readonly gradientBias?: Float32Array;
  };
}

/** The inputs that gradients are by. */
interface Inputs extends Readonly<Record<string, AnyTensor | undefined>> {
  readonly hidden: AnyTensor;
  readonly weight: AnyTensor;
  readonly bias: AnyTensor | undefined;
}

/** Checks which gradients are wanted, and makes those that are new. */
export function gradientsOf(
  check: Checker,
  options: { readonly gradient?: unknown; readonly outputs?: unknown },
  inputs: Inputs,
): Gradients {
  const outputs = check.outputs(options.outputs), { gradient } = options, isAll = gradient === true;
  const wanted: WantedGradients<AnyData> = typeof gradient === "object" && gradient !== null
    ? check.bag(gradient, ["hidden", "weight", "bias"], "gradient is", "gradient")
    : { hidden: check.flag("gradient", gradient), weight: isAll, bias: isAll && inputs.bias !== undefined };
  const received = new Map<string, AnyMatrix>(), taken: Record<string, AnyTensor> = {};
  const matrix = (name: "hidden" | "weight"): AnyTensor | undefined => {
    const option: unknown = wanted[name], like = inputs[name];
    if (option === undefined || option === false) return undefined;
    if (option === true) return newMatrix(like.rows, like.columns, outputs);
    received.set(name, option as AnyMatrix);
    const as = `gradient.${name}`;
    return taken[as] = check.receiver(as, option, like, name, { ...inputs, ...taken });
  };
  if (check.flag("gradient.bias", wanted.bias) && inputs.bias === undefined) {
    throw check.typeError("gradient.bias is true, and there is no bias");
  }
  const hidden = matrix("hidden"), weight = matrix("weight");
  const bias = wanted.bias ? new Float32Array(inputs.weight.rows) : undefined;
  return {
    tensors: { gradientHidden: hidden, gradientWeight: weight, gradientBias: bias && shared(bias) },
    results: () => ({
      ...(hidden && { gradientHidden: received.get("hidden") ?? asMatrix(hidden) }),
      ...(weight && { gradientWeight: received.get("weight") ?? asMatrix(weight) }),
      ...(bias && { gradientBias: bias }),
    }),
  };
}

/** Whether any gradient is among the tensors that are present. */
export function isDifferentiated(has: (name: string) => boolean): boolean {
  return ["gradientHidden", "gradientWeight", "gradientBias"].some(has);
}

/** Arithmetic per row and class: a product for the logits, as many again with gradients, and one for each of theirs. */
export function linearWork(present: ReadonlySet<string>, hidden: number): Work {
  const products = ["gradientHidden", "gradientWeight"].filter((name) => present.has(name)).length;
  const again = isDifferentiated((name) => present.has(name)) ? 1 : 0;
  return { exps: 1 + again, flops: 3 + 2 * again, matrixFlops: 2 * hidden * (1 + again + products) };
}
