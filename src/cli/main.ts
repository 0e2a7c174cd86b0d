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
import { type Command, describeOptions, type Options, readValues, UsageError } from "./command.ts";
import { alignColumns } from "./table.ts";

/** The commands; each loads only when it is asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  plan: async () => (await import("./plan.ts")).plan,
  doctor: async () => (await import("./doctor.ts")).doctor,
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

/**
 * Runs the command line.
 *
 * @param args Its arguments, without the program's name.
 * @returns The exit code: 0, or 2 where the arguments make no sense, which a line on standard error explains.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    console.log(await answer(args));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`surprisal: ${error.message} (--help lists what there is)`);
    return 2;
  }
}

/** What the arguments ask for, as text for standard output. */
async function answer([name, ...args]: readonly string[]): Promise<string> {
  if (name === undefined) throw new UsageError("Missing command");
  if (name.startsWith("-")) {
    const { help } = readValues([name, ...args], TOP_OPTIONS);
    return help ? await describeAll() : manifest.version;
  }
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`Unknown command '${name}'`);
  const command = await COMMANDS[name]();
  const { help, json, ...values } = readValues(args, { ...command.options, ...COMMAND_OPTIONS });
  if (help) return describe(name, command);
  const { record, text } = await command.run(values);
  return json ? JSON.stringify(record) : text;
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

function describe(name: string, { summary, options }: Command): string {
  return [
    summary,
    `Usage: surprisal ${name} [options]`,
    `Options:\n${describeOptions({ ...options, ...COMMAND_OPTIONS })}`,
  ].join("\n\n");
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
