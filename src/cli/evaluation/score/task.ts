/** A scoring as a task. */
import { UsageError } from "../../command.ts";
import type { Task } from "../run.ts";
import { ScoreEvaluation } from "./evaluation.ts";
import { scoreRows } from "./rows.ts";

/** The scoring of a file. Starting it throws {@linkcode UsageError} if there are no targets. */
export function scoreTask(file: string): Task {
  return {
    name: "scoring",
    files: [file],
    start(settings, { targets }) {
      if (targets === undefined) throw new UsageError(`Option '--targets' is missing: '${file}' has none of its own`);
      const evaluation = new ScoreEvaluation(settings);
      return {
        evaluation,
        async compute(block, targets, manner) {
          evaluation.add(block.rows, await scoreRows(block, targets, manner));
        },
      };
    },
  };
}
