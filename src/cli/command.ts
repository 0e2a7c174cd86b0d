/** What a command of the command line is, and how its arguments are read. */
import { parseArgs } from "node:util";
import { alignColumns } from "./table.ts";

/** An option of a command. */
export interface Option {
  /** Whether it is followed by a value. */
  readonly type: "string" | "boolean";
  /** What its value is, as the help calls it. */
  readonly value?: string;
  /** What it is where it is not given. */
  readonly default?: string;
  /** What it does, in a few words. */
  readonly description: string;
}

/** Options by name, without the dashes. */
export type Options = Readonly<Record<string, Option>>;

/** What was given for each option. */
export type Values = Readonly<Record<string, string | boolean | undefined>>;

/** A command's result, for both kinds of reader. */
export interface Output {
  /** What `--json` prints. */
  readonly record: unknown;
  /** What is printed otherwise. */
  readonly text: string;
}

/** A command. */
export interface Command {
  /** What it does, in a sentence. */
  readonly summary: string;
  /** Its own options; `--json` and `--help` are every command's. */
  readonly options: Options;
  /** Does it. Only progress may be printed on the way, on standard error. */
  run(values: Values): Promise<Output>;
}

/** The arguments make no sense; the message says in one line which and why. */
export class UsageError extends Error {
  /** "UsageError". */
  override readonly name = "UsageError";
}

/**
 * The values of options in arguments.
 *
 * @throws {UsageError} If an argument is not one of the options, or lacks its value.
 */
export function readValues(args: readonly string[], options: Options): Values {
  try {
    // What `deno task demo -- --train` hands over begins with the dashes that end the task's own options
    const own = args[0] === "--" ? args.slice(1) : args;
    return { ...parseArgs({ args: [...own], options, strict: true, allowPositionals: false }).values };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message.split(/\.\s/)[0]);
  }
}

/**
 * The whole number from 1 to `most` that an option is; `absent` where it is not given.
 *
 * @throws {UsageError} If it is anything else.
 */
export function readCount(values: Values, name: string, absent: number, most = 1e9): number {
  const value = values[name];
  if (value === undefined) return absent;
  const count = /^\d+$/.test(String(value)) ? Number(value) : 0;
  if (count >= 1 && count <= most) return count;
  throw new UsageError(`Option '--${name}' is '${value}', not a whole number from 1 to ${most}`);
}

/**
 * The one of a few words that an option is.
 *
 * @throws {UsageError} If it is none of them.
 */
export function readChoice<Word extends string>(values: Values, name: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === values[name]);
  if (found !== undefined) return found;
  throw new UsageError(`Option '--${name}' is '${values[name]}', not one of ${words.join(", ")}`);
}

/** Options and what they do, a line each. */
export function describeOptions(options: Options): string {
  const lines = Object.entries(options).map(([name, option]) => {
    const usage = option.value === undefined ? `--${name}` : `--${name} <${option.value}>`;
    const remark = option.default === undefined ? "" : ` (${option.default} unless given)`;
    return [`  ${usage}`, option.description + remark];
  });
  return alignColumns(lines, ["left", "left"]);
}
