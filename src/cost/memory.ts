/**
 * What a loss over a large vocabulary holds in memory, method by method.
 *
 * @module
 */
import { show, ValueChecker } from "../check.ts";
import { layoutOf } from "./adaptive.ts";
import { type CheckedHead, checkHead, type Head, largestBatch } from "./head.ts";
import { MOST_ROWS, ROOM_BYTES, type Tile, tileOf } from "./tiles.ts";

/** Ways from logits, or from hidden states, to a loss and its gradient. */
export const METHODS = ["textbook", "fused", "inPlace", "linearChunks", "sampled", "adaptive", "topK"] as const;

/**
 * A way to a loss and its gradient:
 *
 * - `textbook`: the softmax and the gradient are matrices beside the logits.
 * - `fused`: one pass over the logits; the gradient is a matrix of its own.
 * - `inPlace`: the gradient overwrites the logits.
 * - `linearChunks`: from hidden states and weights, a tile of rows and classes at a time, never all logits at once.
 * - `sampled`: the target beside classes that are drawn for the whole batch.
 * - `adaptive`: clusters of rarer and rarer classes (Grave et al., arXiv:1609.04309); expected under Zipf's law.
 * - `topK`: of each row the likeliest classes and what is left over, as a teacher is kept; from chunks, without a gradient.
 */
export type Method = typeof METHODS[number];

/** A matrix that a method holds. */
export interface HeldTensor {
  /** What it is. */
  readonly name: string;
  /** Its size. */
  readonly bytes: number;
  /** Whether it waits from the forward pass for the backward pass. */
  readonly isSaved: boolean;
}

/** What a method holds beside hidden states, weights and their gradients, which all methods need alike. */
export interface MethodMemory {
  /** The method. */
  readonly method: Method;
  /** Its matrices. */
  readonly tensors: readonly HeldTensor[];
  /** Bytes of those that wait for the backward pass. */
  readonly savedBytes: number;
  /** Bytes of all of them, which are there at the same time. */
  readonly peakBytes: number;
}

/**
 * Bytes of the logits: elements of their dtype times batch × sequence × vocab.
 *
 * @param head Sizes of the batch and of the vocabulary.
 * @returns Bytes.
 * @throws {TypeError} If a size is missing or not a number, or a name is unknown.
 * @throws {RangeError} If a size is negative, fractional, not finite or beyond 2^53 − 1, or the bytes are.
 *
 * @example GPT-2's logits of 16 sequences of 1,024 tokens
 * ```ts
 * import { formatBinaryBytes, logitsBytes } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = logitsBytes({ batch: 16, sequence: 1024, vocab: 50_257, dtype: "f32" });
 * assertEquals([bytes, formatBinaryBytes(bytes)], [3_293_642_752, "3.07 GiB"]);
 * ```
 */
export function logitsBytes(head: Head): number {
  return bytesOfLogits(checkHead(new ValueChecker("compute logitsBytes"), head));
}

/**
 * What a method holds at its worst moment.
 *
 * @param method One of {@linkcode METHODS}.
 * @param head Sizes of the batch and of the vocabulary, and what the method takes of its own.
 * @returns The matrices and their sums in bytes. Expectations under Zipf's law are rounded up.
 * @throws {TypeError} If a size is missing or not a number, or a name is unknown.
 * @throws {RangeError} If a size is negative, fractional, not finite or beyond 2^53 − 1, or the bytes are.
 *
 * @example What fusing saves
 * ```ts
 * import { memory } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const head = { batch: 16, sequence: 1024, vocab: 50_257, dtype: "f16" } as const;
 * assertEquals(memory("textbook", head).peakBytes / memory("inPlace", head).peakBytes > 2.9, true);
 * ```
 */
export function memory(method: Method, head: Head): MethodMemory {
  const check = new ValueChecker("compute memory");
  check.choice("method", method, METHODS, "fused");
  return memoryOf(method, checkHead(check, head));
}

/** Room for a batch. */
export interface Budget extends Omit<Head, "batch"> {
  /** Bytes that there are. */
  readonly budgetBytes: number;
  /** The part of them that may be used: 1 unless given. */
  readonly fraction?: number;
  /** What weights, activations and everything else take: 0 unless given. */
  readonly reservedBytes?: number;
  /** How loss and gradient are computed; "inPlace", the logits and nothing else of their size, unless given. */
  readonly method?: Method;
}

/**
 * The largest batch whose loss and gradient fit: the greatest whose peak is at most fraction · budgetBytes − reservedBytes.
 *
 * @param budget Bytes, sizes of a sequence and of the vocabulary, and the method.
 * @returns Sequences; 0 if not even one fits, and no more than have bytes that a number holds exactly.
 * @throws {TypeError} If a number is missing or not one, or a name is unknown.
 * @throws {RangeError} If a number is out of range.
 *
 * @example Sequences of 1,024 tokens over GPT-2's vocabulary whose f16 logits fit 10 GB
 * ```ts
 * import { maxBatch } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(maxBatch({ budgetBytes: 10e9, sequence: 1024, vocab: 50_257, dtype: "f16" }), 97);
 * ```
 */
export function maxBatch(budget: Budget): number {
  const check = new ValueChecker("compute maxBatch");
  if (typeof budget !== "object" || budget === null) throw check.typeError(`budget is ${show(budget)}, not an object`);
  const { budgetBytes, fraction, reservedBytes, method, ...head } = budget;
  const whole = check.number("budgetBytes", budgetBytes, { least: 0 });
  const part = check.number("fraction", fraction, { fallback: 1, above: 0, most: 1 });
  const reserved = check.number("reservedBytes", reservedBytes, { fallback: 0, least: 0 });
  const how = check.choice<Method>("method", method, METHODS, "inPlace");
  const room = part * whole - reserved;
  const fits = (batch: number) => memoryOf(how, checkHead(check, { ...head, batch })).peakBytes <= room;
  if (!fits(1)) return 0;
  let low = 1, high = 1 + largestBatch(checkHead(check, { ...head, batch: 1 }));
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Bytes of a checked head's logits. */
export function bytesOfLogits({ rows, vocab, elementBytes }: CheckedHead): number {
  return rows * vocab * elementBytes;
}

/** As {@linkcode memory}, of a checked head. */
export function memoryOf(method: Method, head: CheckedHead): MethodMemory {
  const tensors = TENSORS[method](head);
  const sum = (of: readonly HeldTensor[]) => of.reduce((total, { bytes }) => total + bytes, 0);
  return { method, tensors, savedBytes: sum(tensors.filter(({ isSaved }) => isSaved)), peakBytes: sum(tensors) };
}

/** Bytes of an f32 and of a class index. */
const WORD_BYTES = 4;

const TENSORS: Readonly<Record<Method, (head: CheckedHead) => HeldTensor[]>> = {
  textbook: (head) => [
    held("logits", bytesOfLogits(head)),
    held("softmax", bytesOfLogits(head), true),
    held("gradient", bytesOfLogits(head)),
  ],
  fused: (head) => [
    held("logits", bytesOfLogits(head), true),
    held("gradient", bytesOfLogits(head)),
    ...perRow(head),
  ],
  inPlace: (head) => [held("logits, then their gradient", bytesOfLogits(head), true), ...perRow(head)],
  linearChunks: (head) => {
    const { rows, classes } = logitsTile(head);
    const bytes = Math.min(rows, head.rows) * classes * WORD_BYTES;
    return [held("a tile of logits, then their gradient", bytes), ...perRow(head)];
  },
  sampled: (head) => {
    const { rows, samples, hidden, elementBytes } = head;
    return [
      held("logits of targets and samples", rows * (samples + 1) * elementBytes, true),
      held("their gradient", rows * (samples + 1) * elementBytes),
      held("weights of targets and samples", (rows + samples) * hidden * elementBytes, true),
      held("the samples", samples * WORD_BYTES, true),
    ];
  },
  adaptive: (head) => {
    const { rows, vocab, cutoffs, elementBytes } = head;
    const bytes = Math.ceil(rows * layoutOf(vocab, cutoffs).logitsPerRow) * elementBytes;
    return [held("logits of the head and of the targets' clusters", bytes, true), held("their gradient", bytes)];
  },
  topK: (head) => [
    chunkOf(head),
    held("log-probabilities and classes", head.rows * head.top * (head.elementBytes + WORD_BYTES), true),
    held("what is left over", head.rows * WORD_BYTES, true),
  ],
};

function held(name: string, bytes: number, isSaved = false): HeldTensor {
  return { name, bytes, isSaved };
}

/** Loss and log-sum-exp. */
function perRow({ rows }: CheckedHead): HeldTensor[] {
  return [held("loss", rows * WORD_BYTES), held("log-sum-exp", rows * WORD_BYTES, true)];
}

/** The tile of "linearChunks": linearCrossEntropy's on a GPU. */
export function logitsTile({ rows, vocab, hidden, chunkBytes }: CheckedHead): Tile {
  const limitBytes = Math.min(chunkBytes, ROOM_BYTES.webgpu);
  return tileOf({ rows, vocab, width: hidden, limitBytes, mostRows: MOST_ROWS.webgpu });
}

/** Sums need f32, whatever the logits would be stored as. */
function chunkOf({ rows, chunkBytes, vocab }: CheckedHead): HeldTensor {
  const rowBytes = vocab * WORD_BYTES;
  return held("a chunk of logits", Math.min(rows * rowBytes, Math.max(chunkBytes, rowBytes)));
}
