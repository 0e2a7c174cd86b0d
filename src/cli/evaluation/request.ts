/** What the arguments of an evaluation ask for. */
import { type Options, readChoice, readCount, UsageError, type Values } from "../command.ts";
import { checkWritable } from "../files.ts";
import { checkPlotPath } from "../plan/render.ts";
import type { Destinations } from "./finish.ts";

/** Parts of [0, 1] unless told otherwise. */
const BINS = 15;

/** The target that leaves a row out, unless told otherwise: PyTorch's. */
const IGNORE_INDEX = -100;

/** What 16-bit codes may be. */
const CODES = ["bf16", "f16"] as const;

/** Options about what to do with results. */
export const DESTINATIONS: Options = {
  partial: { type: "string", value: "file.json", description: "Write results that surprisal merge makes one of" },
  plot: { type: "string", value: "file.svg|png", description: "Draw a histogram and a reliability diagram" },
};

/** Options of both kinds of evaluation. */
export const OPTIONS: Options = {
  targets: { type: "string", value: "file", description: "The token that came, for each row" },
  tensor: { type: "string", value: "name", description: "Which tensor of the file has the logits, if it has several" },
  dtype: { type: "string", value: "name", description: "What 16-bit codes of a file are that cannot say: bf16, f16" },
  temperature: { type: "string", value: "number", default: "1", description: "Divide logits by it" },
  "ignore-index": {
    type: "string",
    value: "target",
    default: String(IGNORE_INDEX),
    description: "Leave out rows with this target",
  },
  rows: { type: "string", value: "from:to", description: "Only these rows, from 0, without the last: 0:1000, 1000:" },
  block: { type: "string", value: "rows", description: "Rows in memory at once (what 16 MiB hold)" },
  threads: { type: "string", value: "count", description: "How many threads compute" },
  bins: { type: "string", value: "count", default: String(BINS), description: "Parts of confidence for calibration" },
  deterministic: { type: "boolean", description: "The same bits on every machine, at four fifths of the pace" },
  ...DESTINATIONS,
};

/** What is asked for. */
export interface Request extends Destinations {
  /** The folder of the files that are read; their names say all unless given. */
  readonly folder?: string;
  readonly targets?: string;
  /** Of each file of logits. */
  readonly tensors: readonly (string | undefined)[];
  readonly dtype?: typeof CODES[number];
  readonly temperature: number;
  readonly ignoreIndex: number;
  readonly from: number;
  readonly to?: number;
  readonly block?: number;
  readonly threads?: number;
  readonly bins: number;
  readonly deterministic: boolean;
  /** Whether files may have different numbers of columns. */
  readonly isTruncating: boolean;
}

/**
 * Reads the arguments and sees to it that results can be written.
 *
 * @throws {UsageError} If the arguments make no sense, or results cannot be written where they should be.
 */
export async function readRequest(values: Values): Promise<Request> {
  const { targets, tensor, "other-tensor": otherTensor } = values;
  const optional = (name: string, most: number) =>
    values[name] === undefined ? undefined : readCount(values, name, 1, most);
  return {
    ...await readDestinations(values),
    targets: textOf(targets),
    tensors: [textOf(tensor), textOf(otherTensor ?? tensor)],
    dtype: values.dtype === undefined ? undefined : readChoice(values, "dtype", CODES),
    temperature: readTemperature(values),
    ignoreIndex: readIgnoreIndex(values),
    ...readRows(values),
    block: optional("block", 1e6),
    threads: optional("threads", 128),
    bins: readCount(values, "bins", BINS, 1000),
    deterministic: values.deterministic === true,
    isTruncating: values.truncate === true,
  };
}

/**
 * Where results are to go.
 *
 * @throws {UsageError} If they cannot be written there.
 */
export async function readDestinations(values: Values): Promise<Destinations> {
  const partial = textOf(values.partial), plot = textOf(values.plot);
  if (plot !== undefined) checkPlotPath(plot);
  for (const path of [partial, plot]) if (path !== undefined) await checkWritable(path);
  return { partial, plot };
}

function readTemperature({ temperature }: Values): number {
  const value = /^\d*\.?\d+(e[+-]?\d+)?$/i.test(String(temperature)) ? Number(temperature) : 0;
  if (value >= 1e-3 && value <= 1e3) return value;
  throw new UsageError(`Option '--temperature' is '${temperature}', not a number from 0.001 to 1000`);
}

function readIgnoreIndex({ "ignore-index": given }: Values): number {
  const value = /^-?\d+$/.test(String(given)) ? Number(given) : NaN;
  if (value === (value | 0)) return value;
  throw new UsageError(`Option '--ignore-index' is '${given}', not a whole number of 32 bits`);
}

function readRows({ rows }: Values): Pick<Request, "from" | "to"> {
  if (rows === undefined) return { from: 0 };
  const [, from, to] = /^(\d*):(\d*)$/.exec(String(rows)) ?? [];
  if (from === undefined || (from === "" && to === "")) {
    throw new UsageError(`Option '--rows' is '${rows}', not of the form 0:1000`);
  }
  const range = { from: Number(from), ...to !== "" && { to: Number(to) } };
  if (range.to === undefined || range.from < range.to) return range;
  throw new UsageError(`Option '--rows' is '${rows}': there is no row in it`);
}

function textOf(value: string | boolean | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
