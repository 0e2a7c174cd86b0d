/** Files that commands read and write. */
import { UsageError } from "./command.ts";

/** Whether an error is the file system's. */
export function isOfFiles(error: unknown): error is Error {
  return Object.values(Deno.errors).some((kind) => error instanceof kind);
}

/**
 * Makes sure, before the work, that a file can be written after it; one that is not there is there then, empty.
 *
 * @throws {UsageError} If it cannot be written to.
 */
export async function checkWritable(path: string): Promise<void> {
  await attempt(path, () => Deno.writeFile(path, new Uint8Array(), { append: true }));
}

/**
 * Writes a text.
 *
 * @throws {UsageError} If it cannot be written.
 */
export async function writeText(path: string, text: string): Promise<void> {
  await attempt(path, () => Deno.writeTextFile(path, text));
}

/**
 * Makes a folder, unless there is one.
 *
 * @throws {UsageError} If it cannot be made.
 */
export async function makeFolder(path: string): Promise<void> {
  await attempt(path, () => Deno.mkdir(path, { recursive: true }));
}

async function attempt(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new UsageError(`Cannot write to '${path}': ${error instanceof Error ? error.message : error}`);
  }
}
