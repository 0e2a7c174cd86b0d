/** Training by one of the methods, against the clock. */
import type { CommonOptions } from "../../../../mod.ts";
import { type Batch, shuffledBatches } from "./batches.ts";
import { LanguageModel } from "./language_model.ts";
import { type Call, watch } from "./memory.ts";
import type { Method } from "./methods.ts";
import type { Widths } from "./network.ts";
import type { Floats } from "./matrices.ts";
import type { Score } from "./output_layer.ts";
import { Random } from "./random.ts";
import type { RankedCorpus } from "./vocabulary.ts";

/**
 * At first, found by trying; it falls evenly to 0, as the last steps are to average out what is peculiar to single
 * batches.
 * The full softmax has time for a tenth of the others' steps, and does best with longer ones.
 */
const LEARNING_RATES: Readonly<Record<Method, number>> = { full: 0.02, sampled: 0.005, adaptive: 0.005 };

/** How often the held-out loss is measured, beside once before. */
const POINTS = 16;

/** Decides the same for all methods: how they begin, and what they see in which order. */
const SEED = 1851;

/** When training ends. After a number of steps it has the same results every time. */
export interface Limit {
  /** What is counted. */
  readonly unit: "seconds" | "steps";
  /** How many. */
  readonly amount: number;
}

/** How to train, and what to score. */
export interface TrainingOptions extends Pick<CommonOptions, "backend"> {
  /** When to stop, after one step at least. */
  readonly limit: Limit;
  /** Tokens of a batch. */
  readonly rows: number;
  /** How wide the model is. */
  readonly widths: Widths;
  /** What is scored now and then. */
  readonly probe: Batch;
  /** What is scored in the end. */
  readonly heldOut: Batch;
}

/** How far training has come. */
export interface Standing {
  /** From 0 to 1. */
  readonly share: number;
  /** Batches learned from. */
  readonly steps: number;
  /** Time spent on learning. */
  readonly seconds: number;
  /** What the method learns by, in nats a token, averaged over the last steps; NaN before the first. */
  readonly trainingLoss: number;
}

/** The loss of the probe at some time. */
export interface Point {
  /** Time spent on learning until then. */
  readonly seconds: number;
  /** In nats a token. */
  readonly loss: number;
}

/** What came of training. */
export interface Trained extends Omit<Standing, "share"> {
  /** How it learned. */
  readonly method: Method;
  /** Tokens learned from, counted as often as they came. */
  readonly tokens: number;
  /** Of the held-out tokens, in nats a token. */
  readonly loss: number;
  /** e to it. */
  readonly perplexity: number;
  /** The loss of the probe on the way. */
  readonly curve: readonly Point[];
  /** The loss of the first batch, with its gradients. */
  readonly study: Call;
  /** The loss of all that is held out. */
  readonly scoring: Call;
}

/** Trains a new model. The clock stands still while it is scored. */
export async function train(
  method: Method,
  { tokens, trainingTokens, logUnigram }: RankedCorpus,
  { limit, rows, widths, probe, heldOut, backend }: TrainingOptions,
  onProgress: (standing: Standing) => void,
): Promise<Trained> {
  using model = new LanguageModel({ method, logUnigram, widths, seed: SEED, backend });
  const batches = () => shuffledBatches(tokens.subarray(0, trainingTokens), rows, new Random(SEED));
  const { call: study } = await look(model, batches().next().value, (...rows) => model.output.study(...rows));
  const curve: Point[] = [{ seconds: 0, loss: await model.lossOf(probe) }];
  let standing: Standing = { share: 0, steps: 0, seconds: 0, trainingLoss: NaN };
  for (const batch of batches()) {
    standing = await advance(model, batch, LEARNING_RATES[method], standing, limit);
    onProgress(standing);
    if (standing.share * POINTS >= curve.length) {
      curve.push({ seconds: standing.seconds, loss: await model.lossOf(probe) });
    }
    if (standing.share === 1) break;
  }
  const { result, call: scoring } = await look(model, heldOut, (...rows) => model.output.score(...rows));
  const { steps, seconds, trainingLoss } = standing, loss = result.loss / heldOut.targets.length;
  const score = { loss, perplexity: Math.exp(loss) };
  return { method, steps, tokens: steps * rows, seconds, trainingLoss, ...score, curve, study, scoring };
}

/** A step. */
async function advance(
  model: LanguageModel,
  batch: Batch,
  learningRate: number,
  before: Standing,
  limit: Limit,
): Promise<Standing> {
  const start = performance.now();
  const loss = await model.step(batch, learningRate * (1 - before.share));
  const steps = before.steps + 1, seconds = before.seconds + (performance.now() - start) / 1000;
  return {
    share: Math.min(1, (limit.unit === "steps" ? steps : seconds) / limit.amount),
    steps,
    seconds,
    trainingLoss: steps === 1 ? loss : 0.95 * before.trainingLoss + 0.05 * loss,
  };
}

/** Calls a function of hidden states and what came after them, and looks at the memory meanwhile. */
async function look<Result extends Score>(
  { network }: LanguageModel,
  { contexts, targets }: Batch,
  call: (hidden: Floats, targets: Int32Array) => Promise<Result>,
) {
  const { hidden } = await network.forward(contexts);
  return await watch(() => call(hidden, targets));
}
