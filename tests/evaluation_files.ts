/**
 * Small files of logits and targets, and the command line over them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { CompareSummary } from "../src/cli/evaluation/compare/summary.ts";
import type { ScoreSummary } from "../src/cli/evaluation/score/summary.ts";
import { commandLine } from "./command_line.ts";

/** The command line with the permissions that the task gives it. */
export const surprisal = commandLine("--allow-read", "--allow-write");

/** What `--json` prints of a run. */
export type Record<Summary> = Summary & {
  readonly measured?: { readonly seconds: number; readonly rowsPerSecond: number; readonly bytesPerSecond: number };
  readonly interrupted?: { readonly done: number; readonly of: number };
};

/** Writes rows of logits as a tensor of a file; `columns` says how many there are where there is no row. */
export async function writeLogits(
  path: string,
  dtype: "f32" | "f16" | "bf16",
  rows: readonly (readonly number[])[],
  columns = rows[0].length,
): Promise<void> {
  const all = Float32Array.from(rows.flat());
  const data = dtype === "f32" ? all : dtype === "f16" ? Float16Array.from(all) : bf16(all);
  const tensor = { dtype: dtype.toUpperCase(), shape: [rows.length, columns], data_offsets: [0, data.byteLength] };
  const header = new TextEncoder().encode(JSON.stringify({ logits: tensor }).padEnd(120)), size = new BigUint64Array(1);
  size[0] = BigInt(header.length);
  await Deno.writeFile(path, new Blob([size, header, data]).stream());
}

function bf16(values: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(new Uint32Array(values.buffer), (bits) => (bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
}

/** Writes targets as a text. */
export async function writeTargets(path: string, targets: readonly number[]): Promise<void> {
  await Deno.writeTextFile(path, targets.join("\n") + "\n");
}

/** The numbers of a scoring, which succeeds. */
export async function score(...args: string[]): Promise<Record<ScoreSummary>> {
  return await recordOf("score", ...args) as Record<ScoreSummary>;
}

/** The numbers of a comparison, which succeeds. */
export async function compare(...args: string[]): Promise<Record<CompareSummary>> {
  return await recordOf("compare", ...args) as Record<CompareSummary>;
}

/** What a command prints in JSON, without what the machine took. */
export async function recordOf(...args: string[]): Promise<unknown> {
  const { code, out, err } = await surprisal(...args, "--json");
  assertEquals(code, 0, err);
  const { measured: _, ...numbers } = JSON.parse(out);
  return numbers;
}

/** Checks that a command refuses arguments with code 2 and a line that names what is wrong. */
export async function assertRefused(named: string, ...args: string[]): Promise<void> {
  const { code, out, err } = await surprisal(...args);
  assertEquals([code, out], [2, ""], args.join(" ") + err);
  const line = err.replaceAll(/^(scoring|comparing) .*\n\n?/gm, "");
  assertEquals([/^surprisal: .*\n$/.test(line), line.includes(named)], [true, true], `${named}: ${err}`);
}
