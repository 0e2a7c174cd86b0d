/**
 * Keeps the house in order: `deno task check`, `deno task test` and `deno task ok`.
 *
 * @module
 */
import { existsSync } from "node:fs";
import manifest from "../deno.json" with { type: "json" };
import { openToolchain, type Toolchain } from "./toolchain.ts";

/** What has types of its own; AssemblyScript's are checked by its own compiler. */
const TYPED = ["mod.ts", "src", "tests", "bench", "assembly/build.ts"];

/** What has tests, or examples in its documentation. */
const TESTED = ["mod.ts", "src", "tests", "README.md"];

/** Each gate in order: its name and the `deno` sub-command that must succeed. */
const GATES: readonly Gate[] = [
  ["fmt --check", "fmt", "--check"],
  ["lint", "lint"],
  ["check", "check", ...TYPED],
  ["asc --noEmit", "run", "-A", "assembly/build.ts", "--types"],
  ["build --check", "run", "-A", "assembly/build.ts", "--check"],
  ["doc --lint", "doc", "--lint", ...Object.values(manifest.exports)],
  ["test", "test"],
  ["publish --dry-run", "publish", "--dry-run", "--allow-dirty"],
];

type Gate = readonly [name: string, subcommand: string, ...args: string[]];

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Runs the tests and the documented examples, and counts them from the runner's JUnit report. */
async function runTests(deno: Toolchain, args: readonly string[]): Promise<Counts> {
  const report = Deno.makeTempFileSync({ suffix: ".xml" });
  try {
    const paths = args.some((arg) => existsSync(arg)) ? [] : TESTED;
    const success = await deno.run("test", "-A", "--doc", "--junit-path", report, ...args, ...paths);
    return count(Deno.readTextFileSync(report), success);
  } finally {
    Deno.removeSync(report);
  }
}

/** A module that does not load or type-check leaves no test case in the report: it counts as one failure. */
function count(xml: string, success: boolean): Counts {
  const occurrences = (tag: RegExp) => xml.match(tag)?.length ?? 0;
  const skipped = occurrences(/<skipped/g);
  const failed = occurrences(/<(failure|error) /g);
  const passed = occurrences(/<testcase /g) - failed - skipped;
  return { passed, failed: failed === 0 && !success ? 1 : failed, skipped };
}

function isGood({ passed, failed }: Counts): boolean {
  return passed > 0 && failed === 0;
}

/** The closing line, always the last. */
function close(counts: Counts): void {
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}

/** Runs every gate up to the first that fails, each between its name and its seconds. */
async function runGates(deno: Toolchain): Promise<boolean> {
  let counts: Counts | undefined;
  let success = true;
  for (const [name, subcommand, ...args] of GATES) {
    console.log(`── ${name}`);
    const start = performance.now();
    if (subcommand === "test") success = isGood(counts = await runTests(deno, args));
    else success = await deno.run(subcommand, ...args);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(success ? `── ${name}: ${seconds} s\n` : `── ${name} FAILED after ${seconds} s: stopped here`);
    if (!success) break;
  }
  if (counts !== undefined) close(counts);
  return success;
}

async function main(command: string, args: readonly string[]): Promise<boolean> {
  using deno = await openToolchain();
  if (command === "ok") return await runGates(deno);
  if (command !== "test") return await deno.run(command, ...args, ...TYPED);
  const counts = await runTests(deno, args);
  close(counts);
  return isGood(counts);
}

if (import.meta.main) {
  const [command = "ok", ...args] = Deno.args;
  Deno.exitCode = await main(command, args) ? 0 : 1;
}
