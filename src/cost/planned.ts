/**
 * What a call would ask for that is only planned: sizes and places instead of tensors.
 *
 * @module
 */
import { axisOf, dimensionNames } from "../arguments.ts";
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

/** Whole sizes: rows, classes and what every call has, and 0 for what is not given of an operation's others. */
export function checkDims(check: ValueChecker, record: Operation, dims: unknown): Readonly<Record<string, number>> {
  const known = dimensionNames(record);
  const given = check.bag<Record<string, number>>(dims, known, "dims are", "dimension");
  const size = (name: string, least: number, fallback?: number) =>
    check.number(name, given[name], { fallback, least, most: 2 ** 31 - 1, integer: true });
  const needed = record.inputs.filter(({ optional }) => !optional).flatMap(({ shape }) => shape);
  return Object.fromEntries(known.map((name) => {
    return [name, name === "rows" ? size(name, 0) : needed.includes(name) ? size(name, 1) : size(name, 0, 0)];
  }));
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
  // What products are added to is f32, and no input
  const isSum = operation.compose !== undefined;
  const ways = isSum ? ["new", "given"] as const : ["new", "inPlace", "given"] as const;
  return {
    dtype,
    place: check.choice<Place>("inputs.place", inputs.place, places, "array"),
    outputs,
    written: check.choice<Required<PlannedInputs>["written"]>("inputs.written", inputs.written, ways, "new"),
    writtenDtype: isSum
      ? check.choice<DType>("inputs.writtenDtype", inputs.writtenDtype, ["f32"], "f32")
      : check.choice<DType>("inputs.writtenDtype", inputs.writtenDtype, dtypes, dtype),
  };
}

function heldInput(spec: TensorSpec, dims: Dims, { dtype, place }: Required<PlannedInputs>): Held {
  const held = { ...inArray(spec, dims), isInput: true, isOutput: false };
  return isMatrix(spec) ? { ...held, ...stored(spec, dims, dtype), place } : held;
}

function heldOutput(spec: TensorSpec, dims: Dims, { place, written, writtenDtype }: Required<PlannedInputs>): Held {
  const held = { ...inArray(spec, dims), isInput: false, isOutput: true };
  if (!isMatrix(spec)) return held;
  const isGiven = written === "given", dtype = isGiven ? writtenDtype : "f32", isThere = isGiven || place === "gpu";
  return { ...held, ...stored(spec, dims, dtype), place: isThere ? place : "array", isNew: !isThere };
}

/** The elements of a matrix's rows. */
function stored({ shape }: TensorSpec, dims: Dims, dtype: DType): Pick<Held, "rowBytes" | "dtype"> {
  return { rowBytes: sizeOf(shape[1], dims) * ELEMENT_BYTES[dtype], dtype };
}

/** A few numbers for each row of its own, or one row for all, in an array. */
function inArray(spec: TensorSpec, dims: Dims): Omit<Held, "isInput" | "isOutput"> {
  const { name, shape, type } = spec, hasRows = axisOf(spec) !== "none", isOneRow = !hasRows && shape.length === 1;
  const columns = isOneRow ? sizeOf(shape[0], dims) : shape.length === 1 ? 1 : sizeOf(shape[1], dims);
  return {
    name,
    shape,
    rows: isOneRow ? 1 : sizeOf(shape[0], dims),
    rowBytes: columns * (type === "f64" ? 8 : 4),
    hasRows,
    dtype: type,
    place: "array",
    isNew: false,
  };
}

function sizeOf(size: string | number, dims: Dims): number {
  return typeof size === "number" ? size : dims[size];
}
