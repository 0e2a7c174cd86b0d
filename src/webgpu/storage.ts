/** How the tensors of a call are stored, and where. */
import { isOnDevice, tensorNames } from "../arguments.ts";
import type { AnyTensor, CheckedCall, DType, Tensor, TensorSpec } from "../operation.ts";
import { isMatrix, type Storage, wordsOf } from "./declarations.ts";

/** A matrix of a call: one buffer, whatever its names. */
export interface MatrixUse {
  /** The name of its binding. */
  readonly name: string;
  /** All its names. */
  readonly names: readonly string[];
  readonly tensor: AnyTensor;
  readonly input: boolean;
  readonly output: boolean;
  /** Bytes of an element. */
  readonly width: 2 | 4;
  /** Elements from one row to the next on the device; 0 where all rows are one. */
  readonly stride: number;
}

/** A vector of a call, or a few of them side by side. */
export interface VectorUse {
  readonly spec: TensorSpec;
  readonly tensor: Tensor;
  readonly input: boolean;
}

/** The tensors that a call has. */
export interface Uses {
  readonly matrices: readonly MatrixUse[];
  readonly vectors: readonly VectorUse[];
  readonly storage: Storage;
}

/** Finds the tensors of a call, and which of them are in the place of another. */
export function usesOf({ operation, tensors }: CheckedCall): Uses {
  const inputs = new Set(operation.inputs.map(({ name }) => name));
  const specs = [...operation.inputs, ...operation.outputs];
  const matrices: MatrixUse[] = [], vectors: VectorUse[] = [], inPlace = new Map<string, string>();
  for (const spec of specs) {
    const { name } = spec, tensor = tensors[name], input = inputs.has(name);
    if (tensor === undefined) continue;
    if (!isMatrix(spec)) {
      if (isOnDevice(tensor)) throw new Error(`${name} is a vector: it cannot be on the GPU`);
      vectors.push({ spec, tensor, input });
      continue;
    }
    const same = input ? -1 : matrices.findIndex((use) => use.input && isSame(use.tensor, tensor));
    if (same >= 0) {
      const use = matrices[same];
      inPlace.set(name, use.name);
      const wider = tensor.columns > use.tensor.columns ? tensor : use.tensor;
      matrices[same] = { ...use, names: [...use.names, name], tensor: wider, stride: strideOf(wider), output: true };
    } else {
      matrices.push({
        name,
        names: [name],
        tensor,
        input,
        output: !input,
        width: widthOf(tensor),
        stride: strideOf(tensor),
      });
    }
  }
  const dtypes = tensorNames(operation).flatMap((name): [string, DType][] => {
    const use = matrices.find(({ names }) => names.includes(name));
    return use ? [[name, use.tensor.dtype as DType]] : [];
  });
  const storage = { vectors: new Set(vectors.map(({ spec }) => spec.name)), matrices: new Map(dtypes), inPlace };
  return { matrices, vectors, storage };
}

function isSame(a: AnyTensor, b: AnyTensor): boolean {
  if (isOnDevice(a) || isOnDevice(b)) return isOnDevice(a) && isOnDevice(b) && a.buffer === b.buffer;
  return a.data.buffer === b.data.buffer && a.data.byteOffset === b.data.byteOffset;
}

function widthOf({ dtype }: AnyTensor): 2 | 4 {
  return dtype === "f16" || dtype === "bf16" ? 2 : 4;
}

/** What is copied there lies packed, each row on a word of its own. */
function strideOf(tensor: AnyTensor): number {
  if (isOnDevice(tensor)) return tensor.rowStride;
  if (isOneRow(tensor)) return 0;
  return widthOf(tensor) === 2 ? tensor.columns + tensor.columns % 2 : tensor.columns;
}

/** Whether all rows are one. */
export function isOneRow({ rows, rowStride }: AnyTensor): boolean {
  return rows === 1 || rowStride === 0;
}

/** Whether a tensor has a row for each of the call's. */
export function hasRows({ shape }: TensorSpec): boolean {
  return shape[0] === "rows";
}

/** Words of a row of a vector. */
export function wordsOfRow({ spec, tensor }: VectorUse): number {
  return wordsOf(spec) * tensor.columns;
}

/** Bytes of a row that are copied to the device or back. */
export function bytesOfRow({ matrices, vectors }: Uses): number {
  const copied = matrices.filter(({ tensor, stride }) => !isOnDevice(tensor) && stride > 0);
  const rows = vectors.filter(({ spec }) => hasRows(spec));
  return copied.reduce((sum, { stride, width }) => sum + stride * width, 0) +
    rows.reduce((sum, use) => sum + 4 * wordsOfRow(use), 0);
}
