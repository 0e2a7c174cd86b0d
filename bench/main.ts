/**
 * `deno task bench`: the operations on one thread against hand-written loops, checked before they are timed.
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
import { prepare, type Shape, SHAPES } from "./cases.ts";
import { measure, type Measurement } from "./harness.ts";
import { reader } from "./read_bandwidth.ts";

/** A row of the table. */
interface Row extends Measurement {
  readonly shape: string;
  readonly operation: string;
  /** How many times faster than the loops, by medians. */
  readonly speedup: number;
  /** Of the rate at which WebAssembly reads the same bytes, measured in the same minute. */
  readonly shareOfReadBandwidth: number;
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
  const read = { name: "read", bytes: 4 * rows * vocab, run: await reader(4 * rows * vocab) };
  return prepared.cases.flatMap(({ name, contenders }) => {
    const [bandwidth, ...measured] = measure([read, ...contenders]);
    return measured.map((one) => ({
      ...one,
      shape: `${rows} × ${vocab}`,
      operation: name,
      speedup: measured[0].medianSeconds / one.medianSeconds,
      shareOfReadBandwidth: one.bytesPerSecond / bandwidth.bytesPerSecond,
    }));
  });
}

function line(row: Row): string {
  const milliseconds = (seconds: number) => `${(seconds * 1000).toPrecision(3)} ms`.padStart(10);
  return [
    row.operation.padEnd(15),
    row.name.padEnd(22),
    milliseconds(row.minSeconds),
    milliseconds(row.medianSeconds),
    `±${(100 * row.spread).toFixed(0)} %`.padStart(7),
    `${(row.bytesPerSecond / 1e9).toFixed(2)} GB/s`.padStart(11),
    `${(100 * row.shareOfReadBandwidth).toFixed(0)} %`.padStart(6),
    `${row.speedup.toFixed(1)} ×`.padStart(8),
  ].join(" ");
}

const { values, positionals } = parseArgs({ options: { json: { type: "boolean" } }, allowPositionals: true });
const shapes = positionals.length === 0 ? SHAPES : positionals.map((text): Shape => {
  const [rows, vocab] = text.split("x").map(Number);
  if (rows > 0 && vocab > 0 && Number.isInteger(rows * vocab)) return [rows, vocab];
  throw new RangeError(`"${text}" is not ROWSxVOCAB, such as 512x50257`);
});
const startupMilliseconds = await startup();
const results: Row[] = [];
for (const shape of shapes) {
  const rows = await measureShape(shape);
  results.push(...rows);
  if (values.json) continue;
  console.log(`\n${rows[0].shape}, f32, one thread; bytes moved once, % of WebAssembly's read rate, × the loops`);
  for (const row of rows) console.log(line(row));
}
if (values.json) console.log(JSON.stringify({ startupMilliseconds, results }));
else console.log(`\nImport of mod.ts and the first small cross-entropy: ${startupMilliseconds.toFixed(0)} ms`);
