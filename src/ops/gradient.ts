/** The gradient with respect to a matrix of logits, wherever it is wanted. */
import type { AnyMatrix, AnyTensor } from "../operation.ts";
import { newMatrix } from "../tensors.ts";
import type { Checker } from "../validate.ts";

/** A gradient's tensor, and the caller's matrix if it is one. */
export interface Gradient {
  readonly tensor: AnyTensor;
  readonly matrix?: AnyMatrix;
}

/** The logits that a gradient is with respect to. */
export interface Logits {
  /** What the caller calls them. */
  readonly name: string;
  readonly matrix: AnyMatrix;
  readonly tensor: AnyTensor;
}

/** What the options `gradient` and `outputs` ask for; `inputs` are those that the gradient must not overlap. */
export function gradientOf(
  check: Checker,
  { name, matrix: logits, tensor: input }: Logits,
  { gradient: option, outputs: wanted }: { readonly gradient?: unknown; readonly outputs?: unknown },
  inputs: Readonly<Record<string, AnyTensor | undefined>>,
): Gradient | undefined {
  const outputs = check.outputs(wanted);
  if (option === undefined || option === false) return undefined;
  if (option === true) return { tensor: newMatrix(input.rows, input.columns, outputs) };
  if (typeof option === "string") check.choice("gradient", option, ["inPlace"], "inPlace");
  if (outputs) throw check.typeError('outputs is "gpu", and gradient says where else');
  const matrix = option === "inPlace" ? logits : option as AnyMatrix;
  return { tensor: check.output("gradient", matrix, input, inputs, name), matrix };
}
