/** Partial results in files, and their merger. */
import { FileError } from "../command.ts";
import { isOfFiles } from "../files.ts";
import type { Evaluation, KindName } from "./evaluation.ts";
import { MalformedError, readObject, wrong } from "./json.ts";
import { joinParts, OverlapError, type Part, readParts } from "./parts.ts";
import { differenceOf, readSettings, type Settings } from "./settings.ts";
import { absorb } from "./state.ts";

/** What the files say they are. */
const FORMAT = "surprisal partial result", VERSION = 1;

/** How many files of logits each kind has. */
const FILES: Readonly<Record<KindName, number>> = { score: 1, compare: 2 };

/** An evaluation of some rows, whose accumulators are still as they were written. */
export interface Partial {
  readonly kind: KindName;
  readonly settings: Settings;
  readonly parts: readonly Part[];
  readonly state: unknown;
}

/** An evaluation of some rows as a text. */
export function writePartial({ kind, settings, state }: Evaluation, parts: readonly Part[]): string {
  return JSON.stringify({ format: FORMAT, version: VERSION, kind, settings, parts: joinParts(parts), state }) + "\n";
}

/**
 * What a file says.
 *
 * @throws {FileError} If it cannot be read, or is no partial result.
 */
export async function readPartial(path: string): Promise<Partial> {
  try {
    const json: unknown = JSON.parse(await Deno.readTextFile(path));
    const { format, version, kind, settings, parts, state } = readObject(json, "it");
    if (format !== FORMAT) throw new MalformedError("it does not say that it is one");
    if (version !== VERSION) throw wrong(version, "version", String(VERSION));
    if (kind !== "score" && kind !== "compare") throw wrong(kind, "kind", "score or compare");
    const found = readSettings(settings, "settings"), files = FILES[kind];
    if (found.stored.length !== files) throw wrong(found.stored, "settings.stored", `a list of ${files}`);
    return { kind, settings: found, parts: readParts(parts, "parts", files), state };
  } catch (error) {
    throw asFileError(path, error);
  }
}

/**
 * Merges what files say into an evaluation that `create` makes for them.
 *
 * @throws {FileError} If a file is no partial result, or they do not belong together.
 */
export async function mergePartials(
  paths: readonly string[],
  create: (kind: KindName, settings: Settings) => Evaluation,
): Promise<{ readonly evaluation: Evaluation; readonly parts: readonly Part[] }> {
  const [first] = paths, { kind, settings } = await readPartial(first);
  const evaluation = create(kind, settings);
  let parts: readonly Part[] = [];
  for (const path of paths) {
    const partial = await readPartial(path);
    const difference = partial.kind === kind ? differenceOf(settings, partial.settings) : ["kind", kind, partial.kind];
    if (difference !== undefined) {
      const [name, ours, theirs] = difference;
      throw new FileError(`Cannot merge '${path}' with '${first}': its ${name} is ${theirs}, not ${ours}`);
    }
    try {
      parts = joinParts([...parts, ...partial.parts]);
      absorb(evaluation.state, partial.state, "state");
    } catch (error) {
      throw asFileError(path, error);
    }
  }
  return { evaluation, parts };
}

function asFileError(path: string, error: unknown): unknown {
  if (error instanceof OverlapError) return new FileError(`Cannot merge '${path}': ${error.message}`);
  if (error instanceof MalformedError || error instanceof SyntaxError) {
    return new FileError(`'${path}' is no partial result: ${error.message}`);
  }
  return isOfFiles(error) ? new FileError(`Cannot read '${path}': ${error.message}`) : error;
}
