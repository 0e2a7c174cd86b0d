/** A summary as tables. */
import { formatBytes } from "../../cost/mod.ts";
import { alignColumns, formatCount, formatFixed, formatShare, formatSmall } from "../table.ts";
import type { Footprint, Quality, Spread, Summary } from "./summary.ts";

/** The whole report. */
export function describeSummary(summary: Summary): string {
  const { vocab, trainingTokens, scoredTokens } = summary.corpus;
  const { unigrams, bigrams, trigrams } = summary.counted;
  const intro = [
    `Moby-Dick in GPT-2's vocabulary of ${formatCount(vocab)} tokens.`,
    `Trained on the first ${formatCount(trainingTokens)} tokens: ` +
    `${formatCount(unigrams)} distinct, ${formatCount(bigrams)} pairs, ${formatCount(trigrams)} triples.`,
    `Scored on the next ${formatCount(scoredTokens)}, in batches of ${formatCount(summary.memory.f32.rows)}.`,
    `Computed by ${summary.measured.calls.crossEntropy.reason}.`,
  ].join("\n");
  const tables = [
    qualityTable(summary.trigram, summary.unigram),
    divergenceTable(summary),
    memoryTable(summary),
    callTable(summary),
    stageTable(summary),
  ];
  return [intro, ...tables.map((lines) => alignColumns(lines))].join("\n\n");
}

function qualityTable(trigram: Quality, unigram: Quality): string[][] {
  const line = (label: string, format: (quality: Quality) => string) => [label, format(trigram), format(unigram)];
  return [
    ["prediction", "trigram model", "its unigram"],
    line("perplexity", ({ perplexity }) => formatFixed(perplexity, 2)),
    line("nats per token", ({ loss }) => formatFixed(loss, 4)),
    line("bits per token", ({ bitsPerToken }) => formatFixed(bitsPerToken, 4)),
    line("bits per character", ({ bitsPerCharacter }) => formatFixed(bitsPerCharacter, 4)),
    line("mean entropy, nats", ({ entropy }) => formatFixed(entropy, 4)),
    line("top-1 accuracy", ({ top1Accuracy }) => formatShare(top1Accuracy)),
    line("top-5 accuracy", ({ top5Accuracy }) => formatShare(top5Accuracy)),
  ];
}

function divergenceTable({ divergence }: Summary): string[][] {
  const line = (label: string, { mean, max }: Spread) => [label, formatSmall(mean), formatSmall(max)];
  return [
    ["KL divergence from the model, nats", "mean", "largest"],
    line("to its unigram", divergence.unigram),
    line("to itself rounded to bf16", divergence.bf16),
    line("to itself rounded to f16", divergence.f16),
  ];
}

function memoryTable({ corpus, memory, measured }: Summary): string[][] {
  const line = (label: string, { elementBytes, rows, predictedBytes, allocatedBytes }: Footprint) => [
    label,
    `${elementBytes}·1·${formatCount(rows)}·${formatCount(corpus.vocab)}`,
    formatBytes(predictedBytes),
    allocatedBytes === 0 ? "never" : formatBytes(allocatedBytes),
  ];
  return [
    ["logits in memory", "bytes·B·n·V", "predicted", "allocated"],
    line("all positions at once, f32", memory.all),
    line("a batch, f32", memory.f32),
    line("a batch, bf16", memory.bf16),
    line("a batch, f16", memory.f16),
    ["the whole process", "", "", formatBytes(measured.residentBytes)],
  ];
}

function callTable({ corpus, measured }: Summary): string[][] {
  const line = (label: string, seconds: number, tokensPerSecond: number, bytesPerSecond: number) => [
    label,
    formatFixed(seconds, 2),
    formatCount(tokensPerSecond),
    formatFixed(bytesPerSecond / 1e9, 2),
  ];
  const { calls, tokensPerSecond, bytesPerSecond } = measured;
  return [
    ["call", "seconds", "tokens/s", "GB/s read"],
    ...Object.entries(calls).map(([label, { seconds, bytesRead }]) =>
      line(label, seconds, corpus.scoredTokens / seconds, bytesRead / seconds)
    ),
    line("all of them", corpus.scoredTokens / tokensPerSecond, tokensPerSecond, bytesPerSecond),
  ];
}

function stageTable({ measured }: Summary): string[][] {
  const stages = Object.entries(measured.stages);
  const total = stages.reduce((sum, [, seconds]) => sum + seconds, 0);
  const line = ([label, seconds]: readonly [string, number]) => [label, formatFixed(seconds, 2)];
  return [["stage", "seconds"], ...stages.map(line), line(["all of them", total])];
}
