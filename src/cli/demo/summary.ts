/** The numbers of a run. */
import { type Corpus, countCharacters } from "./corpus.ts";
import type { Evaluation, EvaluationOptions } from "./evaluate.ts";
import type { Model } from "./model.ts";
import type { Cost, Ledger, Predictions, Rival } from "./scores.ts";

/** How well a model predicts. */
export interface Quality {
  /** Mean of −ln p, in nats. */
  readonly loss: number;
  /** e to the loss: the fair die with as many faces predicts as well. */
  readonly perplexity: number;
  /** The loss in bits. */
  readonly bitsPerToken: number;
  /** The loss of all tokens in bits, over the characters they stand for. */
  readonly bitsPerCharacter: number;
  /** Mean entropy of the predictions, in nats: the loss that the model itself expects. */
  readonly entropy: number;
  /** Share of tokens that were the likeliest. */
  readonly top1Accuracy: number;
  /** Share of tokens that were among the five likeliest. */
  readonly top5Accuracy: number;
}

/** A divergence over positions, in nats. */
export interface Spread {
  /** Its mean. */
  readonly mean: number;
  /** Its largest value. */
  readonly max: number;
}

/** Bytes of logits, as the formula predicts them and as they were allocated. */
export interface Footprint {
  /** Bytes of an element. */
  readonly elementBytes: number;
  /** Rows: B·n of the formula elementBytes·B·n·V. */
  readonly rows: number;
  /** What the formula says. */
  readonly predictedBytes: number;
  /** What was allocated; 0 where nothing of that size was. */
  readonly allocatedBytes: number;
}

/** Everything that a run found; all but `measured` is the same on every run. */
export interface Summary {
  /** The text and its parts, in tokens, and the characters of the scored part. */
  readonly corpus: Readonly<
    Record<"vocab" | "tokens" | "trainingTokens" | "scoredTokens" | "scoredCharacters", number>
  >;
  /** Distinct n-grams that were counted. */
  readonly counted: Readonly<Record<"unigrams" | "bigrams" | "trigrams", number>>;
  /** The full model. */
  readonly trigram: Quality;
  /** Its unigram distribution alone. */
  readonly unigram: Quality;
  /** From the full model to its unigram distribution, and to itself with rounded log-probabilities. */
  readonly divergence: Readonly<Record<Rival, Spread>>;
  /** Logits of all positions, had they been held at once, and of a batch in each element type. */
  readonly memory: Readonly<Record<"all" | "f32" | "bf16" | "f16", Footprint>>;
  /** What the machine took. */
  readonly measured: {
    /** Wall time by stage, in seconds. */
    readonly stages: Readonly<Record<string, number>>;
    /** What the calls of each kind cost. */
    readonly calls: Readonly<Record<string, Cost>>;
    /** Positions that all calls together score in a second. */
    readonly tokensPerSecond: number;
    /** Bytes that they read in a second. */
    readonly bytesPerSecond: number;
    /** Memory of the whole process at the end. */
    readonly residentBytes: number;
  };
}

/** Draws a run together. */
export function summarise(
  model: Model,
  { vocab, tokens, trainingTokens }: Corpus,
  { positions, batch }: Pick<EvaluationOptions, "positions" | "batch">,
  { scores, unigram, ledger, allocatedBytes }: Evaluation,
  stages: Readonly<Record<string, number>>,
): Summary {
  const scoredCharacters = countCharacters(tokens.subarray(trainingTokens, trainingTokens + positions));
  const { divergence } = scores;
  const footprint = (elementBytes: number, rows: number, allocatedBytes: number): Footprint => (
    { elementBytes, rows, predictedBytes: elementBytes * rows * vocab, allocatedBytes }
  );
  return {
    corpus: { vocab, tokens: tokens.length, trainingTokens, scoredTokens: positions, scoredCharacters },
    counted: {
      unigrams: model.unigrams.keys.length,
      bigrams: model.bigrams.keys.length,
      trigrams: model.trigrams.keys.length,
    },
    trigram: quality(scores, scoredCharacters),
    unigram: quality(unigram, scoredCharacters),
    divergence: {
      unigram: spread(divergence.unigram),
      bf16: spread(divergence.bf16),
      f16: spread(divergence.f16),
    },
    memory: {
      all: footprint(4, positions, 0),
      f32: footprint(4, batch, allocatedBytes.f32),
      bf16: footprint(2, batch, allocatedBytes.bf16),
      f16: footprint(2, batch, allocatedBytes.f16),
    },
    measured: { stages, ...throughput(ledger, positions), residentBytes: Deno.memoryUsage().rss },
  };
}

function throughput(ledger: Ledger, positions: number) {
  const costs = [...ledger.values()];
  const seconds = costs.reduce((sum, cost) => sum + cost.seconds, 0);
  const bytesRead = costs.reduce((sum, cost) => sum + cost.bytesRead, 0);
  return {
    calls: Object.fromEntries(ledger),
    tokensPerSecond: positions / seconds,
    bytesPerSecond: bytesRead / seconds,
  };
}

function quality({ loss, entropy, rank }: Predictions, characters: number): Quality {
  const nats = mean(loss);
  return {
    loss: nats,
    perplexity: Math.exp(nats),
    bitsPerToken: nats / Math.LN2,
    bitsPerCharacter: nats * loss.length / Math.LN2 / characters,
    entropy: mean(entropy),
    top1Accuracy: mean(rank.map((value) => value <= 1 ? 1 : 0)),
    top5Accuracy: mean(rank.map((value) => value <= 5 ? 1 : 0)),
  };
}

function spread(values: Float32Array): Spread {
  return { mean: mean(values), max: values.reduce((max, value) => Math.max(max, value), 0) };
}

function mean(values: Float32Array | Int32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
