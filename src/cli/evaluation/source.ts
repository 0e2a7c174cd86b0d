/** Files of logits and of targets, opened and checked against one another. */
import { FileFormatError, openRows, readTargets, type RowReader } from "../../io/mod.ts";
import { FileError, UsageError } from "../command.ts";
import { isOfFiles } from "../files.ts";
import type { Request } from "./request.ts";

/** A file of logits. */
export interface Source {
  /** As it was named. */
  readonly name: string;
  /** Its rows. */
  readonly reader: RowReader;
}

/** What an evaluation reads. Disposing closes the files. */
export interface Sources extends AsyncDisposable {
  /** The files of logits. */
  readonly files: readonly Source[];
  /** The token that came, for each row. */
  readonly targets?: Int32Array;
  /** Columns that are looked at. */
  readonly vocab: number;
  /** The first row. */
  readonly from: number;
  /** The row after the last. */
  readonly to: number;
}

/**
 * Opens files of logits and reads their targets.
 *
 * @throws {FileError} If a file cannot be read, or they do not fit one another.
 * @throws {UsageError} If rows are asked for that there are not.
 */
export async function openSources(names: readonly string[], request: Request): Promise<Sources> {
  await using stack = new AsyncDisposableStack();
  const files: Source[] = [];
  for (const [i, name] of names.entries()) {
    const options = { tensor: request.tensors[i], dtype: request.dtype };
    files.push({ name, reader: stack.use(await reading(name, () => openRows(pathOf(name, request), options))) });
  }
  const vocab = vocabOf(files, request.isTruncating), [{ reader: { rows } }] = files;
  const targets = await targetsOf(files, vocab, request), { from, to = rows } = request;
  if (to > rows || from > rows) {
    throw new UsageError(`Option '--rows' goes to row ${Math.max(from, to)}: '${names[0]}' has ${rows}`);
  }
  const opened = stack.move();
  return { files, targets, vocab, from, to, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/**
 * Does something with a file.
 *
 * @throws {FileError} If the file is to blame.
 */
export async function reading<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FileFormatError) throw new FileError(error.message);
    if (isOfFiles(error)) throw new FileError(`Cannot read '${name}': ${error.message}`);
    throw error;
  }
}

function pathOf(name: string, { folder }: Request): string {
  return folder === undefined ? name : `${folder}/${name}`;
}

function vocabOf([first, ...others]: readonly Source[], isTruncating: boolean): number {
  const { rows, columns } = first.reader;
  for (const { name, reader } of others) {
    const pair = `'${first.name}' and '${name}'`;
    if (reader.rows !== rows) throw new FileError(`${pair} have ${rows} and ${reader.rows} rows`);
    if (reader.columns !== columns && !isTruncating) {
      const both = `${columns} and ${reader.columns} classes`;
      throw new FileError(`${pair} have ${both}; --truncate compares the first ${Math.min(columns, reader.columns)}`);
    }
  }
  return Math.min(columns, ...others.map(({ reader }) => reader.columns));
}

async function targetsOf(files: readonly Source[], vocab: number, request: Request): Promise<Int32Array | undefined> {
  const [{ name, reader: { targets: own, rows } }] = files, { targets: path, ignoreIndex } = request;
  const targets = path === undefined ? own : await reading(path, () => readTargets(pathOf(path, request)));
  if (targets === undefined) return undefined;
  const owner = path ?? name;
  if (targets.length !== rows) throw new FileError(`'${owner}' has ${targets.length} targets, '${name}' ${rows} rows`);
  const stray = targets.findIndex((target) => target !== ignoreIndex && (target < 0 || target >= vocab));
  if (stray >= 0) {
    throw new FileError(`'${owner}': the target of row ${stray} is ${targets[stray]}, of ${vocab} classes`);
  }
  return targets;
}
