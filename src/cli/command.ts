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

/** An argument that is no option: its place says what it is. */
export interface Operand {
  /** What it is, as the help calls it. */
  readonly name: string;
  /** More about it, in a few words. */
  readonly description: string;
  /** Whether there may be several of it; the last operand alone can say so. */
  readonly isMany?: true;
}

/** A command's result, for both kinds of reader. */
export interface Output {
  /** What `--json` prints. */
  readonly record: unknown;
  /** What is printed otherwise. */
  readonly text: string;
  /** The exit code: 0 unless given. */
  readonly exitCode?: number;
}

/** A command. */
export interface Command {
  /** What it does, in a sentence. */
  readonly summary: string;
  /** Its own options; `--json` and `--help` are every command's. */
  readonly options: Options;
  /** Its arguments that are no options, each of which must be there; none unless given. */
  readonly operands?: readonly Operand[];
  /** Does it. Only progress may be printed on the way, on standard error. */
  run(values: Values, operands: readonly string[]): Promise<Output>;
}

/** The arguments make no sense; the message says in one line which and why. */
export class UsageError extends Error {
  /** "UsageError". */
  override readonly name = "UsageError";
}

/** A file cannot be read or written, or does not hold what it should; the message says in one line which and why. */
export class FileError extends Error {
  /** "FileError". */
  override readonly name = "FileError";
}

/** What was given to a command. */
export interface Arguments {
  /** For its options. */
  readonly values: Values;
  /** In the places of its operands. */
  readonly operands: readonly string[];
}

/**
 * The values of options in arguments, and what is no option where there are operands.
 *
 * @throws {UsageError} If an argument is not one of the options, or lacks its value.
 */
export function readArguments(args: readonly string[], options: Options, operands: readonly Operand[] = []): Arguments {
  try {
    // What `deno task demo -- --train` hands over begins with the dashes that end the task's own options
    const own = args[0] === "--" ? args.slice(1) : args, allowPositionals = operands.length > 0;
    const { values, positionals } = parseArgs({ args: [...own], options, strict: true, allowPositionals });
    return { values: { ...values }, operands: positionals };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message.split(/\.\s/)[0]);
  }
}

/**
 * Makes sure that there is an argument for each operand, and none too many.
 *
 * @throws {UsageError} If there is not.
 */
export function checkOperands(given: readonly string[], operands: readonly Operand[]): void {
  if (given.length < operands.length) throw new UsageError(`Missing ${describeOperand(operands[given.length])}`);
  const isMany = operands.at(-1)?.isMany ?? false;
  if (given.length > operands.length && !isMany) {
    throw new UsageError(`Unexpected argument '${given[operands.length]}'`);
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

/** An operand as the help writes it. */
export function describeOperand({ name, isMany }: Operand): string {
  return isMany ? `<${name}> …` : `<${name}>`;
}

/** Operands and what they are, a line each. */
export function describeOperands(operands: readonly Operand[]): string {
  return alignColumns(operands.map((one) => [`  ${describeOperand(one)}`, one.description]), ["left", "left"]);
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
