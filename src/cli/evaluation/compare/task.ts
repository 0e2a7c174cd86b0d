/** A comparison as a task. */
import { Floor } from "../floor.ts";
import type { Task } from "../run.ts";
import { CompareEvaluation } from "./evaluation.ts";
import { compareRows } from "./rows.ts";

/** The comparison of two files. */
export function compareTask(base: string, other: string): Task {
  return {
    name: "comparing",
    files: [base, other],
    start(settings, { files: [{ reader }] }) {
      const evaluation = new CompareEvaluation(settings), floor = new Floor(reader.dtype, settings.temperature);
      return {
        evaluation,
        async compute(block, targets, manner, scratch) {
          evaluation.add(block.rows, await compareRows(block, targets, manner, floor, scratch));
        },
      };
    },
  };
}
