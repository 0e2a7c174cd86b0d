/** A model over held-out text, streamed through batches of bounded memory. */
import { allocate, type AllocatedMatrix, type CommonOptions, type Matrix } from "../../../mod.ts";
import type { Corpus } from "./corpus.ts";
import type { Model } from "./model.ts";
import { roundToBf16, roundToF16 } from "./rounding.ts";
import { rowWriter } from "./rows.ts";
import {
  createScores,
  type Ledger,
  type Predictions,
  repeatRow,
  scoreBatch,
  scoreConstant,
  type Scores,
} from "./scores.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** How much to score, and how. */
export interface EvaluationOptions extends Pick<CommonOptions, "backend"> {
  /** Held-out positions to score. */
  readonly positions: number;
  /** Positions of a batch. */
  readonly batch: number;
  /** Told after every batch how many positions are done. */
  onProgress(done: number): void;
}

/** What came of it. */
export interface Evaluation {
  /** The model. */
  readonly scores: Scores;
  /** Its unigram distribution alone, at the same positions. */
  readonly unigram: Predictions;
  /** What the calls on batches have cost. */
  readonly ledger: Ledger;
  /** Bytes of the matrices that held a batch, by element type. */
  readonly allocatedBytes: Readonly<Record<"f32" | "bf16" | "f16", number>>;
}

/** Scores the first held-out positions: forms their log-probabilities and two rounded copies, and hands them over. */
export async function evaluate(
  model: Model,
  { tokens, trainingTokens, vocab }: Corpus,
  { positions, batch, backend, onProgress }: EvaluationOptions,
  watch: Stopwatch,
): Promise<Evaluation> {
  const writer = rowWriter(model);
  const scores = createScores(positions);
  const ledger: Ledger = new Map();
  using f32 = allocate([batch, vocab]);
  using bf16 = allocate([batch, vocab], "bf16");
  using f16 = allocate([batch, vocab], "f16");

  for (let done = 0; done < positions; done += batch) {
    const rows = Math.min(batch, positions - done);
    const first = trainingTokens + done;
    await watch.time("form rows", () => {
      for (let row = 0; row < rows; row++) writer.write(rowOf(f32, row), tokens, first + row);
    });
    await watch.time("round", () => {
      roundToBf16(f32.data, bf16.data);
      roundToF16(f32.data, f16.data);
    });
    const rivals = { unigram: repeatRow(writer.unigram, rows), bf16: head(bf16, rows), f16: head(f16, rows) };
    const filled = { logits: head(f32, rows), rivals, targets: tokens.subarray(first, first + rows) };
    await watch.time("score", () => scoreBatch(filled, done, { backend }, scores, ledger));
    onProgress(done + rows);
  }

  const targets = tokens.subarray(trainingTokens, trainingTokens + positions);
  const unigram = await watch.time("score", () => scoreConstant(writer.unigram, targets, { backend }));
  const [f32Bytes, bf16Bytes, f16Bytes] = [f32, bf16, f16].map(({ data }) => data.byteLength);
  return { scores, unigram, ledger, allocatedBytes: { f32: f32Bytes, bf16: bf16Bytes, f16: f16Bytes } };
}

function rowOf({ data, shape: [, columns] }: AllocatedMatrix<Float32Array>, row: number): Float32Array {
  return data.subarray(row * columns, (row + 1) * columns);
}

/** The first rows of a matrix. */
function head({ data, dtype, shape: [, columns] }: Matrix, rows: number): Matrix {
  return { data, dtype, shape: [rows, columns] };
}
