/**
 * `deno task bench:rivals`: the operations against other JavaScript libraries, on one thread and on two, each checked
 * against f64 before it is timed. The libraries come from npm when this runs, and only then.
 *
 * ```sh
 * deno task bench:rivals            # every shape
 * deno task bench:rivals 512x50257  # one
 * deno task bench:rivals 512x768x50257  # the losses of a head: rows, hidden numbers, classes
 * deno task bench:rivals --json
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import { parseShapes } from "./cases.ts";
import { parseHead } from "./rivals/head/problem.ts";
import { formatHead, type MeasuredHead } from "./rivals/head/report.ts";
import type { HeadRow } from "./rivals/head/timing.ts";
import { OURS } from "./rivals/libraries.ts";
import { formatReport, type Row } from "./rivals/report.ts";
import type { Timed, TimingReport } from "./rivals/timing.ts";

/** Numbers of threads; each has a process of its own, as ONNX Runtime Web fixes its number for a process. */
const THREADS = [1, 2];

/** Runs a file of bench/rivals in a fresh process and returns the JSON of its last line. */
async function runProcess<Result>(file: string, limitSeconds: number, ...args: readonly string[]): Promise<Result> {
  const path = new URL(`rivals/${file}`, import.meta.url).href;
  const flags = ["-A", "--no-lock", "--v8-flags=--expose-gc"];
  const signal = AbortSignal.timeout(1000 * limitSeconds);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, path, ...args],
    stderr: "inherit",
    signal,
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`${file} ${args.join(" ")} ${signal.aborted ? "never returned" : "failed"}`);
  return JSON.parse(new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1) ?? "");
}

/** Tries a second time: the threads of ONNX Runtime Web can wait for each other for ever under Deno. */
async function insist<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    console.error(String(error), "- once more");
    return await run();
  }
}

async function addMemory(one: Timed, threads: number, shape: string, ours: Timed | undefined): Promise<Row> {
  const args = [one.name, String(threads), shape, one.operation, String(one.formulation)];
  const oursIsFasterBy = ours === undefined ? null : one.medianSeconds / ours.medianSeconds;
  const peakBytes = await insist(() => runProcess<number | null>("memory.ts", 60, ...args));
  return { ...one, peakBytes, oursIsFasterBy };
}

async function measureShape(threads: number, shape: string): Promise<{ rows: Row[]; notes: TimingReport["notes"] }> {
  const { results, notes } = await insist(() => runProcess<TimingReport>("timing.ts", 600, String(threads), shape));
  const timed = results.flatMap((one) => "failure" in one ? [] : [one]);
  const rows: Row[] = [];
  for (const one of results) {
    const ours = timed.find(({ name, operation }) => name === OURS && operation === one.operation);
    rows.push("failure" in one ? one : await addMemory(one, threads, shape, ours));
  }
  return { rows, notes };
}

async function measureHead(threads: number, shape: string): Promise<MeasuredHead[]> {
  const rows = await insist(() => runProcess<HeadRow[]>("head/timing.ts", 1200, String(threads), shape));
  const measured: MeasuredHead[] = [];
  for (const row of rows) {
    const args = [String(threads), shape, row.name, row.operation];
    const isMeasured = !("failure" in row);
    const peakBytes = isMeasured ? await insist(() => runProcess<number | null>("head/memory.ts", 120, ...args)) : null;
    measured.push({ ...row, peakBytes });
  }
  return measured;
}

/** The head that is measured where the command line names nothing: GPT-2's, of 512 positions. */
const HEAD = "512x768x50257";

const { values, positionals } = parseArgs({ options: { json: { type: "boolean" } }, allowPositionals: true });
const everything: (Row & { readonly shape: string; readonly threads: number })[] = [];
const heads = positionals.length === 0 ? [HEAD] : positionals.filter((text) => parseHead(text) !== undefined);
const others = positionals.filter((text) => !heads.includes(text));
for (const [rows, vocab] of others.length === 0 && positionals.length > 0 ? [] : parseShapes(others)) {
  const shape = `${rows}x${vocab}`;
  for (const threads of THREADS) {
    const measured = await measureShape(threads, shape);
    everything.push(...measured.rows.map((row) => ({ ...row, shape, threads })));
    if (!values.json) console.log(formatReport(shape, threads, measured.rows, measured.notes));
  }
}
const measuredHeads: (MeasuredHead & { readonly shape: string; readonly threads: number })[] = [];
for (const shape of heads) {
  for (const threads of THREADS) {
    const rows = await measureHead(threads, shape);
    measuredHeads.push(...rows.map((row) => ({ ...row, shape, threads })));
    if (!values.json) console.log(formatHead(shape, threads, rows));
  }
}
if (values.json) console.log(JSON.stringify({ results: everything, heads: measuredHeads }));
