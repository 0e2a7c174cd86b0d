/**
 * What a call asks of a machine: its operation, its sizes, and where each of its tensors lies.
 *
 * @module
 */
import { axisOf, isOnDevice } from "../arguments.ts";
import { ELEMENT_BYTES } from "./head.ts";
import type { AnyTensor, CheckedCall, Dims, Operation, TensorData, TensorSpec, Traffic } from "../operation.ts";

/** Where a tensor lies: in an array, in shared memory that all threads see, in wasm memory, in a buffer of the GPU. */
export type Place = "array" | "shared" | "wasm" | "gpu";

/** A tensor of a call. An output that is also an input (in place) is one. */
export interface Held {
  /** Its name in the record; an input's where it is both. */
  readonly name: string;
  /** Its symbolic shape. */
  readonly shape: TensorSpec["shape"];
  /** Its rows in memory, or its columns where they are the call's rows: 1 where all rows are one. */
  readonly rows: number;
  /** Bytes of each of them. */
  readonly rowBytes: number;
  /** Whether each of them belongs to a row of the call. */
  readonly hasRows: boolean;
  /** How its elements are stored. */
  readonly dtype: string;
  readonly place: Place;
  readonly isInput: boolean;
  readonly isOutput: boolean;
  /** Whether its array is new, so that its pages are touched for the first time. */
  readonly isNew: boolean;
}

/** A call, or one that might be made. */
export interface Demand {
  readonly operation: Operation;
  readonly dims: Dims;
  /** The names of its tensors. */
  readonly present: ReadonlySet<string>;
  readonly tensors: readonly Held[];
}

/** What calls ask for: who chooses the backend asks, and the backend asks again. */
const known = new WeakMap<CheckedCall, Demand>();

/** What a checked call asks for; `isResident` tells what lies in wasm memory. */
export function demandOf(call: CheckedCall, isResident: (data: TensorData) => boolean): Demand {
  const demand = known.get(call) ?? examine(call, isResident);
  known.set(call, demand);
  return demand;
}

function examine({ operation, dims, tensors }: CheckedCall, isResident: (data: TensorData) => boolean): Demand {
  const inputs = new Set(operation.inputs.map(({ name }) => name)), held: Held[] = [];
  const present = [...operation.inputs, ...operation.outputs].filter(({ name }) => tensors[name] !== undefined);
  for (const spec of present) {
    const { name } = spec, tensor = tensors[name] as AnyTensor, isInput = inputs.has(name);
    const twin = isInput ? -1 : held.findIndex((other) => isSame(tensors[other.name] as AnyTensor, tensor));
    if (twin >= 0) held[twin] = { ...held[twin], isOutput: true };
    else held.push({ name, ...describe(tensor, spec, isResident), isInput, isOutput: !isInput });
  }
  return { operation, dims, present: new Set(present.map(({ name }) => name)), tensors: held };
}

/** Bytes of a tensor; a row that all rows share counts once. */
export function bytesOf({ rows, rowBytes }: Held): number {
  return rows * rowBytes;
}

/** Bytes of those tensors that a condition holds for. */
export function sumBytes({ tensors }: Demand, condition: (tensor: Held) => boolean): number {
  return tensors.reduce((sum, tensor) => condition(tensor) ? sum + bytesOf(tensor) : sum, 0);
}

/** What must move and happen at least: each input is read once from memory and each output written once. */
export function traffic(demand: Demand): Traffic {
  const { operation, dims, present } = demand, cells = dims.rows * dims.vocab;
  const { exps, flops } = operation.work(present, dims);
  return {
    bytesRead: sumBytes(demand, ({ isInput }) => isInput),
    bytesWritten: sumBytes(demand, ({ isOutput }) => isOutput),
    exps: exps * cells,
    flops: flops * cells,
  };
}

/** Floating-point operations of a call's matrix products. */
export function matrixFlops({ operation, dims, present }: Demand): number {
  return dims.rows * dims.vocab * (operation.work(present, dims).matrixFlops ?? 0);
}

/**
 * The tensors of a usual call, which has targets and what comes of them, these outputs, and no other optional inputs than
 * those that one of them is the gradient by.
 */
export function usualTensors(
  operation: Operation,
  wanted: readonly string[],
): Readonly<Record<"inputs" | "outputs", readonly TensorSpec[]>> {
  const gradients = wanted.map((name) => name.toLowerCase());
  return {
    inputs: operation.inputs.filter(({ name, optional, type }) =>
      !optional || type === "i32" || gradients.includes(`gradient${name}`.toLowerCase())
    ),
    outputs: operation.outputs.filter((spec) =>
      !spec.optional || wanted.includes(spec.name) || (spec.shape.length === 1 && axisOf(spec) === "rows")
    ),
  };
}

/** Whether a tensor is a matrix of any dtype, as logits, states, weights and their gradients are. */
export function isMatrix({ type, shape }: TensorSpec): boolean {
  return type === "float" && shape.length === 2;
}

/** The outputs that may be left out and take time of their own: matrices, sums over rows, and what is chosen from a row. */
export function optionalOutputs({ outputs }: Operation): string[] {
  return outputs.filter((spec) => spec.optional && (axisOf(spec) === "none" || typeof spec.shape[1] === "string"))
    .map(({ name }) => name);
}

function describe(
  tensor: AnyTensor,
  spec: TensorSpec,
  isResident: (data: TensorData) => boolean,
): Omit<Held, "name" | "isInput" | "isOutput"> {
  const { dtype } = tensor, { shape } = spec, axis = axisOf(spec), hasRows = axis !== "none";
  const held = tensor.rowStride === 0 ? Math.min(1, tensor.rows) : tensor.rows;
  const [rows, columns] = axis === "columns" ? [tensor.columns, held] : [held, tensor.columns];
  if (isOnDevice(tensor)) {
    return { shape, rows, rowBytes: columns * ELEMENT_BYTES[tensor.dtype], hasRows, dtype, place: "gpu", isNew: false };
  }
  const { data, isNew = false } = tensor, shared = globalThis.SharedArrayBuffer;
  const isShared = shared !== undefined && data.buffer instanceof shared;
  const place = isResident(data) ? "wasm" : isShared ? "shared" : "array";
  return { shape, rows, rowBytes: columns * data.BYTES_PER_ELEMENT, hasRows, dtype, place, isNew };
}

function isSame(a: AnyTensor, b: AnyTensor): boolean {
  if (isOnDevice(a) || isOnDevice(b)) {
    return isOnDevice(a) && isOnDevice(b) && a.buffer !== undefined && a.buffer === b.buffer;
  }
  return a.data.buffer === b.data.buffer && a.data.byteOffset === b.data.byteOffset &&
    a.data.byteLength === b.data.byteLength;
}
