/** `surprisal merge`: one result from those of parts of the rows. */
import type { Command } from "./command.ts";
import { DESTINATIONS } from "./evaluation/request.ts";

/** The command. */
export const merge: Command = {
  summary: "Merge partial results of score or of compare: the same numbers, to the last bit, as of all rows at once",
  operands: [{ name: "partial", description: "Files that --partial has written", isMany: true }],
  options: DESTINATIONS,
  async run(values, paths) {
    const [{ readDestinations }, { finish }, { mergePartials }, { ScoreEvaluation }, { CompareEvaluation }] =
      await Promise.all([
        import("./evaluation/request.ts"),
        import("./evaluation/finish.ts"),
        import("./evaluation/partial.ts"),
        import("./evaluation/score/evaluation.ts"),
        import("./evaluation/compare/evaluation.ts"),
      ]);
    const { evaluation, parts } = await mergePartials(
      paths,
      (kind, settings) => kind === "score" ? new ScoreEvaluation(settings) : new CompareEvaluation(settings),
    );
    return await finish(evaluation, parts, await readDestinations(values));
  },
};
