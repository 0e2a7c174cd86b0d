/** `surprisal demo`: a language model over GPT-2's vocabulary, trained and scored on a real book. */
import type { CommonOptions } from "../../mod.ts";
import { type Command, readChoice, readCount } from "./command.ts";

const BACKENDS = ["auto", "wasm", "reference"] as const satisfies readonly CommonOptions["backend"][];

/** Positions of a batch unless told otherwise. */
const BATCH = 64;

/** The largest batch: its logits and their two rounded copies fit into WebAssembly memory. */
const MAX_BATCH = 8192;

/** The command. */
export const demo: Command = {
  summary: "Score a language model over GPT-2's vocabulary on a real book, Moby-Dick",
  options: {
    batch: {
      type: "string",
      value: "rows",
      default: String(BATCH),
      description: "Positions whose logits are in memory at once",
    },
    limit: { type: "string", value: "tokens", description: "Score only the first of the held-out tokens" },
    backend: {
      type: "string",
      value: "name",
      default: "auto",
      description: `Where to compute: ${BACKENDS.join(", ")}`,
    },
  },
  async run(values) {
    const options = {
      batch: readCount(values, "batch", BATCH, MAX_BATCH),
      limit: readCount(values, "limit", Infinity),
      backend: readChoice(values, "backend", BACKENDS),
    };
    const [{ runDemo }, { describeSummary }] = await Promise.all([import("./demo/run.ts"), import("./demo/report.ts")]);
    const summary = await runDemo(options);
    return { record: summary, text: describeSummary(summary) };
  },
};
