/** Tokens by rank: number 0 is the likeliest, as samplers by rank and clusters of rarer and rarer classes want it. */
import type { Corpus } from "../corpus.ts";

/** A text in ranks of tokens. */
export interface RankedCorpus {
  /** Distinct tokens. */
  readonly vocab: number;
  /** The whole text. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** How many of the tokens, from the first, are for training. */
  readonly trainingTokens: number;
  /** ln p of every rank: the unigram distribution, falling. */
  readonly logUnigram: Float32Array;
}

/** Renumbers a text by falling probability in a distribution of its training part; among equals the order stays. */
export function rankTokens({ vocab, tokens, trainingTokens }: Corpus, unigram: Float64Array): RankedCorpus {
  const byRank = Uint32Array.from(unigram, (_, token) => token).sort((a, b) => unigram[b] - unigram[a] || a - b);
  const ranks = new Int32Array(vocab);
  byRank.forEach((token, rank) => ranks[token] = rank);
  return {
    vocab,
    tokens: Int32Array.from(tokens, (token) => ranks[token]),
    trainingTokens,
    logUnigram: Float32Array.from(byRank, (token) => Math.log(unigram[token])),
  };
}
