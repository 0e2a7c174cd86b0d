/**
 * What a method moves and computes for the loss and its gradient, from the records of the operations.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";
import type { Operation, Traffic } from "../operation.ts";
import { record as crossEntropy } from "../ops/cross_entropy.ts";
import { record as linearCrossEntropy } from "../ops/linear_cross_entropy.ts";
import { record as tokenStatistics } from "../ops/token_statistics.ts";
import { type AdaptiveLayout, layoutOf } from "./adaptive.ts";
import { type CheckedHead, checkHead, type Head } from "./head.ts";
import { logitsTile, type Method, METHODS } from "./memory.ts";

/** The work of a method. */
export interface MethodWork extends Traffic {
  /** Floating-point operations of matrix products, two for each multiplication and addition. */
  readonly matrixFlops: number;
  /** Kernels started one after the other, in a plain implementation. */
  readonly launches: number;
}

/**
 * What a method reads, writes and computes for loss and gradient, each matrix counted as often as it goes through memory.
 *
 * With `hidden` the products that make the logits and both gradients are part of it: 2·rows·hidden·columns operations
 * forward, twice as many backward. A textbook softmax reads its logits for the maximum, for the sum and for the softmax,
 * and that again for the gradient, four kernels in all; a fused one reads them once. "linearChunks" does what
 * linearCrossEntropy does: it keeps no logits but makes them again for the gradient, its chunks of rows read the weights
 * anew each time and add to their gradient in f32, and tiles go through memory as all logits would. "topK" has no gradient.
 *
 * @param method One of {@linkcode METHODS}.
 * @param head Sizes of the batch and of the vocabulary, and what the method takes of its own.
 * @returns Bytes, exponentials and operations; expectations under Zipf's law for "adaptive".
 * @throws {TypeError} If a size is missing or not a number, or a name is unknown.
 * @throws {RangeError} If a size is negative, fractional, not finite or beyond 2^53 − 1.
 *
 * @example How often the logits go through memory
 * ```ts
 * import { logitsBytes, methodWork } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * const head = { batch: 512, vocab: 50_257 };
 * const passes = (method: "textbook" | "inPlace") => {
 *   const { bytesRead, bytesWritten } = methodWork(method, head);
 *   return Math.round((bytesRead + bytesWritten) / logitsBytes(head));
 * };
 * assertEquals([passes("textbook"), passes("inPlace")], [6, 2]);
 * ```
 */
export function methodWork(method: Method, head: Head): MethodWork {
  const check = new ValueChecker("compute methodWork");
  check.choice("method", method, METHODS, "fused");
  return WORK[method](checkHead(check, head));
}

const NOTHING: MethodWork = { bytesRead: 0, bytesWritten: 0, exps: 0, flops: 0, matrixFlops: 0, launches: 0 };

/** Bytes of an f32. */
const SINGLE_BYTES = 4;

/** What linearCrossEntropy makes beside losses. */
const LINEAR_OUTPUTS: ReadonlySet<string> = new Set(["gradientHidden", "gradientWeight"]);

const WORK: Readonly<Record<Method, (head: CheckedHead) => MethodWork>> = {
  textbook: (head) =>
    add(
      passes(head, head.vocab, 4, 2, crossEntropy),
      products(head, head.vocab, head.hidden),
      { ...NOTHING, launches: 3 },
    ),
  fused: onePass,
  inPlace: onePass,
  linearChunks(head) {
    const { rows, vocab, hidden, elementBytes } = head, tile = logitsTile(head), cells = rows * vocab;
    const { exps, flops, matrixFlops = 0 } = linearCrossEntropy.work(LINEAR_OUTPUTS, { hidden });
    const chunks = Math.max(1, Math.ceil(rows / tile.rows)), tiles = chunks * Math.ceil(vocab / tile.classes);
    const states = rows * hidden, weights = chunks * vocab * hidden, isProduct = hidden > 0;
    // A sweep for the loss and one for the gradient; the logits twice, and a product for each gradient
    const logitReads = isProduct ? 4 : 2, logitWrites = isProduct ? 3 : 1, launches = isProduct ? 6 : 2;
    return {
      bytesRead: logitReads * SINGLE_BYTES * cells + 3 * (states + weights) * elementBytes +
        (weights - vocab * hidden) * SINGLE_BYTES,
      bytesWritten: SINGLE_BYTES * (logitWrites * cells + states + weights + 2 * rows),
      exps: exps * cells,
      flops: flops * cells,
      matrixFlops: matrixFlops * cells,
      launches: launches * tiles,
    };
  },
  sampled(head) {
    const { rows, samples, hidden, elementBytes } = head, columns = samples + 1;
    // Each row's target brings weights of its own; all are gathered before
    const targets = Math.max(0, rows - 1) * hidden * elementBytes, gathered = (rows + samples) * hidden * elementBytes;
    return add(
      passes(head, columns, 1, 1, crossEntropy),
      products(head, columns, hidden),
      // Gathered before, and their gradients scattered after
      { ...NOTHING, bytesRead: 2 * targets + gathered, bytesWritten: targets + gathered, launches: hidden > 0 ? 2 : 0 },
    );
  },
  adaptive(head) {
    const { clusters, headColumns, logitsPerRow }: AdaptiveLayout = layoutOf(head.vocab, head.cutoffs);
    return add(
      passes(head, logitsPerRow, 1, 1, crossEntropy),
      products(head, headColumns, head.hidden),
      ...clusters.flatMap(({ share, columns }, i) => {
        const part = { ...head, rows: head.rows * share };
        const width = head.hidden === 0 ? 0 : Math.max(1, Math.floor(head.hidden / 4 ** (i + 1)));
        return [
          products(part, width, head.hidden),
          products(part, columns, width),
          { ...NOTHING, launches: 1 }, // what the head's pass counts for each cluster's logits too
        ];
      }),
    );
  },
  topK(head) {
    const { rows, vocab, hidden, top, elementBytes } = head, chunks = chunksOf(head);
    const kept = rows * (top * (elementBytes + SINGLE_BYTES) + SINGLE_BYTES);
    const weights = (chunks - 1) * vocab * hidden * elementBytes;
    const singles = { ...head, elementBytes: SINGLE_BYTES };
    return perChunk(
      chunks,
      passes(singles, vocab, 1, 0, tokenStatistics, []),
      forward(head, vocab, hidden, SINGLE_BYTES),
      { ...NOTHING, bytesRead: weights, bytesWritten: kept },
    );
  },
};

function onePass(head: CheckedHead): MethodWork {
  return add(passes(head, head.vocab, 1, 1, crossEntropy), products(head, head.vocab, head.hidden));
}

/** How many chunks the rows make. */
function chunksOf({ rows, vocab, chunkBytes }: CheckedHead): number {
  return Math.max(1, Math.ceil(rows / Math.max(1, Math.floor(chunkBytes / (SINGLE_BYTES * vocab)))));
}

/** An operation over so many columns a row, which it reads and writes so often. */
function passes(
  { rows, elementBytes }: CheckedHead,
  columns: number,
  reads: number,
  writes: number,
  { work }: Operation,
  outputs: readonly string[] = ["gradient"],
): MethodWork {
  const cells = rows * columns, bytes = cells * elementBytes, { exps, flops } = work(new Set(outputs), {});
  const perRow = 2 * SINGLE_BYTES * rows;
  return {
    bytesRead: reads * bytes,
    bytesWritten: writes * bytes + perRow,
    exps: exps * cells,
    flops: flops * cells,
    matrixFlops: 0,
    launches: 1,
  };
}

/** The product of hidden states [rows, width] with weights [columns, width]; nothing where there is no width. */
function forward(
  { rows, elementBytes }: CheckedHead,
  columns: number,
  width: number,
  logitBytes = elementBytes,
): MethodWork {
  if (width === 0) return NOTHING;
  return {
    ...NOTHING,
    bytesRead: (rows + columns) * width * elementBytes,
    bytesWritten: rows * columns * logitBytes,
    matrixFlops: 2 * rows * width * columns,
    launches: 1,
  };
}

/** The same, and the products that make the gradients of both: each reads the logits' gradient and the other factor. */
function products(head: CheckedHead, columns: number, width: number, logitBytes = head.elementBytes): MethodWork {
  if (width === 0) return NOTHING;
  const { rows, elementBytes } = head, factors = (rows + columns) * width * elementBytes;
  return add(forward(head, columns, width, logitBytes), {
    ...NOTHING,
    bytesRead: factors + 2 * rows * columns * logitBytes,
    bytesWritten: factors,
    matrixFlops: 4 * rows * width * columns,
    launches: 2,
  });
}

function add(...parts: readonly MethodWork[]): MethodWork {
  return parts.reduce((a, b) => ({
    bytesRead: a.bytesRead + b.bytesRead,
    bytesWritten: a.bytesWritten + b.bytesWritten,
    exps: a.exps + b.exps,
    flops: a.flops + b.flops,
    matrixFlops: a.matrixFlops + b.matrixFlops,
    launches: a.launches + b.launches,
  }), NOTHING);
}

/** The same, where all kernels are started for each chunk. */
function perChunk(chunks: number, ...parts: readonly MethodWork[]): MethodWork {
  const whole = add(...parts);
  return { ...whole, launches: chunks * whole.launches };
}
