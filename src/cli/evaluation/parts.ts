/** Which rows of which files have been evaluated. */
import { readList, readObject, readText, readWhole, wrong } from "./json.ts";

/** Rows of files, from one up to but without another. */
export interface Part {
  /** The files of logits, as they were named. */
  readonly files: readonly string[];
  /** The first row, from 0. */
  readonly from: number;
  /** The row after the last. */
  readonly to: number;
}

/** Two parts have rows in common. */
export class OverlapError extends Error {
  /** "OverlapError". */
  override readonly name = "OverlapError";
}

/**
 * The fewest parts that say the same, in an order that does not depend on theirs.
 *
 * @throws {OverlapError} If rows of the same files are in two of them.
 */
export function joinParts(parts: readonly Part[]): Part[] {
  const joined: Part[] = [];
  for (const part of parts.filter(({ from, to }) => from < to).sort(compare)) {
    const last = joined.at(-1);
    if (last === undefined || keyOf(last) !== keyOf(part) || last.to < part.from) joined.push(part);
    else if (last.to > part.from) {
      const twice = describeRows({ ...part, to: Math.min(last.to, part.to) });
      throw new OverlapError(`rows ${twice} of '${part.files[0]}' come twice`);
    } else joined[joined.length - 1] = { ...last, to: part.to };
  }
  return joined;
}

/** Reads parts, of so many files each. */
export function readParts(json: unknown, where: string, fileCount: number): Part[] {
  return readList(json, where).map((one, i) => {
    const place = `${where}[${i}]`, { files, from, to } = readObject(one, place);
    const names = readList(files, `${place}.files`).map((name, j) => readText(name, `${place}.files[${j}]`));
    if (names.length !== fileCount) throw wrong(files, `${place}.files`, `${fileCount} names`);
    return { files: names, from: readWhole(from, `${place}.from`), to: readWhole(to, `${place}.to`) };
  });
}

/** Rows as the option names them: 0:512. */
export function describeRows({ from, to }: Pick<Part, "from" | "to">): string {
  return `${from}:${to}`;
}

function compare(one: Part, other: Part): number {
  const [a, b] = [keyOf(one), keyOf(other)];
  return a < b ? -1 : a > b ? 1 : one.from - other.from || one.to - other.to;
}

function keyOf({ files }: Part): string {
  return JSON.stringify(files);
}
