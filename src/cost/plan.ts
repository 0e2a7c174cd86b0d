/**
 * Which backend should run a call, on how many threads, and what it would take: before there is any data.
 *
 * @module
 */
import { show, ValueChecker } from "../check.ts";
import type { DType, Operation } from "../operation.ts";
import { type OperationName, RECORDS } from "../ops/records.ts";
import { bestOnWasm, type Candidate, compare, onReference, onWasm, onWebgpu, threadCounts } from "./candidates.ts";
import { type Demand, type Held, isMatrix, optionalOutputs, type Place } from "./demand.ts";
import { ELEMENT_BYTES } from "./head.ts";
import { checkMachine, type Machine, machine as currentMachine } from "./machine.ts";
import { formatSeconds } from "./units.ts";

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

/** Options of {@linkcode plan}. */
export interface PlanOptions {
  /** The machine: the one that "auto" goes by unless given. */
  readonly machine?: Machine;
  /** The inputs and outputs. */
  readonly inputs?: PlannedInputs;
  /** Whether the plain SIMD build is asked for, whose results have the same bits on every machine. */
  readonly deterministic?: boolean;
}

/** What {@linkcode plan} returns. */
export interface Plan {
  /** Every way to run the call, the fastest first. */
  readonly candidates: readonly Candidate[];
  /** The one that `backend: "auto"` takes. */
  readonly winner: Candidate;
  /** Why, in one sentence. */
  readonly reason: string;
}

/**
 * Every way to run an operation on a machine, with predicted seconds, bytes and memory, and the one that is taken.
 *
 * "auto" stays on the CPU unless a GPU is predicted to be faster with all copies, and goes to it where the inputs lie there; it
 * takes the reference, which has other last bits, only where WebAssembly lacks SIMD, however small a call is. Among counts of
 * threads it takes the fewest that are within 5 % of the fastest.
 *
 * @param operation The name of a function, such as "crossEntropy".
 * @param dims `rows` and `vocab`, and `top` where tokens are chosen.
 * @param options The machine, and where the inputs lie; the current machine and f32 arrays unless given.
 * @returns All candidates, the winner and the reason.
 * @throws {TypeError} If a size is missing, or a name is unknown.
 * @throws {RangeError} If a size is negative, fractional or beyond 2³¹ − 1, or the operation has no such output.
 *
 * @example What a second copy of the logits costs
 * ```ts
 * import { plan } from "@surprisal/core/cost";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const dims = { rows: 512, vocab: 50_257 };
 * const inPlace = plan("crossEntropy", dims, { inputs: { place: "wasm", outputs: ["gradient"], written: "inPlace" } });
 * const apart = plan("crossEntropy", dims, { inputs: { place: "wasm", outputs: ["gradient"] } });
 * assertEquals(inPlace.winner.peakBytes, 0);
 * assert(apart.winner.peakBytes >= 4 * 512 * 50_257 && apart.winner.seconds > inPlace.winner.seconds);
 * ```
 */
export function plan(
  operation: OperationName,
  dims: Readonly<Record<string, number>>,
  options: PlanOptions = {},
): Plan {
  const check = new ValueChecker("plan");
  const { machine, inputs = {}, deterministic } = check.bag<PlanOptions>(options, [
    "machine",
    "inputs",
    "deterministic",
  ]);
  const isPlain = check.flag("deterministic", deterministic);
  const names = Object.keys(RECORDS) as OperationName[];
  const record = RECORDS[check.choice("operation", operation, names, names[0])];
  const rates = machine === undefined ? currentMachine() : checkMachine(check, machine);
  const demand = demandFor(check, record, checkDims(check, record, dims), inputs);
  const manner = { isPlain, isSync: false };
  const cpu = bestOnWasm(demand, manner, rates), gpu = onWebgpu(demand, rates);
  const isThere = demand.tensors.some(({ place }) => place === "gpu");
  const candidates = [
    ...isThere
      ? []
      : threadCounts(rates.cores).map((threads) => onWasm(demand, { ...manner, threads }, rates)).filter(isFirst),
    ...isThere ? [] : [onReference(demand, rates)],
    ...isPlain ? [] : [gpu],
  ].sort((a, b) => a.seconds - b.seconds);
  if (isThere) {
    return { candidates, winner: gpu, reason: `The inputs are on the GPU: predicted ${formatSeconds(gpu.seconds)}` };
  }
  const { pays, finding } = compare(cpu, gpu, 0);
  const isTaken = pays && !isPlain && !rates.gpu.isFallback;
  const winner = isTaken ? gpu : cpu;
  const who = isTaken ? "WebGPU" : "WebAssembly";
  const why = pays && !isTaken
    ? `${rates.gpu.isFallback ? "the GPU is a CPU in disguise" : "a GPU is not deterministic"}`
    : finding;
  return { candidates, winner, reason: `${who}: ${why}` };
}

/** Not so many threads as are asked for take part where there is not work enough. */
function isFirst({ threads }: Candidate, i: number, candidates: readonly Candidate[]): boolean {
  return candidates.findIndex((other) => other.threads === threads) === i;
}

function checkDims(check: ValueChecker, record: Operation, dims: unknown): Readonly<Record<string, number>> {
  const known = new Set(
    [...record.inputs, ...record.outputs].flatMap(({ shape }) => shape).filter((size) => typeof size === "string"),
  );
  const given = check.bag<Record<string, number>>(dims, [...known], "dims are", "dimension");
  const size = (name: string, least: number, fallback?: number) =>
    check.number(name, given[name], { fallback, least, most: 2 ** 31 - 1, integer: true });
  const extra = [...known].filter((name) => name !== "rows" && name !== "vocab");
  return {
    rows: size("rows", 0),
    vocab: size("vocab", 1),
    ...Object.fromEntries(extra.map((name) => [name, size(name, 0, 0)])),
  };
}

/** What such a call would ask for: targets and what comes with them included, other optional inputs not. */
function demandFor(
  check: ValueChecker,
  record: Operation,
  dims: Readonly<Record<string, number>>,
  value: unknown,
): Demand {
  const inputs = check.bag<PlannedInputs>(
    value,
    ["dtype", "place", "outputs", "written", "writtenDtype"],
    "inputs are",
    "property of inputs",
  );
  const dtypes = ["f32", "f16", "bf16"] as const, places = ["array", "shared", "wasm", "gpu"] as const;
  const dtype = check.choice<DType>("inputs.dtype", inputs.dtype, dtypes, "f32");
  const place = check.choice<Place>("inputs.place", inputs.place, places, "array");
  const how = check.choice("inputs.written", inputs.written, ["new", "inPlace", "given"], "new");
  const writtenDtype = check.choice<DType>("inputs.writtenDtype", inputs.writtenDtype, dtypes, dtype);
  const optional = optionalOutputs(record), wanted = inputs.outputs ?? [];
  if (!Array.isArray(wanted)) throw check.typeError("inputs.outputs is not an array");
  const stranger = wanted.findIndex((name) => !optional.includes(name));
  if (stranger >= 0) {
    const known = optional.length === 0 ? "none that can be left out" : optional.join(", ");
    throw check.rangeError(`inputs.outputs[${stranger}] is ${show(wanted[stranger])}, ${record.name} has ${known}`);
  }
  const tensors: Held[] = [];
  const isThere = ({ name, optional, type, shape }: Operation["outputs"][number]) =>
    !optional || wanted.includes(name) ||
    (shape.length === 1 && shape[0] === "rows" && type !== "f64" && name !== "gradientScale");
  for (const [specs, isInput] of [[record.inputs, true], [record.outputs, false]] as const) {
    for (const spec of specs.filter(isThere)) {
      const columns = spec.shape.length === 1 ? 1 : dims[spec.shape[1]] ?? Number(spec.shape[1]);
      if (!isMatrix(spec)) {
        const rowBytes = columns * (spec.type === "f64" ? 8 : 4);
        tensors.push({
          name: spec.name,
          rows: dims.rows,
          rowBytes,
          dtype: spec.type,
          place: "array",
          isInput,
          isOutput: !isInput,
          isNew: false,
        });
        continue;
      }
      if (!isInput && how === "inPlace" && !tensors[0].isOutput) {
        tensors[0] = { ...tensors[0], isOutput: true };
        continue;
      }
      const isNew = !isInput && how !== "given", stored = isInput ? dtype : isNew ? "f32" : writtenDtype;
      const there = isNew && place !== "gpu" ? "array" : place;
      tensors.push({
        name: spec.name,
        rows: dims.rows,
        rowBytes: columns * ELEMENT_BYTES[stored],
        dtype: stored,
        place: there,
        isInput,
        isOutput: !isInput,
        isNew: isNew && place !== "gpu",
      });
    }
  }
  return { operation: record, dims, present: new Set([...tensors.map(({ name }) => name), ...wanted]), tensors };
}
