/**
 * `deno task bench:webgpu`: the operations on a GPU, checked against WebAssembly before they are timed. Matrices that
 * lie there by its own clock, beside copies between buffers; arrays of the CPU, and jax-js from npm, by the wall clock.
 *
 * ```sh
 * deno task bench:webgpu            # every shape
 * deno task bench:webgpu 512x50257  # one
 * deno task bench:webgpu --json
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { DType } from "../mod.ts";
import { formatBytes } from "../src/cost/mod.ts";
import { parseShapes, type Shape, SHAPES } from "./cases.ts";
import { summarise } from "./harness.ts";
import { brief } from "./rivals/choose.ts";
import { formatRate, formatShape } from "./table.ts";
import { Copier } from "./webgpu/copy.ts";
import { DoesNotFit, hasClock, type OpenDevice, openDevice } from "./webgpu/device.ts";
import { Filler } from "./webgpu/fill.ts";
import { formatAtOnce, formatEndToEnd, formatGroup, formatRivals, formatVerdicts } from "./webgpu/report.ts";
import { type Bench, clockCalls, measureResident, type Row } from "./webgpu/resident.ts";
import { measureRivals } from "./webgpu/rival.ts";
import { measureAtOnce, measureEndToEnd } from "./webgpu/typed_arrays.ts";
import { BATCH, judge, TOKEN } from "./webgpu/verdict.ts";

/** What is measured: on a GPU, and on a CPU in disguise, where it only shows that all works. */
const PLANS = {
  gpu: {
    shapes: [...SHAPES, TOKEN, BATCH],
    wholeCalls: [[512, 50_257], [1, 128_256]],
    rivals: [512, 50_257],
    copyBytes: 512 * 2 ** 20,
    effort: { repetitions: 20, wallSeconds: 0.2 },
  },
  fallback: {
    shapes: [[32, 32_000], [9, 50_257], TOKEN],
    wholeCalls: [[64, 50_257], [1, 128_256]],
    rivals: [32, 32_000],
    copyBytes: 32 * 2 ** 20,
    effort: { repetitions: 3, wallSeconds: 0.05 },
  },
} as const satisfies Record<string, Plan>;

interface Plan {
  readonly shapes: readonly Shape[];
  /** From typed arrays. */
  readonly wholeCalls: readonly Shape[];
  readonly rivals: Shape;
  readonly copyBytes: number;
  readonly effort: Bench["effort"];
}

/** The vocabulary of the calls at once. */
const AT_ONCE_VOCAB = 50_257;

/** Elements of a matrix beyond which one half-precision dtype stands for both. */
const LARGE = 2 ** 30;

function dtypesOf([rows, vocab]: Shape): readonly DType[] {
  return rows * vocab > LARGE ? ["f32", "bf16"] : ["f32", "f16", "bf16"];
}

/** The copies by both clocks, which should agree. */
async function measureCopy({ device, copier, effort }: Bench) {
  const wall = summarise("wall", copier.bytes, await clockCalls(device, effort, () => copier.run()));
  const timed = await copier.read();
  return [...timed.length > 0 ? [summarise("GPU", copier.bytes, timed)] : [], wall];
}

/** Every operation at every shape and dtype that there is room for. */
async function measureShapes(bench: Bench, shapes: readonly Shape[], say: (text: string) => void) {
  const results: Row[] = [], skipped: string[] = [];
  for (const shape of shapes) {
    for (const dtype of dtypesOf(shape)) {
      const what = `${formatShape(shape)}, ${dtype}`;
      try {
        const group = await measureResident(bench, shape, dtype);
        results.push(...group.rows);
        say(formatGroup(shape, dtype, group));
      } catch (error) {
        if (!(error instanceof DoesNotFit)) throw new Error(`${what}: ${brief(error)}`, { cause: error });
        skipped.push(`${what}: skipped, ${error.message}`);
        say(`\n${skipped.at(-1)}`);
      }
    }
  }
  return { results, skipped };
}

async function main(opened: OpenDevice, shapes: readonly Shape[], isJson: boolean): Promise<void> {
  const { device, name, isFallback } = opened, plan: Plan = isFallback ? PLANS.fallback : PLANS.gpu;
  const { effort, copyBytes } = plan, filler = new Filler(device);
  const say = isJson ? () => {} : (text: string) => console.log(text);
  const disguise = `a CPU in disguise, so ${effort.repetitions} runs of small shapes, and no verdict on a GPU`;
  say(isFallback ? `${name}: ${disguise}` : name);
  if (!hasClock(device)) say("It has no timestamps: all is told by the wall clock");
  using copier = await Copier.open(device, filler, copyBytes);
  const bench: Bench = { device, copier, filler, effort };
  const copies = await measureCopy(bench);
  say(`Copies of ${formatBytes(copier.bytes / 2)}, which also empty the caches between timed runs:`);
  for (const copy of copies) say(`  by the ${copy.name} clock ${formatRate(copy).join(", ")}`);

  const resident = await measureShapes(bench, shapes.length > 0 ? shapes : plan.shapes, say);
  const endToEnd = [];
  for (const shape of plan.wholeCalls) endToEnd.push(...await measureEndToEnd(device, shape));
  say(formatEndToEnd(endToEnd));
  const atOnce = await measureAtOnce(device, AT_ONCE_VOCAB);
  say(formatAtOnce(AT_ONCE_VOCAB, atOnce));
  const rivals = await measureRivals(device, plan.rivals);
  say(formatRivals(rivals));
  const verdicts = isFallback ? [] : judge(resident.results);
  if (!isFallback) say(formatVerdicts(verdicts));
  if (!isJson) return;
  console.log(JSON.stringify({ adapter: name, isFallback, copies, ...resident, endToEnd, atOnce, rivals, verdicts }));
}

const { values, positionals } = parseArgs({ options: { json: { type: "boolean" } }, allowPositionals: true });
const shapes = positionals.length > 0 ? parseShapes(positionals) : [];
const opened = await openDevice();
if (typeof opened === "string") {
  console.error(`There is no GPU to measure; looked for ${opened}`);
  Deno.exit(1);
}
await main(opened, shapes, values.json ?? false);
// The rival's device would keep the process alive
Deno.exit();
