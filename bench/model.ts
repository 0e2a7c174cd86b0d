/**
 * `deno task bench:model`: the cost model's predictions beside the clock, and what the planner's choices cost.
 *
 * ```sh
 * deno task bench:model                   # all operations, dtypes, shapes, backends and counts of threads
 * deno task bench:model 16x50257          # one shape of logits
 * deno task bench:model --operation linearCrossEntropy
 * deno task bench:model --methods         # what sampled and adaptive softmax buy, and nothing else
 * deno task bench:model --plot model.svg  # the scatter; needs --allow-write, which the task gives
 * deno task bench:model --json
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { CommonOptions } from "../mod.ts";
import { alignColumns } from "../src/cli/table.ts";
import { calibrate, type Candidate, formatSeconds, type Machine, plan, type PlannedInputs } from "../src/cost/mod.ts";
import { parseShapes } from "./cases.ts";
import { measure } from "./harness.ts";
import { type Case, CASES, plannedInputs, prepare, SHAPES, STORAGE } from "./model/cases.ts";
import { LINEAR_CASES, LINEAR_SHAPES, LINEAR_STORAGE, plannedLinear, prepareLinear } from "./model/linear.ts";
import { compareMethods, METHODS_SHAPE } from "./model/methods.ts";
import {
  describeErrors,
  describeMethods,
  describeRegrets,
  describeWay,
  type Point,
  type Regret,
} from "./model/report.ts";
import { plotScatter } from "./model/scatter.ts";

/** What is predicted to take longer is not run; of products more is waited for, which take longer than logits. */
const PATIENCE_SECONDS = 0.15;
const LINEAR_PATIENCE_SECONDS = 1.2;

/** Runs of each candidate at least, and seconds. */
const LEAST_RUNS = 5;
const MEASURED_SECONDS = 0.06;

const { values, positionals } = parseArgs({
  options: {
    json: { type: "boolean" },
    methods: { type: "boolean" },
    operation: { type: "string" },
    plot: { type: "string" },
  },
  allowPositionals: true,
});

const hasGpu = await globalThis.navigator?.gpu?.requestAdapter() != null;
await calibrate({ webgpu: hasGpu }); // compiles, opens and starts what there is
const start = performance.now();
const machine = await calibrate();
const calibrationSeconds = (performance.now() - start) / 1000;

const points: Point[] = [], regrets: Regret[] = [];
const isWanted = ({ operation }: { readonly operation: string }) =>
  !values.methods && operation === (values.operation ?? operation);
const [cases, linearCases] = [CASES.filter(isWanted), LINEAR_CASES.filter(isWanted)];
for (const shape of positionals.length > 0 ? parseShapes(positionals) : cases.length > 0 ? SHAPES : []) {
  const [rows, vocab] = shape;
  for (const [place, dtype] of STORAGE) {
    using operands = prepare(shape, place, dtype);
    for (const one of cases) {
      const dims = { rows, vocab, ...(one.top && { top: one.top }) };
      await compare(one, operands, dims, plannedInputs(one, place, dtype), PATIENCE_SECONDS);
    }
  }
  tell(shape);
}
for (const shape of positionals.length > 0 || linearCases.length === 0 ? [] : LINEAR_SHAPES) {
  const [rows, hidden, vocab] = shape;
  for (const [place, dtype] of LINEAR_STORAGE) {
    using operands = prepareLinear(shape, place, dtype);
    for (const one of linearCases) {
      await compare(one, operands, { rows, hidden, vocab }, plannedLinear(one, place, dtype), LINEAR_PATIENCE_SECONDS);
    }
  }
  tell(shape);
}
const methods = values.operation === undefined && positionals.length === 0
  ? await compareMethods(METHODS_SHAPE, machine)
  : [];
await report(machine);

function tell(shape: readonly number[]): void {
  if (!values.json) console.error(`${shape.join(" × ")}: ${points.length} predictions so far`);
}

/** Runs every candidate of a case in turns. */
async function compare<Given>(
  one: Case<Given>,
  operands: Given,
  dims: Readonly<Record<string, number>>,
  inputs: PlannedInputs,
  patienceSeconds: number,
): Promise<void> {
  const planned = plan(one.operation, dims, { machine, inputs });
  const isRun = ({ backend, seconds }: Candidate) => seconds < patienceSeconds && (backend !== "webgpu" || hasGpu);
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
  const { top: _, ...sizes } = dims, where = inputs.place === "wasm" ? "wasm memory" : "arrays";
  const name = `${one.name}, ${inputs.dtype} in ${where}, ${Object.values(sizes).join(" × ")}`;
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
  if (values.json) console.log(JSON.stringify({ calibrationSeconds, machine, points, regrets, methods }));
  else {
    console.log(`Calibrated in ${formatSeconds(calibrationSeconds)}\n`);
    if (points.length > 0) {
      console.log(alignColumns(describeErrors(points), ["left"]));
      console.log(`\n${describeRegrets(regrets)}\n`);
    }
    if (methods.length > 0) {
      console.log(
        `Loss and gradients of ${METHODS_SHAPE.join(" × ")} (rows, hidden, classes), f32, ${machine.cores} threads\n`,
      );
      console.log(alignColumns(describeMethods(methods), ["left"]));
    }
  }
  if (values.plot !== undefined) await plotScatter(points, values.plot);
}
