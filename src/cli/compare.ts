/** `surprisal compare`: how far a model is from another, from files of their logits. */
import type { Command } from "./command.ts";
import { OPTIONS } from "./evaluation/request.ts";

/** The command. */
export const compare: Command = {
  summary: "Compare a model with another, such as itself quantised, from files of their logits: divergences, agreement",
  operands: [
    { name: "base", description: "A file of the logits of the model to compare with, a row for each token" },
    { name: "other", description: "A file of the other's logits for the same tokens" },
  ],
  options: {
    ...OPTIONS,
    "other-tensor": { type: "string", value: "name", description: "The same of the other file, where it differs" },
    truncate: {
      type: "boolean",
      description: "Where one has more classes, leave those out, as if they could not come",
    },
  },
  async run(values, [base, other]) {
    const [{ readRequest }, { run }, { compareTask }] = await Promise.all([
      import("./evaluation/request.ts"),
      import("./evaluation/run.ts"),
      import("./evaluation/compare/task.ts"),
    ]);
    return await run(compareTask(base, other), await readRequest(values));
  },
};
