/** `surprisal plan`: what a loss over a large vocabulary costs on a device, before anything is computed. */
import type { Command } from "./command.ts";

/** The command. */
export const plan: Command = {
  summary: "Say what a loss over a large vocabulary costs: memory, time, what bounds it, and what would help",
  options: {
    model: { type: "string", value: "id", description: "Take vocab, hidden and sequence from a model, such as gpt2" },
    vocab: { type: "string", value: "classes", description: "Classes; needed where there is no model" },
    batch: { type: "string", value: "count", default: "1", description: "Sequences of the batch" },
    sequence: { type: "string", value: "tokens", description: "Tokens of a sequence (1 without a model)" },
    hidden: { type: "string", value: "width", description: "Width of hidden states, to count matrix products too" },
    dtype: { type: "string", value: "name", default: "f32", description: "How logits are stored: f32, f16, bf16" },
    device: {
      type: "string",
      value: "id",
      default: "a100-40gb",
      description: "A device, such as h100, or this: measured, half a second",
    },
    budget: { type: "string", value: "bytes", description: "Memory there is, such as 24 GiB (all of the device's)" },
    reserved: { type: "string", value: "bytes", default: "0 B", description: "What everything else takes of it" },
    fraction: { type: "string", value: "share", default: "1", description: "The part of it that may be used" },
    samples: { type: "string", value: "classes", description: "What a sampled softmax draws (a twentieth)" },
    top: { type: "string", value: "classes", description: "What topK keeps of a row (64)" },
    cutoffs: { type: "string", value: "a,b", description: "Where clusters of an adaptive softmax end (the best)" },
    chunk: { type: "string", value: "bytes", default: "64 MiB", description: "Room for logits that are not all there" },
    plot: { type: "string", value: "file.svg|png", description: "Draw the methods under the device's roofline" },
    "plot-memory": { type: "string", value: "file.svg|png", description: "Draw memory against the batch" },
  },
  async run(values) {
    const [{ readQuestion }, { answer }, { describeAnswer }, { drawPlots }] = await Promise.all([
      import("./plan/question.ts"),
      import("./plan/answer.ts"),
      import("./plan/report.ts"),
      import("./plan/plots.ts"),
    ]);
    const question = readQuestion(values), record = await answer(question);
    await drawPlots(question, record);
    return { record, text: describeAnswer(record) };
  },
};
