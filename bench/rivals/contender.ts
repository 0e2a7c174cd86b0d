/** What every library must bring to be measured. */

/** The operations, as bench/cases.ts names them, with the passes over the logits whose bytes are counted. */
export const PASSES = {
  "log-sum-exp": 1,
  "softmax": 2,
  "CE forward": 1,
  "CE + gradient": 2,
  "KL divergence": 2,
} as const;

/** The name of an operation. */
export type OperationName = keyof typeof PASSES;

/** The operations in the order of the table. */
export const OPERATIONS: readonly OperationName[] = Object.keys(PASSES) as OperationName[];

/** What to compute on. */
export interface Problem {
  /** Rows of logits. */
  readonly rows: number;
  /** Classes. */
  readonly vocab: number;
  /** Logits [rows, vocab]. */
  readonly p: Float32Array;
  /** The other logits of the divergence. */
  readonly q: Float32Array;
  /** The class of each row. */
  readonly targets: Int32Array;
}

/** What a run left, computed to the end. */
export interface Outputs {
  /** log-sum-exp [rows]; probabilities [rows · vocab]; the loss; the loss and its gradient; the divergence. */
  read(): readonly Float32Array[] | Promise<readonly Float32Array[]>;
  /** Gives its memory back to the library. */
  free(): void;
}

/** One way to write an operation in a library. */
export interface Formulation {
  /** The library's functions, in short. */
  readonly how: string;
  /** One run: returns, or resolves, when every output is computed. */
  compute(): Outputs | Promise<Outputs>;
}

/** The formulations of an operation: where there are several, the fastest counts. */
export type Formulate = (operation: OperationName) => Promise<readonly Formulation[]>;

/** A library that has been loaded. */
export interface Library {
  /** What its table's reader should know. */
  readonly note?: string;
  /** Copies a problem into the library's own memory. */
  load(problem: Problem): Formulate;
}

/** One run, freed at once. */
export function runOnce({ compute }: Formulation): void | Promise<void> {
  const outputs = compute();
  return outputs instanceof Promise ? outputs.then(({ free }) => free()) : outputs.free();
}
