/** What came of training, as tables and as a chart. */
import { formatBytes } from "../../../cost/mod.ts";
import { alignColumns, formatCount, formatFixed } from "../../table.ts";
import type { LearningCurves } from "./chart.ts";
import type { Footprint } from "./memory.ts";
import { CUTOFFS, type Method, SAMPLES } from "./methods.ts";
import type { TrainingSummary } from "./run.ts";
import type { Trained } from "./train.ts";

const NAMES: Readonly<Record<Method, string>> = {
  full: "full softmax",
  sampled: `sampled softmax, ${formatCount(SAMPLES)} classes`,
  adaptive: `adaptive softmax, cut at ${CUTOFFS.map(formatCount).join(" and ")}`,
};

const MEMORY_NOTE = "as planned: beside states, weights and their gradients; grew: as far as resident memory shows, " +
  "with what\na first call opens, and without what earlier calls had left free";

/** The whole report. */
export function describeTraining(summary: TrainingSummary): string {
  const { limit, model, tokens, methods: [{ study: { report } }] } = summary;
  const intro = [
    `A neural model of the same text: ${model.embedding} numbers for each of the last ${model.context} tokens, ` +
    `${model.hidden} hidden, ${formatCount(model.vocab)} classes: ${formatCount(model.weights)} weights.`,
    `Trained for ${formatFixed(limit.amount, 0)} ${limit.unit} by each loss, ${
      formatCount(tokens.batch)
    } tokens a step, ` +
    `on ${report.backend}; scored on the same ${formatCount(tokens.heldOut)}.`,
  ].join("\n");
  const tables = [methodTable(summary), memoryTable(summary)].map((lines) => alignColumns(lines));
  return [intro, tables[0], verdict(summary), `${tables[1]}\n${MEMORY_NOTE}`].join("\n\n");
}

/** What is to be drawn: the perplexity of tokens that are scored now and then. */
export function curvesOf({ tokens, methods, counted }: TrainingSummary): LearningCurves {
  return {
    title: `Moby-Dick in GPT-2's vocabulary: a neural model, trained by three losses\n` +
      `perplexity of ${formatCount(tokens.probe)} held-out tokens`,
    series: methods.map(({ method, curve }) => ({
      name: NAMES[method],
      points: curve.map(({ seconds, loss }) => ({ seconds, perplexity: Math.exp(loss) })),
    })),
    levels: [
      { name: "trigram model", perplexity: counted.trigram.probePerplexity },
      { name: "its unigram", perplexity: counted.unigram.probePerplexity },
    ],
  };
}

function methodTable({ tokens, methods, counted }: TrainingSummary): string[][] {
  const line = ({ method, steps, tokens: seen, seconds, perplexity }: Trained) => [
    NAMES[method],
    formatCount(steps),
    formatCount(seen),
    formatFixed(seen / tokens.training, 2),
    formatCount(seen / seconds),
    formatFixed(perplexity, 2),
  ];
  return [
    ["training", "steps", "tokens seen", "times the text", "tokens/s", "held-out perplexity"],
    ...methods.map(line),
    ["trigram model, counted", "", "", "", "", formatFixed(counted.trigram.perplexity, 2)],
    ["its unigram", "", "", "", "", formatFixed(counted.unigram.perplexity, 2)],
  ];
}

/** What fell below the counts, and what did not. */
function verdict({ methods, counted: { trigram, unigram } }: TrainingSummary): string {
  const below = (most: number) => methods.filter(({ perplexity }) => perplexity < most).map(({ method }) => method);
  const say = (names: readonly string[]) => names.length === 0 ? "none" : names.join(", ");
  return [
    `Below the trigram model's ${formatFixed(trigram.perplexity, 2)}: ${say(below(trigram.perplexity))}; ` +
    `below the unigram's ${formatFixed(unigram.perplexity, 2)}: ${say(below(unigram.perplexity))}.`,
    "Perplexity is that of all classes, whatever was learned by; the adaptive softmax is a model of its own.",
  ].join("\n");
}

function memoryTable({ memory: { study, scoring } }: TrainingSummary): string[][] {
  const line = ({ rows, hasGradient, materialisedBytes, plannedBytes, grownBytes }: Footprint) => [
    hasGradient ? `loss and gradients of ${formatCount(rows)} tokens` : `loss of ${formatCount(rows)} tokens`,
    formatBytes(materialisedBytes),
    formatBytes(plannedBytes),
    formatBytes(grownBytes),
  ];
  return [
    ["full softmax, a call", "with logits in memory", "as planned", "the process grew by"],
    line(study),
    line(scoring),
  ];
}
