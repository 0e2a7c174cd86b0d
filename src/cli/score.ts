/** `surprisal score`: how well a model predicts, from a file of its logits. */
import type { Command } from "./command.ts";
import { OPTIONS } from "./evaluation/request.ts";

/** The command. */
export const score: Command = {
  summary: "Score a model from a file of its logits: perplexity, accuracy, calibration",
  operands: [{
    name: "logits",
    description: "A file of logits, a row for each token: .safetensors, .npy, llama.cpp's",
  }],
  options: OPTIONS,
  async run(values, [file]) {
    const [{ readRequest }, { run }, { scoreTask }] = await Promise.all([
      import("./evaluation/request.ts"),
      import("./evaluation/run.ts"),
      import("./evaluation/score/task.ts"),
    ]);
    return await run(scoreTask(file), await readRequest(values));
  },
};
