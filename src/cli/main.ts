/**
 * The command line: `surprisal <command> [options]`. Results go to standard output, progress and errors to standard error.
 *
 * @example
 * ```ts
 * import { main } from "@surprisal/core/cli";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["demo", "--help"]), 0);
 * assertEquals(await main(["demo", "--bath", "64"]), 2);
 * ```
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import {
  checkOperands,
  type Command,
  describeOperand,
  describeOperands,
  describeOptions,
  FileError,
  type Options,
  readArguments,
  UsageError,
} from "./command.ts";
import { alignColumns } from "./table.ts";

/** The commands; each loads only when it is asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  plan: async () => (await import("./plan.ts")).plan,
  doctor: async () => (await import("./doctor.ts")).doctor,
  score: async () => (await import("./score.ts")).score,
  compare: async () => (await import("./compare.ts")).compare,
  merge: async () => (await import("./merge.ts")).merge,
  demo: async () => (await import("./demo.ts")).demo,
};

const TOP_OPTIONS: Options = {
  help: { type: "boolean", description: "Show this help" },
  version: { type: "boolean", description: "Show the version" },
};

const COMMAND_OPTIONS: Options = {
  json: { type: "boolean", description: "Print one JSON object" },
  help: { type: "boolean", description: "Show this help" },
};

/** What goes to standard output, and the exit code. */
interface Answer {
  readonly text: string;
  readonly exitCode?: number;
}

/**
 * Runs the command line.
 *
 * @param args Its arguments, without the program's name.
 * @returns The exit code: 0; 2 where the arguments make no sense or a file cannot be used, which a line on standard error
 * explains; 130 where an interrupt ended the work early, after what there was by then.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const { text, exitCode } = await answer(args);
    console.log(text);
    return exitCode ?? 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof FileError)) throw error;
    const hint = error instanceof UsageError ? " (--help lists what there is)" : "";
    console.error(`surprisal: ${error.message}${hint}`);
    return 2;
  }
}

/** What the arguments ask for. */
async function answer([name, ...args]: readonly string[]): Promise<Answer> {
  if (name === undefined) throw new UsageError("Missing command");
  if (name.startsWith("-")) {
    const { help } = readArguments([name, ...args], TOP_OPTIONS).values;
    return { text: help ? await describeAll() : manifest.version };
  }
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`Unknown command '${name}'`);
  const command = await COMMANDS[name](), { operands: expected = [] } = command;
  const { values: all, operands } = readArguments(args, { ...command.options, ...COMMAND_OPTIONS }, expected);
  const { help, json, ...values } = all;
  if (help) return { text: describe(name, command) };
  checkOperands(operands, expected);
  const { record, text, exitCode } = await command.run(values, operands);
  return { text: json ? JSON.stringify(record) : text, exitCode };
}

async function describeAll(): Promise<string> {
  const names = Object.keys(COMMANDS);
  const summaries = await Promise.all(names.map(async (name) => [`  ${name}`, (await COMMANDS[name]()).summary]));
  return [
    "Softmax, cross-entropy and KL divergence over large vocabularies",
    "Usage: surprisal <command> [options]",
    `Commands:\n${alignColumns(summaries, ["left", "left"])}`,
    `Options:\n${describeOptions(TOP_OPTIONS)}`,
    "surprisal <command> --help says more about a command.",
  ].join("\n\n");
}

function describe(name: string, { summary, options, operands = [] }: Command): string {
  return [
    summary,
    ["Usage: surprisal", name, ...operands.map(describeOperand), "[options]"].join(" "),
    ...operands.length === 0 ? [] : [`Arguments:\n${describeOperands(operands)}`],
    `Options:\n${describeOptions({ ...options, ...COMMAND_OPTIONS })}`,
  ].join("\n\n");
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
