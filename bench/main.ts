/**
 * `deno task bench`: the operations against hand-written loops, checked before they are timed; on one thread, but where the
 * table says "all cores".
 *
 * ```sh
 * deno task bench            # every shape
 * deno task bench 512x50257  # one
 * deno task bench --json
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import { alignColumns } from "../src/cli/table.ts";
import { parseShapes, prepare, type Shape } from "./cases.ts";
import { measure } from "./harness.ts";
import { reader } from "./read_bandwidth.ts";
import { formatMilliseconds, formatSpeed, formatTimes, type Rated } from "./table.ts";

/** A row of the table. */
interface Row extends Rated {
  readonly shape: string;
  readonly operation: string;
  /** How many times faster than the loops, by medians. */
  readonly speedup: number;
}

/** Milliseconds from nothing to a first small loss, in a fresh process. */
async function startup(): Promise<number> {
  const module = new URL("../mod.ts", import.meta.url).href;
  const code = `const start = performance.now();
const { crossEntropy } = await import("${module}");
await crossEntropy({ data: new Float32Array(8), shape: [2, 4] }, [0, 1]);
console.log(performance.now() - start);`;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--no-check", code] }).output();
  return Number(new TextDecoder().decode(stdout));
}

async function measureShape(shape: Shape): Promise<Row[]> {
  using prepared = prepare(shape);
  const [rows, vocab] = shape;
  const read = { name: "read", bytes: 4 * rows * vocab, run: await reader(4 * rows * vocab, 1) };
  const results: Row[] = [];
  for (const { name, contenders } of prepared.cases) {
    const [bandwidth, ...measured] = await measure([read, ...contenders]);
    results.push(...measured.map((one) => ({
      ...one,
      shape: `${rows} × ${vocab}`,
      operation: name,
      speedup: measured[0].medianSeconds / one.medianSeconds,
      shareOfReadBandwidth: one.bytesPerSecond / bandwidth.bytesPerSecond,
    })));
  }
  return results;
}

function cells(row: Row): string[] {
  return [row.operation, row.name, formatMilliseconds(row.minSeconds), ...formatSpeed(row), formatTimes(row.speedup)];
}

const { values, positionals } = parseArgs({ options: { json: { type: "boolean" } }, allowPositionals: true });
const startupMilliseconds = await startup();
const results: Row[] = [];
for (const shape of parseShapes(positionals)) {
  const rows = await measureShape(shape);
  results.push(...rows);
  if (values.json) continue;
  console.log(
    `\n${rows[0].shape}, f32; bytes moved once, % of the rate at which one thread of WebAssembly reads, × the loops`,
  );
  console.log(alignColumns(rows.map(cells), ["left", "left"]));
}
if (values.json) console.log(JSON.stringify({ startupMilliseconds, results }));
else console.log(`\nImport of mod.ts and the first small cross-entropy: ${startupMilliseconds.toFixed(0)} ms`);
