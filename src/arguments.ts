/**
 * The order of arguments, one for all backends: inputs, outputs, dimensions, parameters.
 *
 * @module
 */
import type { AnyTensor, CheckedCall, DeviceTensor, Operation, Tensor, TensorSpec } from "./operation.ts";

/** The names of an operation's tensors: inputs, then outputs, as in its record. */
export function tensorNames(operation: Operation): string[] {
  return [...operation.inputs, ...operation.outputs].map((spec) => spec.name);
}

/** The names of an operation's dimensions, in the order in which its tensors' shapes first mention them. */
export function dimensionNames(operation: Operation): string[] {
  const sizes = [...operation.inputs, ...operation.outputs].flatMap((spec) => spec.shape);
  return [...new Set(sizes.filter((size) => typeof size === "string"))];
}

/** The names of an operation's scalar parameters, in order. */
export function scalarNames(operation: Operation): string[] {
  return Object.keys(operation.params);
}

/** What of a tensor belongs to the call's rows, each to one. */
export type Axis = "rows" | "columns" | "none";

/** The axis of a tensor's symbolic shape that is the call's rows. */
export function axisOf({ shape }: TensorSpec): Axis {
  return shape[0] === "rows" ? "rows" : shape[1] === "rows" ? "columns" : "none";
}

/** Whether a tensor lies, or is to lie, in a buffer of the GPU. */
export function isOnDevice(tensor: AnyTensor): tensor is DeviceTensor {
  return !("data" in tensor);
}

/** The name of a call's tensor that lies, or is to lie, in a buffer of the GPU; undefined if there is none. */
export function onDevice({ operation, tensors }: CheckedCall): string | undefined {
  return tensorNames(operation).find((name) => {
    const tensor = tensors[name];
    return tensor !== undefined && isOnDevice(tensor);
  });
}

/** The tensors of a call that has none on the GPU. */
export function hostTensors(call: CheckedCall): Readonly<Record<string, Tensor | undefined>> {
  if (onDevice(call) !== undefined) throw new Error("A call with tensors on the GPU was given to the CPU");
  return call.tensors as Readonly<Record<string, Tensor | undefined>>;
}
