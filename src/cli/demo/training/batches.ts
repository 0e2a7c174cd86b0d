/** What a network is shown: tokens, and those before each of them. */
import type { Random } from "./random.ts";

/** Tokens of a context. */
export const CONTEXT = 4;

/** Tokens to predict, each from those before it. */
export interface Batch {
  /** [rows, CONTEXT]: what comes before, in the order of the text. */
  readonly contexts: Int32Array;
  /** [rows]: what came. */
  readonly targets: Int32Array<ArrayBuffer>;
}

/** The tokens at some positions, none of them below {@linkcode CONTEXT}. */
export function batchAt(tokens: Int32Array, positions: ArrayLike<number>): Batch {
  const contexts = new Int32Array(positions.length * CONTEXT), targets = new Int32Array(positions.length);
  for (let row = 0; row < positions.length; row++) {
    const at = positions[row];
    contexts.set(tokens.subarray(at - CONTEXT, at), row * CONTEXT);
    targets[row] = tokens[at];
  }
  return { contexts, targets };
}

/** Batches for ever: all positions of a text in a random order, then in another one. */
export function* shuffledBatches(tokens: Int32Array, rows: number, random: Random): Generator<Batch, never> {
  const positions = Int32Array.from({ length: tokens.length - CONTEXT }, (_, i) => i + CONTEXT);
  while (true) {
    random.shuffle(positions);
    // What is left over has its chance in the next order
    for (let first = 0; first + rows <= positions.length; first += rows) {
      yield batchAt(tokens, positions.subarray(first, first + rows));
    }
  }
}
