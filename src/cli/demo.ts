/** `surprisal demo`: language models over GPT-2's vocabulary, trained and scored on a real book. */
import type { CommonOptions } from "../../mod.ts";
import { type Command, readChoice, readCount, UsageError, type Values } from "./command.ts";
import type { DemoOptions } from "./demo/run.ts";
import type { LearningCurves } from "./demo/training/chart.ts";
import type { Limit } from "./demo/training/train.ts";
import { checkWritable, makeFolder } from "./files.ts";
import { checkPlotPath, renderChart } from "./plan/render.ts";

const BACKENDS = ["auto", "wasm", "reference"] as const satisfies readonly CommonOptions["backend"][];

/** Positions of a batch unless told otherwise. */
const BATCH = 64;

/** The largest batch: its logits and their two rounded copies fit into WebAssembly memory. */
const MAX_BATCH = 8192;

/** Held-out positions whose logits are written to files, at most: 77 MB in two of them. */
const FILE_ROWS = 256;

/** How long each method trains unless told otherwise. */
const SECONDS = 75;

/** The same for a quick look, and how many tokens are scored then. */
const QUICK_SECONDS = 8, QUICK_LIMIT = 4096;

/** The command. */
export const demo: Command = {
  summary: "Score language models over GPT-2's vocabulary on a real book, Moby-Dick",
  options: {
    batch: {
      type: "string",
      value: "rows",
      default: String(BATCH),
      description: "Positions whose logits are in memory at once",
    },
    limit: { type: "string", value: "tokens", description: "Score only the first of the held-out tokens" },
    backend: {
      type: "string",
      value: "name",
      default: "auto",
      description: `Where to compute: ${BACKENDS.join(", ")}`,
    },
    keep: {
      type: "string",
      value: "folder",
      description: `Keep the files of logits, ${FILE_ROWS} rows as f32 and bf16, that surprisal compare is shown with`,
    },
    train: {
      type: "boolean",
      description: `Then train a neural model, for ${SECONDS} s by each of three losses`,
    },
    quick: {
      type: "boolean",
      description: `The same in less than a minute: ${QUICK_SECONDS} s each, ${QUICK_LIMIT} tokens scored`,
    },
    seconds: { type: "string", value: "count", description: "Train for so many seconds" },
    steps: { type: "string", value: "count", description: "Train for so many steps, with the same numbers every time" },
    plot: { type: "string", value: "file.svg|png", description: "Draw how the held-out perplexity fell" },
  },
  async run(values) {
    const options = readOptions(values), { plot } = values;
    if (plot !== undefined) await checkWritable(String(plot));
    if (options.folder !== undefined) await makeFolder(options.folder);
    const [{ runDemo }, { describeSummary }] = await Promise.all([import("./demo/run.ts"), import("./demo/report.ts")]);
    const { summary, comparison, training } = await runDemo(options), { exitCode } = comparison;
    const record = { ...summary, comparison: comparison.record };
    const text = `${describeSummary(summary)}\n\n${comparison.text}`;
    if (training === undefined) return { record, text, exitCode };
    const { curvesOf, describeTraining } = await import("./demo/training/report.ts");
    if (plot !== undefined) await draw(String(plot), curvesOf(training));
    return {
      record: { ...record, training },
      text: `${text}\n\n${describeTraining(training)}`,
      exitCode,
    };
  },
};

function readOptions(values: Values): DemoOptions {
  const isTraining = values.train === true || values.quick === true;
  const stray = ["seconds", "steps", "plot"].find((name) => values[name] !== undefined && !isTraining);
  if (stray !== undefined) throw new UsageError(`Option '--${stray}' needs '--train' or '--quick'`);
  if (values.plot !== undefined) checkPlotPath(String(values.plot));
  return {
    batch: readCount(values, "batch", BATCH, MAX_BATCH),
    limit: readCount(values, "limit", values.quick === true ? QUICK_LIMIT : Infinity),
    backend: readChoice(values, "backend", BACKENDS),
    fileRows: FILE_ROWS,
    ...values.keep !== undefined && { folder: String(values.keep) },
    ...isTraining && { training: readTraining(values) },
  };
}

function readTraining(values: Values): Limit {
  const { seconds, steps, quick } = values;
  if (steps === undefined) {
    return { unit: "seconds", amount: readCount(values, "seconds", quick === true ? QUICK_SECONDS : SECONDS) };
  }
  if (seconds !== undefined) throw new UsageError("Options '--seconds' and '--steps' exclude each other");
  return { unit: "steps", amount: readCount(values, "steps", 1) };
}

async function draw(path: string, curves: LearningCurves): Promise<void> {
  const { learningChart } = await import("./demo/training/chart.ts");
  await renderChart(learningChart(curves), path);
}
