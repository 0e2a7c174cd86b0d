/** A model over held-out text, streamed through batches of bounded memory. */
import {
  allocate,
  type CommonOptions,
  type Matrix,
  tokenStatistics,
  type TokenStatisticsResult,
} from "../../../mod.ts";
import type { Corpus } from "./corpus.ts";
import type { Model } from "./model.ts";
import { roundToBf16, roundToF16 } from "./rounding.ts";
import { rowWriter } from "./rows.ts";
import { createScores, type Ledger, scoreBatch, type Scores } from "./scores.ts";
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
  /** The model, position by position. */
  readonly scores: Scores;
  /** Its unigram distribution alone, at the same positions. */
  readonly unigram: TokenStatisticsResult;
  /** What the calls have cost. */
  readonly ledger: Ledger;
  /** Bytes of the matrices that held logits, by what they held. */
  readonly allocatedBytes: Readonly<Record<"logits" | "bf16" | "f16", number>>;
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
  using logits = allocate([batch, vocab]);
  using bf16 = allocate([batch, vocab], "bf16");
  using f16 = allocate([batch, vocab], "f16");
  const allUnigram = oneRow(writer.unigram, positions);

  for (let done = 0; done < positions; done += batch) {
    const rows = Math.min(batch, positions - done);
    const first = trainingTokens + done;
    {
      using _ = watch.time("form");
      for (let row = 0; row < rows; row++) writer.write(rowOf(logits, row), tokens, first + row);
    }
    {
      using _ = watch.time("round");
      roundToBf16(logits.data, bf16.data);
      roundToF16(logits.data, f16.data);
    }
    {
      using _ = watch.time("score");
      const rivals = { unigram: oneRow(writer.unigram, rows), bf16: head(bf16, rows), f16: head(f16, rows) };
      const targets = tokens.subarray(first, first + rows);
      await scoreBatch({ logits: head(logits, rows), rivals, targets }, done, { backend }, scores, ledger);
    }
    onProgress(done + rows);
  }
  using _ = watch.time("score");
  const unigram = await tokenStatistics(allUnigram, tokens.subarray(trainingTokens, trainingTokens + positions), {
    backend,
  });
  const allocatedBytes = { logits: logits.data.byteLength, bf16: bf16.data.byteLength, f16: f16.data.byteLength };
  return { scores, unigram, ledger, allocatedBytes };
}

function rowOf({ data, shape: [, columns] }: Matrix & { readonly data: Float32Array }, row: number): Float32Array {
  return data.subarray(row * columns, (row + 1) * columns);
}

/** The first rows of a matrix. */
function head({ data, dtype, shape: [, columns] }: Matrix, rows: number): Matrix {
  return { data, dtype, shape: [rows, columns] };
}

/** A matrix whose rows are all the same row of memory. */
function oneRow(data: Float32Array, rows: number): Matrix {
  return { data, shape: [rows, data.length], rowStride: 0 };
}
