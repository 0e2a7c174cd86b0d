import type { DType } from "../operation.ts";
import { Checker } from "../validate.ts";
import { type AllocatedMatrix, allocateMatrix, type DTypeArrays } from "../wasm/allocate.ts";

/**
 * A matrix inside wasm memory, zeroed: kernels read and write it where it lies, nothing is copied.
 *
 * `using` gives the memory back at the end of the scope; freed memory is reused, and later use of the matrix is an error.
 * All allocations together, with staging, may take 4 GiB.
 *
 * @param shape `[rows, columns]`, with at least one column.
 * @param dtype "f32" (the default), "f16" or "bf16": `data` is a Float32Array, Float16Array or Uint16Array of codes.
 * @returns A {@linkcode Matrix} that is `Disposable`.
 * @throws {TypeError} If an argument has the wrong type.
 * @throws {RangeError} If a size is out of range, or more memory is asked for than is left.
 *
 * @example Scores computed where they lie
 * ```ts
 * import { allocate, crossEntropy } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * using logits = allocate([2, 50_257]);
 * const { loss } = await crossEntropy(logits, new Int32Array(2), { gradient: "inPlace" });
 * assertAlmostEquals(loss, Math.log(50_257), 1e-5);
 * ```
 */
export function allocate<T extends DType = "f32">(
  shape: readonly [rows: number, columns: number],
  dtype?: T,
): AllocatedMatrix<DTypeArrays[T]> {
  const check = new Checker("allocate a matrix");
  const known = check.choice<DType>("dtype", dtype, ["f32", "f16", "bf16"], "f32") as T;
  const [rows, columns] = check.shape("shape", shape);
  return allocateMatrix(rows, columns, known);
}
