/** logSoftmax in WGSL. */
import type { Shader } from "../shader.ts";
import { transformRows } from "./transform_rows.ts";

/** logits [rows, vocab] → logProbabilities [rows, vocab], which may be the logits. */
export const logSoftmax: Shader = transformRows("logProbabilities", "log_shares(x, state)");
