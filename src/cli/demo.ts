/** `surprisal demo`: a language model over GPT-2's vocabulary, trained and scored on a real book. */
import type { CommonOptions } from "../../mod.ts";
import { type Command, readChoice, readCount, type Values } from "./command.ts";
import { showProgress } from "./progress.ts";
import { Stopwatch } from "./demo/stopwatch.ts";

const BACKENDS = ["auto", "wasm", "reference"] as const satisfies readonly CommonOptions["backend"][];

/** The command. */
export const demo: Command = {
  summary: "Train a trigram model of Moby-Dick over GPT-2's 50,257 tokens, and score it on the book's last tenth",
  options: {
    batch: {
      type: "string",
      value: "rows",
      default: "64",
      description: "Positions whose logits are in memory at once",
    },
    limit: { type: "string", value: "tokens", description: "Score only the first held-out tokens" },
    backend: {
      type: "string",
      value: "name",
      default: "auto",
      description: `Where to compute: ${BACKENDS.join(", ")}`,
    },
  },
  async run(values: Values) {
    const batch = readCount(values, "batch") ?? 64;
    const limit = readCount(values, "limit") ?? Infinity;
    const backend = readChoice(values, "backend", BACKENDS);

    const [{ loadCorpus, countCharacters }, { trainModel }, { evaluate }] = await Promise.all([
      import("./demo/corpus.ts"),
      import("./demo/model.ts"),
      import("./demo/evaluate.ts"),
    ]);
    const watch = new Stopwatch();
    const corpus = (() => {
      using _ = watch.time("tokenise");
      return loadCorpus();
    })();
    const { tokens, trainingTokens, vocab } = corpus;
    const model = (() => {
      using _ = watch.time("train");
      return trainModel(tokens.subarray(0, trainingTokens), vocab);
    })();
    const positions = Math.min(limit, tokens.length - trainingTokens);
    using progress = showProgress("scoring", positions, "tokens");
    const e = await evaluate(model, corpus, {
      positions,
      batch: Math.min(batch, positions),
      backend,
      onProgress: progress.update,
    }, watch);
    const mean = (x: ArrayLike<number>) => {
      let s = 0;
      for (let i = 0; i < x.length; i++) s += x[i];
      return s / x.length;
    };
    console.error(
      watch.seconds,
      e.ledger,
      Math.exp(mean(e.scores.loss)),
      Math.exp(-mean(e.unigram.targetLogProbability!)),
      mean(e.scores.divergence.bf16),
      mean(e.scores.divergence.f16),
      mean(e.scores.divergence.unigram),
    );
    return { record: {}, text: "" };
  },
};
