/** The demonstration from a book to numbers. */
import { showProgress } from "../progress.ts";
import { loadCorpus } from "./corpus.ts";
import { evaluate, type EvaluationOptions } from "./evaluate.ts";
import { trainModel } from "./model.ts";
import { Stopwatch } from "./stopwatch.ts";
import { summarise, type Summary } from "./summary.ts";

/** What can be chosen. */
export interface DemoOptions extends Pick<EvaluationOptions, "backend" | "batch"> {
  /** The most positions to score. */
  readonly limit: number;
}

/** Tokenises, trains, scores and sums up, with a progress bar while it scores. */
export async function runDemo({ limit, batch, backend }: DemoOptions): Promise<Summary> {
  const watch = new Stopwatch();
  const corpus = await watch.time("tokenise", loadCorpus);
  const { tokens, trainingTokens, vocab } = corpus;
  const model = await watch.time("train", () => trainModel(tokens.subarray(0, trainingTokens), vocab));
  const positions = Math.min(limit, tokens.length - trainingTokens);
  const extent = { positions, batch: Math.min(batch, positions), backend };
  using progress = showProgress("scoring", positions, "tokens");
  const evaluation = await evaluate(model, corpus, { ...extent, onProgress: progress.update }, watch);
  return summarise(model, corpus, extent, evaluation, watch.seconds);
}
