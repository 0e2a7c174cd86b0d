/**
 * Opens a file, or none, in a process of its own, whose greatest memory in KiB it prints; for io_memory_test.ts.
 *
 * @module
 */
import { FileFormatError, openRows, readTargets } from "../src/io/mod.ts";

const [what, path] = Deno.args;
try {
  if (what === "targets") await readTargets(path);
  else if (what === "rows") {
    await using reader = await openRows(path);
    const row = { data: new Float32Array(reader.columns), shape: [1, reader.columns] as const };
    while (await reader.read(row) > 0);
  }
} catch (error) {
  if (!(error instanceof FileFormatError)) throw error;
}
const [, peak] = (await Deno.readTextFile("/proc/self/status")).match(/VmHWM:\s*(\d+) kB/) ?? [];
console.log(peak);
