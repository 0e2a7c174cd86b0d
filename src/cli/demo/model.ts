/** A trigram model: p(w | u v) = a·p₃(w | u v) + b·p₂(w | v) + c·p₁(w), with weights that depend on what was seen of u v. */
import { countNgrams, countOf, type Counts, ngramKey, type Span, successors } from "./counts.ts";
import { fitMixture } from "./mixture.ts";

/** Levels of a context: 0 if it was never seen, then by how often it repeats its successors. */
const LEVELS = 6;

/** Weights of the three distributions; they sum to 1, and are 0 for contexts that were never seen. */
export type Weights = readonly [unigram: number, bigram: number, trigram: number];

/** The counts behind the three distributions. */
export interface NgramCounts {
  /** Of tokens. */
  readonly unigrams: Counts;
  /** Of pairs. */
  readonly bigrams: Counts;
  /** Of triples. */
  readonly trigrams: Counts;
}

/** A trained model. */
export interface Model extends NgramCounts {
  /** Tokens it gives a probability to. */
  readonly vocab: number;
  /** p₁ of every token: its share of the text, interpolated with the uniform distribution so that none is 0. */
  readonly unigram: Float64Array;
  /** The weights of each class of contexts. */
  readonly weights: readonly Weights[];
}

/** What has been counted of the tokens before a position. */
export interface Context {
  /** Bigrams that begin with the token before it. */
  readonly short: Span;
  /** Trigrams that begin with the two tokens before it. */
  readonly long: Span;
  /** Its class: which of the model's weights hold. */
  readonly kind: number;
}

/** Trains on tokens: all of them are counted; the weights are fitted on the last tenth with counts of the rest. */
export function trainModel(tokens: Uint32Array, vocab: number): Model {
  const cut = Math.floor(tokens.length * 0.9);
  const part = countAll(tokens.subarray(0, cut), vocab);
  const share = fitShare(part.unigrams, tokens.subarray(cut));
  const weights = fitWeights(part, smoothUnigram(part.unigrams, share), tokens, cut);
  const counts = countAll(tokens, vocab);
  return { ...counts, vocab, unigram: smoothUnigram(counts.unigrams, share), weights };
}

/** What is known of the context of `tokens[at]`, which needs two tokens before it. */
export function contextOf({ bigrams, trigrams }: NgramCounts, tokens: Uint32Array, at: number): Context {
  const short = successors(bigrams, tokens[at - 1]);
  const long = successors(trigrams, ngramKey(tokens, at - 2, 2, trigrams.vocab));
  return { short, long, kind: level(short) * LEVELS + level(long) };
}

function countAll(tokens: Uint32Array, vocab: number): NgramCounts {
  const [unigrams, bigrams, trigrams] = [1, 2, 3].map((order) => countNgrams(tokens, order, vocab));
  return { unigrams, bigrams, trigrams };
}

/** Half octaves of the mean count of a successor: a context that repeats itself deserves more trust. */
function level({ start, end, total }: Span): number {
  if (total === 0) return 0;
  return Math.min(LEVELS - 1, 1 + Math.floor(2 * Math.log2(total / (end - start))));
}

/** How much of p₁ the counts get; the uniform distribution gets the rest. */
function fitShare(unigrams: Counts, tokens: Uint32Array): number {
  const { total } = wholeOf(unigrams);
  const likelihoods = Array.from(tokens, (token) => [countOf(unigrams, token) / total, 1 / unigrams.vocab]).flat();
  return fitMixture(likelihoods, [0.5, 0.5])[0];
}

function smoothUnigram(unigrams: Counts, share: number): Float64Array {
  const { total } = wholeOf(unigrams);
  const probabilities = new Float64Array(unigrams.vocab).fill((1 - share) / unigrams.vocab);
  for (let i = 0; i < unigrams.keys.length; i++) {
    probabilities[unigrams.keys[i]] += share * (unigrams.before[i + 1] - unigrams.before[i]) / total;
  }
  return probabilities;
}

/** All tokens: the successors of the empty context, whose key is 0. */
function wholeOf(unigrams: Counts): Span {
  return successors(unigrams, 0);
}

/** Weights of every class, from the tokens from `cut` on, each predicted by all three distributions. */
function fitWeights(counts: NgramCounts, unigram: Float64Array, tokens: Uint32Array, cut: number): Weights[] {
  const likelihoods: number[][] = Array.from({ length: LEVELS * LEVELS }, () => []);
  for (let at = cut; at < tokens.length; at++) {
    const { short, long, kind } = contextOf(counts, tokens, at);
    likelihoods[kind].push(
      unigram[tokens[at]],
      shareOf(counts.bigrams, ngramKey(tokens, at - 1, 2, unigram.length), short),
      shareOf(counts.trigrams, ngramKey(tokens, at - 2, 3, unigram.length), long),
    );
  }
  return likelihoods.map((events, kind) => {
    const [one, two, three] = fitMixture(events, firstGuess(kind));
    return [one, two, three];
  });
}

/** An n-gram's part of its context's occurrences. */
function shareOf(counts: Counts, key: number, { total }: Span): number {
  return total === 0 ? 0 : countOf(counts, key) / total;
}

/** Equal weights for what was seen. */
function firstGuess(kind: number): number[] {
  const seen = [1, kind >= LEVELS ? 1 : 0, kind % LEVELS > 0 ? 1 : 0];
  const total = seen[0] + seen[1] + seen[2];
  return seen.map((value) => value / total);
}
