/**
 * What a vocabulary costs on a text: a larger one makes logits longer and tokens fewer.
 *
 * @module
 */
import { show, ValueChecker } from "../check.ts";
import type { DType } from "../operation.ts";
import { ELEMENT_BYTES } from "./head.ts";

/** A way from a text to tokens. */
export interface Tokenizer {
  /** What the comparison calls it. */
  readonly name: string;
  /** Distinct tokens, whether or not a text has them. */
  readonly vocab: number;
  /** The tokens of a text, numbers from 0 to below `vocab`. */
  encode(text: string): ArrayLike<number>;
}

/** Options of {@linkcode tokenizerTradeoff}. */
export interface TokenizerOptions {
  /** Width of the hidden states that logits are made from. Without it a logit counts as one flop. */
  readonly hidden?: number;
  /** Flops that a token takes in the rest of the model; 0 unless given. */
  readonly layersFlopsPerToken?: number;
  /** How logits are stored; f32 unless given. */
  readonly dtype?: DType;
}

/** A tokenizer on a text. */
export interface TokenizerCost {
  /** Its name. */
  readonly name: string;
  /** Its distinct tokens. */
  readonly vocab: number;
  /** Tokens of the text. */
  readonly tokens: number;
  /** Bytes of the text in UTF-8. */
  readonly bytes: number;
  /** tokens / bytes. */
  readonly tokensPerByte: number;
  /** bytes / tokens. */
  readonly bytesPerToken: number;
  /** vocab · tokensPerByte. */
  readonly logitsPerByte: number;
  /** Bytes of logits to a byte of text. */
  readonly logitsBytesPerByte: number;
  /** tokensPerByte · (2 · hidden · vocab + layersFlopsPerToken), forward. */
  readonly flopsPerByte: number;
  /** flopsPerByte over the first tokenizer's. */
  readonly relativeCost: number;
}

/**
 * What tokenizers cost on a text, by the byte: half the vocabulary is no gain where it takes twice the tokens.
 *
 * Tokens differ in length from one tokenizer to the next; bytes of text are the same for all.
 * A lone surrogate counts as U+FFFD, three bytes.
 *
 * @param text What is to be read, not empty; the longer, the truer are its averages.
 * @param tokenizers Each is called once with all of the text.
 * @param options The model that the tokens go through.
 * @returns Each tokenizer's counts and costs, in the order given.
 * @throws {TypeError} If an argument has the wrong type, a name is unknown, or the text is empty or has no token.
 * @throws {RangeError} If a number is out of range, or a token is not below its tokenizer's vocab.
 *
 * @example Characters against bytes
 * ```ts
 * import { tokenizerTradeoff } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const utf8 = { name: "UTF-8", vocab: 256, encode: (text: string) => new TextEncoder().encode(text) };
 * const utf16 = { name: "UTF-16", vocab: 65_536, encode: (text: string) => [...text].map((c) => c.charCodeAt(0)) };
 * const [bytes, units] = tokenizerTradeoff("Wörter", [utf8, utf16]);
 * assertEquals([bytes.tokens, units.tokens, units.bytes], [7, 6, 7]);
 * assertEquals(units.relativeCost, 256 * 6 / 7);
 * ```
 */
export function tokenizerTradeoff(
  text: string,
  tokenizers: readonly Tokenizer[],
  options: TokenizerOptions = {},
): readonly TokenizerCost[] {
  const check = new ValueChecker("compute tokenizerTradeoff");
  if (typeof text !== "string") throw check.typeError(`text is ${show(text)}, not a string`);
  if (text === "") throw check.typeError("text is empty");
  if (!Array.isArray(tokenizers)) throw check.typeError(`tokenizers is ${show(tokenizers)}, not an array`);
  const { hidden, layersFlopsPerToken, dtype } = check.bag<TokenizerOptions>(options, NAMES);
  const logitFlops = hidden === undefined ? 1 : 2 * check.number("hidden", hidden, { least: 1, integer: true });
  const layersFlops = check.number("layersFlopsPerToken", layersFlopsPerToken, { fallback: 0, least: 0 });
  const elementBytes = ELEMENT_BYTES[check.choice<DType>("dtype", dtype, ["f32", "f16", "bf16"], "f32")];
  const bytes = new TextEncoder().encode(text).length;
  tokenizers.forEach((tokenizer, i) => checkTokenizer(check, tokenizer, i));
  const costs = tokenizers.map((tokenizer: Tokenizer, i) => {
    const { name, vocab } = tokenizer, tokens = countTokens(check, tokenizer, text, i);
    const tokensPerByte = tokens / bytes, logitsPerByte = vocab * tokensPerByte;
    return {
      name,
      vocab,
      tokens,
      bytes,
      tokensPerByte,
      bytesPerToken: bytes / tokens,
      logitsPerByte,
      logitsBytesPerByte: elementBytes * logitsPerByte,
      flopsPerByte: tokensPerByte * (logitFlops * vocab + layersFlops),
    };
  });
  return costs.map((cost) => ({ ...cost, relativeCost: cost.flopsPerByte / costs[0].flopsPerByte }));
}

const NAMES = ["hidden", "layersFlopsPerToken", "dtype"];

function checkTokenizer(check: ValueChecker, tokenizer: unknown, i: number): void {
  if (typeof tokenizer !== "object" || tokenizer === null) {
    throw check.typeError(`tokenizers[${i}] is ${show(tokenizer)}, not an object`);
  }
  const { name, vocab, encode } = tokenizer as Partial<Tokenizer>;
  if (typeof name !== "string") throw check.typeError(`tokenizers[${i}].name is ${show(name)}, not a string`);
  check.number(`tokenizers[${i}].vocab`, vocab, { least: 1, integer: true });
  if (typeof encode !== "function") throw check.typeError(`tokenizers[${i}].encode is ${show(encode)}, not a function`);
}

/** The tokens of a text, each of which the vocabulary must have. */
function countTokens(check: ValueChecker, tokenizer: Tokenizer, text: string, i: number): number {
  const tokens = Array.from(tokenizer.encode(text)), { vocab } = tokenizer;
  if (tokens.length === 0) throw check.typeError(`tokenizers[${i}] finds no token in the text`);
  const wrong = tokens.findIndex((token) => !(Number.isInteger(token) && token >= 0 && token < vocab));
  if (wrong >= 0) {
    throw check.rangeError(`tokenizers[${i}]'s token ${wrong} is ${show(tokens[wrong])}, vocab is ${vocab}`);
  }
  return tokens.length;
}
