/**
 * The last layer of a language model and the batch that goes through it, as the cost functions take them.
 *
 * @module
 */
import type { ValueChecker } from "../check.ts";
import type { DType } from "../operation.ts";

/** Bytes of an element. */
export const ELEMENT_BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2 };

/** A batch over a vocabulary. */
export interface Head {
  /** Sequences of the batch. */
  readonly batch: number;
  /** Tokens of a sequence; 1 unless given, so that `batch` is then rows. */
  readonly sequence?: number;
  /** Classes. */
  readonly vocab: number;
  /** How logits, hidden states and weights are stored; f32 unless given. */
  readonly dtype?: DType;
  /** Width of the hidden states. Where it is given, the product that makes the logits is part of the cost. */
  readonly hidden?: number;
  /**
   * Room for logits, f32, of the methods that never have all: for a chunk of "topK", one row or as many as fit, and for a
   * tile of "linearChunks", a class of a row or as many as fit beside hidden states, up to what linearCrossEntropy
   * takes. 64 MiB unless given.
   */
  readonly chunkBytes?: number;
  /** Classes that a sampled softmax draws for the whole batch; a twentieth of the vocabulary unless given. */
  readonly samples?: number;
  /** Where the clusters of an adaptive softmax end, rising, below `vocab`; the cheapest three under Zipf's law unless given. */
  readonly cutoffs?: readonly number[];
  /** Log-probabilities kept of a row; 64 unless given. */
  readonly top?: number;
}

/** A head whose every size is known. */
export interface CheckedHead extends Required<Omit<Head, "hidden" | "cutoffs">> {
  /** `batch` times `sequence`. */
  readonly rows: number;
  /** Bytes of an element. */
  readonly elementBytes: number;
  /** 0 where the product is not part of the cost. */
  readonly hidden: number;
  readonly cutoffs?: readonly number[];
}

/** Room for logits unless it is given. */
const CHUNK_BYTES = 64 * 2 ** 20;

/** Of an element: four at most, and six times as many are the most that a method touches. */
const TOUCHED_BYTES = 24;

const NAMES = ["batch", "sequence", "vocab", "dtype", "hidden", "chunkBytes", "samples", "cutoffs", "top"];

/** Checks a head. */
export function checkHead(check: ValueChecker, value: unknown): CheckedHead {
  const head = check.bag<Head>(value, NAMES, "sizes are", "size");
  const size = (name: string, value: unknown, fallback?: number, most?: number) =>
    check.number(name, value, { fallback, least: 1, most, integer: true });
  const batch = check.number("batch", head.batch, { least: 0, integer: true });
  const sequence = size("sequence", head.sequence, 1);
  const vocab = size("vocab", head.vocab);
  const dtype = check.choice<DType>("dtype", head.dtype, ["f32", "f16", "bf16"], "f32");
  const hidden = head.hidden === undefined ? 0 : size("hidden", head.hidden);
  const rows = product(check, "batch × sequence", batch, sequence);
  product(check, "the bytes of logits and weights", TOUCHED_BYTES * (rows + hidden), vocab);
  return {
    batch,
    sequence,
    vocab,
    dtype,
    hidden,
    rows,
    elementBytes: ELEMENT_BYTES[dtype],
    chunkBytes: size("chunkBytes", head.chunkBytes, CHUNK_BYTES),
    samples: size("samples", head.samples, Math.max(1, Math.round(vocab / 20)), vocab),
    cutoffs: head.cutoffs && checkCutoffs(check, head.cutoffs, vocab),
    top: size("top", head.top, Math.min(64, vocab), vocab),
  };
}

/** The largest batch of a head's sequences that {@link checkHead} lets pass. */
export function largestBatch({ sequence, vocab, hidden }: CheckedHead): number {
  return Math.floor((Number.MAX_SAFE_INTEGER / (TOUCHED_BYTES * vocab) - hidden) / sequence);
}

/** Rising whole numbers from 1 to below `vocab`. */
export function checkCutoffs(check: ValueChecker, value: unknown, vocab: number): readonly number[] {
  if (!Array.isArray(value)) throw check.typeError("cutoffs is not an array");
  Array.from(value).forEach((cutoff, i) => {
    const least = i === 0 ? 1 : value[i - 1] + 1;
    check.number(`cutoffs[${i}]`, cutoff, { least, below: vocab, integer: true });
  });
  return value;
}

/** A product of whole numbers that is itself one that a number holds exactly. */
export function product(check: ValueChecker, name: string, ...factors: readonly number[]): number {
  return check.number(name, factors.reduce((a, b) => a * b, 1), { integer: true });
}
