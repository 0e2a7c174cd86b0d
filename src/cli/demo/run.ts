/** The demonstration from a book to numbers. */
import type { Output } from "../command.ts";
import { showProgress } from "../progress.ts";
import { type Corpus, loadCorpus } from "./corpus.ts";
import { evaluate, type Evaluation, type EvaluationOptions } from "./evaluate.ts";
import { compareFiles, compareIn } from "./files.ts";
import { type Model, trainModel } from "./model.ts";
import { Stopwatch } from "./stopwatch.ts";
import { summarise, type Summary } from "./summary.ts";
import type { TrainingSummary } from "./training/run.ts";
import type { Limit } from "./training/train.ts";

/** What can be chosen. */
export interface DemoOptions extends Pick<EvaluationOptions, "backend" | "batch"> {
  /** The most positions to score. */
  readonly limit: number;
  /** The most positions whose logits are written to files and compared. */
  readonly fileRows: number;
  /** Where the files are kept; nowhere unless given. */
  readonly folder?: string;
  /** How long to train a neural model by each method; not at all unless given. */
  readonly training?: Limit;
}

/** All parts of the demonstration. */
export interface Demonstration {
  /** Of the model that is counted. */
  readonly summary: Summary;
  /** Of files of its logits, as they are and rounded. */
  readonly comparison: Output;
  /** Of the one that is trained. */
  readonly training?: TrainingSummary;
}

/** Tokenises, counts, scores and sums up, with a progress bar; compares files; then trains, if that is wanted. */
export async function runDemo(
  { limit, batch, backend, fileRows, folder, training }: DemoOptions,
): Promise<Demonstration> {
  const watch = new Stopwatch();
  const corpus = await watch.time("tokenise", loadCorpus);
  const { tokens, trainingTokens, vocab } = corpus;
  const model = await watch.time("train", () => trainModel(tokens.subarray(0, trainingTokens), vocab));
  const positions = Math.min(limit, tokens.length - trainingTokens);
  const extent = { positions, batch: Math.min(batch, positions), backend };
  const evaluation = await score(model, corpus, extent, watch);
  const summary = summarise(model, corpus, extent, evaluation, watch.seconds);
  const rows = Math.min(positions, fileRows);
  const comparison = await (folder ? compareIn(folder, model, corpus, rows) : compareFiles(model, corpus, rows));
  if (training === undefined) return { summary, comparison };
  const { runTraining } = await import("./training/run.ts");
  return { summary, comparison, training: await runTraining({ corpus, model, evaluation }, training, backend) };
}

async function score(
  model: Model,
  corpus: Corpus,
  extent: Omit<EvaluationOptions, "onProgress">,
  watch: Stopwatch,
): Promise<Evaluation> {
  using progress = showProgress("scoring", extent.positions, "tokens");
  return await evaluate(model, corpus, { ...extent, onProgress: progress.update }, watch);
}
