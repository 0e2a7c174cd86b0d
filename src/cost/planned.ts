/**
 * What a call would ask for that is only planned: sizes and places instead of tensors.
 *
 * @module
 */
import { dimensionNames } from "../arguments.ts";
import { show, type ValueChecker } from "../check.ts";
import type { Dims, DType, Operation, TensorSpec } from "../operation.ts";
import { type Demand, type Held, isMatrix, optionalOutputs, type Place, usualTensors } from "./demand.ts";
import { ELEMENT_BYTES } from "./head.ts";

/** Where matrices lie and how they are stored. */
export interface PlannedInputs {
  /** How the inputs are stored: f32 unless given. */
  readonly dtype?: DType;
  /** Where they lie: "array" unless given, "shared" (a SharedArrayBuffer), "wasm" (from `allocate`) or "gpu". */
  readonly place?: Place;
  /** Which outputs are wanted that can be left out, such as "gradient"; none unless given. */
  readonly outputs?: readonly string[];
  /** Where matrices that are outputs go: "new" arrays unless given, "inPlace", or a matrix that lies where the inputs do. */
  readonly written?: "new" | "inPlace" | "given";
  /** How outputs that are given are stored: as the inputs unless given. New ones are f32. */
  readonly writtenDtype?: DType;
}

/** Whole sizes: rows and classes, and 0 for what is not given of an operation's others. */
export function checkDims(check: ValueChecker, record: Operation, dims: unknown): Readonly<Record<string, number>> {
  const known = dimensionNames(record);
  const given = check.bag<Record<string, number>>(dims, known, "dims are", "dimension");
  const size = (name: string, least: number, fallback?: number) =>
    check.number(name, given[name], { fallback, least, most: 2 ** 31 - 1, integer: true });
  const extra = known.filter((name) => name !== "rows" && name !== "vocab");
  return {
    rows: size("rows", 0),
    vocab: size("vocab", 1),
    ...Object.fromEntries(extra.map((name) => [name, size(name, 0, 0)])),
  };
}

/** What such a call would ask for. */
export function planDemand(check: ValueChecker, operation: Operation, dims: Dims, value: unknown): Demand {
  const inputs = checkInputs(check, operation, value), usual = usualTensors(operation, inputs.outputs);
  const held = usual.inputs.map((spec) => heldInput(spec, dims, inputs));
  for (const spec of usual.outputs) {
    const isInPlace = isMatrix(spec) && inputs.written === "inPlace" && !held[0].isOutput;
    if (isInPlace) held[0] = { ...held[0], isOutput: true };
    else held.push(heldOutput(spec, dims, inputs));
  }
  const present = new Set([...usual.inputs, ...usual.outputs].map(({ name }) => name));
  return { operation, dims, present, tensors: held };
}

function checkInputs(check: ValueChecker, operation: Operation, value: unknown): Required<PlannedInputs> {
  const names = ["dtype", "place", "outputs", "written", "writtenDtype"];
  const inputs = check.bag<PlannedInputs>(value, names, "inputs are", "property of inputs");
  const dtypes = ["f32", "f16", "bf16"] as const, places = ["array", "shared", "wasm", "gpu"] as const;
  const dtype = check.choice<DType>("inputs.dtype", inputs.dtype, dtypes, "f32");
  const optional = optionalOutputs(operation), outputs = inputs.outputs ?? [];
  if (!Array.isArray(outputs)) throw check.typeError("inputs.outputs is not an array");
  const stranger = outputs.findIndex((name) => !optional.includes(name));
  if (stranger >= 0) {
    const known = optional.length === 0 ? "none that can be left out" : optional.join(", ");
    throw check.rangeError(`inputs.outputs[${stranger}] is ${show(outputs[stranger])}, ${operation.name} has ${known}`);
  }
  return {
    dtype,
    place: check.choice<Place>("inputs.place", inputs.place, places, "array"),
    outputs,
    written: check.choice("inputs.written", inputs.written, ["new", "inPlace", "given"], "new"),
    writtenDtype: check.choice<DType>("inputs.writtenDtype", inputs.writtenDtype, dtypes, dtype),
  };
}

function heldInput(spec: TensorSpec, dims: Dims, { dtype, place }: Required<PlannedInputs>): Held {
  const held = { ...vector(spec, dims), isInput: true, isOutput: false };
  return isMatrix(spec) ? { ...held, rowBytes: dims.vocab * ELEMENT_BYTES[dtype], dtype, place } : held;
}

function heldOutput(spec: TensorSpec, dims: Dims, { place, written, writtenDtype }: Required<PlannedInputs>): Held {
  const held = { ...vector(spec, dims), isInput: false, isOutput: true };
  if (!isMatrix(spec)) return held;
  const isGiven = written === "given", dtype = isGiven ? writtenDtype : "f32", isThere = isGiven || place === "gpu";
  const rowBytes = dims.vocab * ELEMENT_BYTES[dtype];
  return { ...held, rowBytes, dtype, place: isThere ? place : "array", isNew: !isThere };
}

/** A few numbers a row in an array. */
function vector({ name, shape, type }: TensorSpec, dims: Dims): Omit<Held, "isInput" | "isOutput"> {
  const columns = shape.length === 1 ? 1 : Number(dims[shape[1]] ?? shape[1]);
  return {
    name,
    rows: dims.rows,
    rowBytes: columns * (type === "f64" ? 8 : 4),
    dtype: type,
    place: "array",
    isNew: false,
  };
}
