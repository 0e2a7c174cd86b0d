/** The second part of the demonstration: a neural model, trained by each method, beside the first part's. */
import type { CommonOptions } from "../../../../mod.ts";
import { showTraining } from "../../progress.ts";
import type { Corpus } from "../corpus.ts";
import type { Evaluation } from "../evaluate.ts";
import type { Model } from "../model.ts";
import { batchAt, CONTEXT } from "./batches.ts";
import { type Footprint, footprint } from "./memory.ts";
import { type Method, METHODS } from "./methods.ts";
import type { Widths } from "./network.ts";
import { type Limit, train, type Trained, type TrainingOptions } from "./train.ts";
import { type RankedCorpus, rankTokens } from "./vocabulary.ts";

/** How wide the model is. */
const WIDTHS: Widths = { embedding: 64, hidden: 128 };

/** Tokens of a batch. */
const ROWS = 512;

/** Held-out tokens that are scored now and then: an eighth of those that are scored in the end, but at most so many. */
const PROBE = 1024;

/** What the first part has found. */
export interface FirstPart {
  /** The text. */
  readonly corpus: Corpus;
  /** Its trigram model. */
  readonly model: Model;
  /** How that predicted the first held-out tokens. */
  readonly evaluation: Evaluation;
}

/** e to a mean loss. */
export interface Perplexity {
  /** Of the held-out tokens. */
  readonly perplexity: number;
  /** Of those among them that are scored now and then. */
  readonly probePerplexity: number;
}

/** Everything that came of it. */
export interface TrainingSummary {
  /** When each method stopped. */
  readonly limit: Limit;
  /** The model, and how many weights it has with the full softmax. */
  readonly model: Widths & { readonly context: number; readonly vocab: number; readonly weights: number };
  /** Tokens of a batch, and of what was scored. */
  readonly tokens: Readonly<Record<"training" | "batch" | "heldOut" | "probe", number>>;
  /** The methods. */
  readonly methods: readonly Trained[];
  /** The first part's model, and its unigram distribution alone, at the same tokens. */
  readonly counted: Readonly<Record<"trigram" | "unigram", Perplexity>>;
  /** Of the full softmax: a step's loss with its gradients, and the loss of all that is held out, a call each. */
  readonly memory: Readonly<Record<"study" | "scoring", Footprint>>;
}

/** Trains by each method until the limit, with a progress bar, and scores what the first part has scored. */
export async function runTraining(
  { corpus, model, evaluation: { scores, unigram } }: FirstPart,
  limit: Limit,
  backend: CommonOptions["backend"],
): Promise<TrainingSummary> {
  const text = rankTokens(corpus, model.unigram), { vocab, trainingTokens } = text, { hidden } = WIDTHS;
  const heldOut = scores.loss.length, probe = Math.min(PROBE, Math.ceil(heldOut / 8));
  const all = Int32Array.from({ length: heldOut }, (_, i) => i);
  const some = Int32Array.from({ length: probe }, (_, i) => Math.floor(i * heldOut / probe));
  const batchOf = (places: Int32Array) => batchAt(text.tokens, places.map((place) => trainingTokens + place));
  const options = { limit, rows: ROWS, widths: WIDTHS, backend, probe: batchOf(some), heldOut: batchOf(all) };
  const methods = await trainAll(text, options), [full] = methods;
  const counted = (loss: Float32Array): Perplexity => (
    { perplexity: perplexity(loss, all), probePerplexity: perplexity(loss, some) }
  );
  return {
    limit,
    model: { ...WIDTHS, context: CONTEXT, vocab, weights: countWeights(vocab, WIDTHS) },
    tokens: { training: trainingTokens, batch: ROWS, heldOut, probe },
    methods,
    counted: { trigram: counted(scores.loss), unigram: counted(unigram.loss) },
    memory: {
      study: footprint(full.study, { rows: ROWS, hidden, vocab }, true),
      scoring: footprint(full.scoring, { rows: heldOut, hidden, vocab }, false),
    },
  };
}

async function trainAll(text: RankedCorpus, options: TrainingOptions): Promise<Trained[]> {
  const trained: Trained[] = [];
  for (const method of Object.keys(METHODS) as Method[]) {
    using progress = showTraining(`training, ${method}`);
    trained.push(
      await train(method, text, options, ({ share, steps, seconds, trainingLoss }) => {
        progress.update(share, steps * options.rows, seconds, trainingLoss);
      }),
    );
  }
  return trained;
}

/** With the full softmax. */
function countWeights(vocab: number, { embedding, hidden }: Widths): number {
  return vocab * embedding + hidden * (CONTEXT * embedding + 1) + vocab * (hidden + 1);
}

/** e to the mean of losses at some places. */
function perplexity(loss: Float32Array, places: Int32Array): number {
  return Math.exp(places.reduce((sum, place) => sum + loss[place], 0) / places.length);
}
