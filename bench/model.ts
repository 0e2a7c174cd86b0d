/**
 * `deno task bench:model`: the cost model's predictions beside the clock, and what the planner's choices cost.
 *
 * ```sh
 * deno task bench:model                   # all operations, dtypes, shapes, backends and counts of threads
 * deno task bench:model 16x50257          # one shape
 * deno task bench:model --plot model.svg  # the scatter; needs --allow-write, which the task gives
 * deno task bench:model --json
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { CommonOptions, DType } from "../mod.ts";
import { alignColumns } from "../src/cli/table.ts";
import { calibrate, type Candidate, formatSeconds, type Machine, plan } from "../src/cost/mod.ts";
import { parseShapes, type Shape } from "./cases.ts";
import { measure } from "./harness.ts";
import { type Case, CASES, type Operands, plannedInputs, prepare, SHAPES, STORAGE } from "./model/cases.ts";
import { describeErrors, describeRegrets, describeWay, type Point, type Regret } from "./model/report.ts";
import { plotScatter } from "./model/scatter.ts";

/** What is predicted to take longer is not run. */
const PATIENCE_SECONDS = 0.15;

/** Runs of each candidate at least, and seconds. */
const LEAST_RUNS = 5;
const MEASURED_SECONDS = 0.06;

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean" }, plot: { type: "string" } },
  allowPositionals: true,
});

const hasGpu = await globalThis.navigator?.gpu?.requestAdapter() != null;
await calibrate({ webgpu: hasGpu }); // compiles, opens and starts what there is
const start = performance.now();
const machine = await calibrate();
const calibrationSeconds = (performance.now() - start) / 1000;

const points: Point[] = [], regrets: Regret[] = [];
for (const shape of positionals.length > 0 ? parseShapes(positionals) : SHAPES) {
  for (const [place, dtype] of STORAGE) {
    using operands = prepare(shape, place, dtype);
    for (const one of CASES) await compare(one, operands, shape, place, dtype);
  }
  if (!values.json) console.error(`${shape.join(" × ")}: ${points.length} predictions so far`);
}
await report(machine);

/** Runs every candidate of a case in turns. */
async function compare(
  one: Case,
  operands: Operands,
  shape: Shape,
  place: "wasm" | "array",
  dtype: DType,
): Promise<void> {
  const [rows, vocab] = shape;
  const dims = { rows, vocab, ...(one.top && { top: one.top }) };
  const planned = plan(one.operation, dims, { machine, inputs: plannedInputs(one, place, dtype) });
  const isRun = ({ backend, seconds }: Candidate) => seconds < PATIENCE_SECONDS && (backend !== "webgpu" || hasGpu);
  const candidates = planned.candidates.filter(isRun).toSorted((a, b) =>
    Number(a.backend === "webgpu") - Number(b.backend === "webgpu")
  );
  const contenders = candidates.map(({ backend, threads }) => {
    const options: CommonOptions = backend === "wasm" ? { backend, threads } : { backend };
    return { name: backend, bytes: 0, run: async () => void await one.run(operands, options) };
  });
  // A GPU that is a CPU in disguise would keep the processors from the others
  const measured = [
    ...await measure(contenders.filter(({ name }) => name !== "webgpu"), MEASURED_SECONDS, LEAST_RUNS),
    ...await measure(contenders.filter(({ name }) => name === "webgpu"), MEASURED_SECONDS, LEAST_RUNS),
  ];
  const name = `${one.name}, ${dtype} in ${place === "wasm" ? "wasm memory" : "arrays"}, ${rows} × ${vocab}`;
  const times = measured.map(({ medianSeconds }) => medianSeconds);
  candidates.forEach(({ backend, threads, seconds }, i) =>
    points.push({ name, operation: one.name, backend, threads, predictedSeconds: seconds, seconds: times[i] })
  );
  const { winner } = planned;
  const chosen = candidates.findIndex(({ backend, threads }) =>
    backend === winner.backend && threads === winner.threads
  );
  if (chosen >= 0) {
    regrets.push({
      name,
      share: times[chosen] / Math.min(...times) - 1,
      chosen: describeWay(winner),
      best: describeWay(candidates[times.indexOf(Math.min(...times))]),
    });
  }
}

async function report(machine: Machine): Promise<void> {
  if (values.json) console.log(JSON.stringify({ calibrationSeconds, machine, points, regrets }));
  else {
    console.log(`Calibrated in ${formatSeconds(calibrationSeconds)}\n`);
    console.log(alignColumns(describeErrors(points), ["left"]));
    console.log(`\n${describeRegrets(regrets)}`);
  }
  if (values.plot !== undefined) await plotScatter(points, values.plot);
}
