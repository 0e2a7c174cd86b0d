/**
 * Which backend should run a call, on how many threads, and what it would take: before there is any data.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";
import { type OperationName, RECORDS } from "../ops/records.ts";
import { bestOnWasm, type Candidate, compare, onReference, onWasm, onWebgpu, threadCounts } from "./candidates.ts";
import { checkMachine, type Machine, machine as currentMachine } from "./machine.ts";
import { checkDims, planDemand, type PlannedInputs } from "./planned.ts";
import { formatSeconds } from "./units.ts";

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
 * "auto" stays on the CPU unless a GPU, once it is open, is predicted to be faster with all copies, and goes to it where the
 * inputs lie there; it takes the reference, which has other last bits, only where WebAssembly lacks SIMD, however small a call
 * is. Among counts of threads it takes the fewest that are within 15 % of the fastest. Not counted is what happens once, as
 * threads that start; nor options that change a kernel's arithmetic, as label smoothing, class weights and soft targets.
 *
 * An operation on hidden states is composed of products: each chunk of its rows reads all weights, so that its time does
 * not quite add up over rows.
 *
 * @param operation The name of a function, such as "crossEntropy".
 * @param dims `rows` and `vocab`; `top` where tokens are chosen; `hidden`, their width, where there are hidden states.
 * @param options The machine, and where the inputs lie; the current machine and f32 arrays unless given.
 * @returns All candidates, the winner and the reason.
 * @throws {TypeError} If a size is missing, or a name is unknown.
 * @throws {RangeError} If a size is negative, fractional or beyond 2³¹ − 1, or the operation has no such output, or
 *   a deterministic result is wanted of a GPU.
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
  const demand = planDemand(check, record, checkDims(check, record, dims), inputs);
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
  if (isThere && isPlain) throw check.rangeError("deterministic is true, which a GPU cannot promise");
  if (isThere) {
    return { candidates, winner: gpu, reason: `The inputs are on the GPU: predicted ${formatSeconds(gpu.seconds)}` };
  }
  const { pays, finding } = compare(cpu, gpu, 0);
  const isTaken = pays && !isPlain && !rates.gpu.isFallback;
  const winner = isTaken ? gpu : cpu;
  const who = isTaken ? "WebGPU" : "WebAssembly";
  const refusal = rates.gpu.isFallback ? "the GPU is a CPU in disguise" : "a GPU is not deterministic";
  const why = pays && !isTaken ? refusal : finding;
  return { candidates, winner, reason: `${who}: ${why}` };
}

/** Not so many threads as are asked for take part where there is not work enough. */
function isFirst({ threads }: Candidate, i: number, candidates: readonly Candidate[]): boolean {
  return candidates.findIndex((other) => other.threads === threads) === i;
}
