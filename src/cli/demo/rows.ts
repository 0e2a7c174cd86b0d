/** Rows of log-probabilities, formed from a model fast enough to keep kernels busy. */
import type { Counts } from "./counts.ts";
import { contextOf, type Model } from "./model.ts";

/** Forms rows for any position of a text. */
export interface RowWriter {
  /** ln p₁ of every token. */
  readonly unigram: Float32Array;
  /** Writes ln p of every token at `tokens[at]`, given the two before it, into a row of `vocab` elements. */
  write(row: Float32Array, tokens: Uint32Array, at: number): void;
}

/**
 * Prepares a model's rows. Most of a row is the unigram distribution times a weight that the context's class decides:
 * that is computed once a class, copied, and amended where the context's successors are.
 */
export function rowWriter(model: Model): RowWriter {
  const backgrounds = model.weights.map(([weight]) => logarithms(model.unigram, weight));
  return {
    unigram: logarithms(model.unigram, 1),
    write(row, tokens, at) {
      const { short, long, kind } = contextOf(model, tokens, at);
      const [unigramWeight, bigramWeight, trigramWeight] = model.weights[kind];
      row.set(backgrounds[kind]);
      let next = long.start;
      for (let i = short.start; i < short.end; i++) {
        const token = model.bigrams.keys[i] % model.vocab;
        let p = unigramWeight * model.unigram[token] + bigramWeight * countAt(model.bigrams, i) / short.total;
        // What follows two tokens follows the second of them, so both lists run in step.
        if (next < long.end && model.trigrams.keys[next] % model.vocab === token) {
          p += trigramWeight * countAt(model.trigrams, next++) / long.total;
        }
        row[token] = Math.log(p);
      }
    },
  };
}

function logarithms(probabilities: Float64Array, weight: number): Float32Array {
  return Float32Array.from(probabilities, (p) => Math.log(weight * p));
}

function countAt({ before }: Counts, index: number): number {
  return before[index + 1] - before[index];
}
