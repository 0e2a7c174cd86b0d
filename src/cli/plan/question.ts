/** What a plan is asked for: the options, checked. */
import { DEVICES, type Head, logitsBytes, parseBytes } from "../../cost/mod.ts";
import { readChoice, readCount, UsageError, type Values } from "../command.ts";
import { MODELS } from "./models.ts";
import { checkPlotPath } from "./render.ts";

/** A head of which only the width of hidden states, or where clusters end, may be left out. */
export type Sizes = Required<Omit<Head, "hidden" | "cutoffs">> & Pick<Head, "hidden" | "cutoffs">;

/** What a plan is asked for. */
export interface Question {
  /** A key of `MODELS`. */
  readonly model?: string;
  /** Every size. */
  readonly head: Sizes;
  /** A key of `DEVICES`, or "this". */
  readonly device: string;
  /** Bytes that there are; the device's memory where it is not given. */
  readonly budgetBytes?: number;
  /** The part of them that may be used. */
  readonly fraction: number;
  /** What everything else takes of that part. */
  readonly reservedBytes: number;
  /** Files to draw to. */
  readonly plots: { readonly roofline?: string; readonly memory?: string };
}

/** Log-probabilities kept of a row unless told otherwise. */
const TOP = 64;

/**
 * The question that options ask.
 *
 * @throws {UsageError} If one makes no sense; the message names it and its value.
 */
export function readQuestion(values: Values): Question {
  const [roofline, memory] = [readPlot(values, "plot"), readPlot(values, "plot-memory")];
  return {
    ...values.model !== undefined && { model: readChoice(values, "model", Object.keys(MODELS)) },
    head: readSizes(values),
    device: readChoice(values, "device", [...Object.keys(DEVICES), "this"]),
    budgetBytes: values.budget === undefined ? undefined : readBytes(values, "budget", 1),
    fraction: readFraction(values),
    reservedBytes: readBytes(values, "reserved", 0),
    plots: { roofline, memory },
  };
}

function readSizes(values: Values): Sizes {
  const model = values.model === undefined ? undefined : MODELS[readChoice(values, "model", Object.keys(MODELS))];
  const optional = (name: string) => values[name] === undefined ? undefined : readCount(values, name, 1);
  const vocab = optional("vocab") ?? model?.vocab;
  if (vocab === undefined) throw new UsageError("Option '--vocab' is missing, and so is '--model'");
  const head: Sizes = {
    batch: readCount(values, "batch", 1),
    sequence: optional("sequence") ?? model?.sequence ?? 1,
    vocab,
    hidden: optional("hidden") ?? model?.hidden,
    dtype: readChoice(values, "dtype", ["f32", "f16", "bf16"]),
    chunkBytes: readBytes(values, "chunk", 1),
    samples: readCount(values, "samples", Math.max(1, Math.round(vocab / 20)), vocab),
    top: readCount(values, "top", Math.min(TOP, vocab), vocab),
    cutoffs: readCutoffs(values, vocab),
  };
  return asUsage(() => (logitsBytes(head), head));
}

/**
 * Calls a cost function.
 *
 * @throws {UsageError} If it refuses its sizes, which one by one make sense.
 */
export function asUsage<Result>(compute: () => Result): Result {
  try {
    return compute();
  } catch (error) {
    const problem = error instanceof RangeError ? /^Cannot (?:compute|plan)[^:]*: (.*)/.exec(error.message) : null;
    if (problem === null) throw error;
    const options = "'--batch', '--sequence', '--vocab' and '--hidden'";
    throw new UsageError(`Options ${options} are too much together: ${problem[1]}`);
  }
}

function readBytes(values: Values, name: string, least: number): number {
  const value = String(values[name]), bytes = bytesIn(value);
  if (bytes !== undefined && bytes >= least) return bytes;
  const what = least > 0 ? "bytes above 0" : "bytes";
  throw new UsageError(`Option '--${name}' is '${value}', not ${what}, such as 80 GB or 24 GiB`);
}

function bytesIn(text: string): number | undefined {
  try {
    return parseBytes(text);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function readFraction({ fraction }: Values): number {
  const share = /^(\d+\.?\d*|\.\d+)$/.test(String(fraction)) ? Number(fraction) : 0;
  if (share > 0 && share <= 1) return share;
  throw new UsageError(`Option '--fraction' is '${fraction}', not a number above 0 and up to 1`);
}

function readCutoffs({ cutoffs }: Values, vocab: number): readonly number[] | undefined {
  if (cutoffs === undefined) return undefined;
  const parts = String(cutoffs).split(",").map((part) => /^\s*\d+\s*$/.test(part) ? Number(part) : 0);
  if (parts.every((part, i) => part > (parts[i - 1] ?? 0) && part < vocab)) return parts;
  throw new UsageError(`Option '--cutoffs' is '${cutoffs}', not rising whole numbers from 1 to below ${vocab}`);
}

function readPlot(values: Values, name: string): string | undefined {
  const path = values[name];
  if (path !== undefined) checkPlotPath(String(path));
  return path === undefined ? undefined : String(path);
}
