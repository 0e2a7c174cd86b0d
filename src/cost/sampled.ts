/**
 * What a sampled softmax would buy: a row's logits are its target's and those of classes drawn once for the batch.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";
import type { DType } from "../operation.ts";
import { ELEMENT_BYTES, product } from "./head.ts";

/** Options of {@linkcode sampledSoftmax}. */
export interface SampledOptions {
  /** Classes. */
  readonly vocab: number;
  /** Classes drawn for the batch. */
  readonly samples: number;
  /** Rows of the batch; 1 unless given. */
  readonly rows?: number;
  /** Width of the hidden states. Where it is given, weights are read, and gathered for the classes that are drawn. */
  readonly hidden?: number;
  /** How logits and weights are stored; f32 unless given. */
  readonly dtype?: DType;
  /** The part of a training step with the full softmax that is not the softmax, from 0 to 1; 0 unless given. */
  readonly fixedShare?: number;
}

/** What a sampled softmax costs, and what the full one would. */
export interface SampledCost {
  /** Logits of a row: `samples` and the target's. */
  readonly logitsPerRow: number;
  /** Those of the full softmax: `vocab`. */
  readonly fullLogitsPerRow: number;
  /** The textbook's figure, vocab / samples: what a step would gain if logits were all that it costs. */
  readonly speedupInLogits: number;
  /** The time of a step with the full softmax over that with the sampled one; below 1 where it does not pay. */
  readonly speedup: number;
  /** Bytes of the full softmax's logits. */
  readonly logitsBytes: number;
  /** Bytes of the logits of the classes that are drawn, without the targets'. */
  readonly sampledLogitsBytes: number;
  /** Bytes read and written to gather the weights of targets and of classes that are drawn; 0 without `hidden`. */
  readonly gatheredBytes: number;
  /** Bytes written and read for what is drawn: each class's number and the logarithm of its probability. */
  readonly drawnBytes: number;
}

/** Bytes of a class's number, and those of the logarithm of its probability in f32, by which its logit is corrected. */
const DRAWN_BYTES = 4 + 4;

/**
 * The cost of a sampled softmax, by the bytes that it moves.
 *
 * Full: logits and weights, (rows + hidden) · vocab elements. Sampled: rows · (samples + 1) logits; weights of samples
 * and targets, hidden · (samples + rows), read and written once more to be gathered; and what is drawn. A step gains
 * 1 / (fixedShare + (1 − fixedShare) · sampled / full), by Amdahl's law. Arithmetic is not counted: products that it
 * bounds gain as the logits do.
 *
 * The loss is not the full loss: the logarithm of a sum that is estimated from what was drawn is biased, and so is its
 * gradient, the more the fewer are drawn (Jean et al., arXiv:1412.2007). Evaluation needs every class.
 *
 * @param options Sizes, and the part of a step that sampling leaves as it is.
 * @returns Logits of a row, bytes of the batch, and the gain.
 * @throws {TypeError} If a number is missing or not one, or a name is unknown.
 * @throws {RangeError} If a number is out of range, samples are more than vocab, or the bytes are beyond 2^53 − 1.
 *
 * @example A twentieth of the classes gains less than twenty
 * ```ts
 * import { sampledSoftmax } from "@surprisal/core/cost";
 * import { assertEquals, assertLess } from "@std/assert";
 *
 * const sizes = { vocab: 100_000, samples: 5000, rows: 32 * 512 };
 * const { speedupInLogits, logitsBytes, sampledLogitsBytes } = sampledSoftmax(sizes);
 * assertEquals([speedupInLogits, logitsBytes, sampledLogitsBytes], [20, 6_553_600_000, 327_680_000]);
 * assertLess(sampledSoftmax({ ...sizes, hidden: 768, fixedShare: 0.5 }).speedup, 2);
 * ```
 */
export function sampledSoftmax(options: SampledOptions): SampledCost {
  const check = new ValueChecker("compute sampledSoftmax");
  const sizes = check.bag<SampledOptions>(options, NAMES);
  const vocab = check.number("vocab", sizes.vocab, { least: 1, integer: true });
  const samples = check.number("samples", sizes.samples, { least: 1, most: vocab, integer: true });
  const rows = check.number("rows", sizes.rows, { fallback: 1, least: 1, integer: true });
  const isWide = sizes.hidden !== undefined;
  const hidden = isWide ? check.number("hidden", sizes.hidden, { least: 1, integer: true }) : 0;
  const elementBytes = ELEMENT_BYTES[check.choice<DType>("dtype", sizes.dtype, ["f32", "f16", "bf16"], "f32")];
  const fixedShare = check.number("fixedShare", sizes.fixedShare, { fallback: 0, least: 0, most: 1 });
  const fullBytes = product(check, "the bytes of logits and weights", elementBytes, rows + hidden, vocab);
  const gatheredBytes = product(check, "the bytes of gathered weights", 2, elementBytes, hidden, samples + rows);
  const drawnBytes = 2 * DRAWN_BYTES * samples;
  const sampledBytes = elementBytes * rows * (samples + 1) + 1.5 * gatheredBytes + drawnBytes;
  return {
    logitsPerRow: samples + 1,
    fullLogitsPerRow: vocab,
    speedupInLogits: vocab / samples,
    speedup: 1 / (fixedShare + (1 - fixedShare) * sampledBytes / fullBytes),
    logitsBytes: elementBytes * rows * vocab,
    sampledLogitsBytes: elementBytes * rows * samples,
    gatheredBytes,
    drawnBytes,
  };
}

const NAMES = ["vocab", "samples", "rows", "hidden", "dtype", "fixedShare"];
