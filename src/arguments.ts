/**
 * The order of arguments, one for all backends: inputs, outputs, dimensions, parameters.
 *
 * @module
 */
import type { Operation } from "./operation.ts";

/** The names of an operation's tensors: inputs, then outputs, as in its record. */
export function tensorNames(operation: Operation): string[] {
  return [...operation.inputs, ...operation.outputs].map((spec) => spec.name);
}

/** The names of an operation's dimensions, in the order in which its tensors' shapes first mention them. */
export function dimensionNames(operation: Operation): string[] {
  const sizes = [...operation.inputs, ...operation.outputs].flatMap((spec) => spec.shape);
  return [...new Set(sizes.filter((size) => typeof size === "string"))];
}
