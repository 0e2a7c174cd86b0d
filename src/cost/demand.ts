/**
 * What a call asks of a machine: its operation, its sizes, and where each of its tensors lies.
 *
 * @module
 */
import { isOnDevice, tensorNames } from "../arguments.ts";
import { ELEMENT_BYTES } from "./head.ts";
import type { AnyTensor, CheckedCall, Dims, Operation, TensorData, TensorSpec, Traffic } from "../operation.ts";

/** Where a tensor lies: in an array, in shared memory that all threads see, in wasm memory, in a buffer of the GPU. */
export type Place = "array" | "shared" | "wasm" | "gpu";

/** A tensor of a call. An output that is also an input (in place) is one. */
export interface Held {
  /** Its name in the record; an input's where it is both. */
  readonly name: string;
  /** Its rows in memory: 1 where all rows are one. */
  readonly rows: number;
  /** Bytes of a row. */
  readonly rowBytes: number;
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
  const present = tensorNames(operation).filter((name) => tensors[name] !== undefined);
  const inputs = new Set(operation.inputs.map(({ name }) => name)), held: Held[] = [];
  for (const name of present) {
    const tensor = tensors[name] as AnyTensor, isInput = inputs.has(name);
    const twin = isInput ? -1 : held.findIndex((other) => isSame(tensors[other.name] as AnyTensor, tensor));
    if (twin >= 0) held[twin] = { ...held[twin], isOutput: true };
    else held.push({ name, ...describe(tensor, isResident), isInput, isOutput: !isInput });
  }
  return { operation, dims, present: new Set(present), tensors: held };
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
  const { exps, flops } = operation.work(present);
  return {
    bytesRead: sumBytes(demand, ({ isInput }) => isInput),
    bytesWritten: sumBytes(demand, ({ isOutput }) => isOutput),
    exps: exps * cells,
    flops: flops * cells,
  };
}

/** The tensors of a usual call, which has targets and what comes of them, no other optional inputs, and these outputs. */
export function usualTensors(
  operation: Operation,
  wanted: readonly string[],
): Readonly<Record<"inputs" | "outputs", readonly TensorSpec[]>> {
  return {
    inputs: operation.inputs.filter(({ optional, type }) => !optional || type === "i32"),
    outputs: operation.outputs.filter(({ name, optional, shape }) =>
      !optional || wanted.includes(name) || shape.length === 1
    ),
  };
}

/** Whether a tensor is a matrix of logits' shape. */
export function isMatrix({ type, shape }: TensorSpec): boolean {
  return type === "float" && shape.length === 2;
}

/** The outputs that may be left out and that take time of their own: matrices, and what is chosen from a row. */
export function optionalOutputs({ outputs }: Operation): string[] {
  return outputs.filter(({ optional, shape }) => optional && typeof shape[1] === "string").map(({ name }) => name);
}

function describe(
  tensor: AnyTensor,
  isResident: (data: TensorData) => boolean,
): Pick<Held, "rows" | "rowBytes" | "dtype" | "place" | "isNew"> {
  const { columns, dtype } = tensor, rows = tensor.rowStride === 0 ? Math.min(1, tensor.rows) : tensor.rows;
  if (isOnDevice(tensor)) {
    return { rows, rowBytes: columns * ELEMENT_BYTES[tensor.dtype], dtype, place: "gpu", isNew: false };
  }
  const { data, isNew = false } = tensor, shared = globalThis.SharedArrayBuffer;
  const isShared = shared !== undefined && data.buffer instanceof shared;
  const place = isResident(data) ? "wasm" : isShared ? "shared" : "array";
  return { rows, rowBytes: columns * data.BYTES_PER_ELEMENT, dtype, place, isNew };
}

function isSame(a: AnyTensor, b: AnyTensor): boolean {
  if (isOnDevice(a) || isOnDevice(b)) {
    return isOnDevice(a) && isOnDevice(b) && a.buffer !== undefined && a.buffer === b.buffer;
  }
  return a.data.buffer === b.data.buffer && a.data.byteOffset === b.data.byteOffset &&
    a.data.byteLength === b.data.byteLength;
}
