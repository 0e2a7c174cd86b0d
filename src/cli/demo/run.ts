/** The demonstration from a book to numbers. */
import { showProgress } from "../progress.ts";
import { type Corpus, loadCorpus } from "./corpus.ts";
import { evaluate, type Evaluation, type EvaluationOptions } from "./evaluate.ts";
import { type Model, trainModel } from "./model.ts";
import { Stopwatch } from "./stopwatch.ts";
import { summarise, type Summary } from "./summary.ts";
import type { TrainingSummary } from "./training/run.ts";
import type { Limit } from "./training/train.ts";

/** What can be chosen. */
export interface DemoOptions extends Pick<EvaluationOptions, "backend" | "batch"> {
  /** The most positions to score. */
  readonly limit: number;
  /** How long to train a neural model by each method; not at all unless given. */
  readonly training?: Limit;
}

/** Both parts of the demonstration. */
export interface Demonstration {
  /** Of the model that is counted. */
  readonly summary: Summary;
  /** Of the one that is trained. */
  readonly training?: TrainingSummary;
}

/** Tokenises, counts, scores and sums up, with a progress bar while it scores; then trains, if that is wanted. */
export async function runDemo({ limit, batch, backend, training }: DemoOptions): Promise<Demonstration> {
  const watch = new Stopwatch();
  const corpus = await watch.time("tokenise", loadCorpus);
  const { tokens, trainingTokens, vocab } = corpus;
  const model = await watch.time("train", () => trainModel(tokens.subarray(0, trainingTokens), vocab));
  const positions = Math.min(limit, tokens.length - trainingTokens);
  const extent = { positions, batch: Math.min(batch, positions), backend };
  const evaluation = await score(model, corpus, extent, watch);
  const summary = summarise(model, corpus, extent, evaluation, watch.seconds);
  if (training === undefined) return { summary };
  const { runTraining } = await import("./training/run.ts");
  return { summary, training: await runTraining({ corpus, model, evaluation }, training, backend) };
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
