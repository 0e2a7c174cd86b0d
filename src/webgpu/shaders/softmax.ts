/** softmax in WGSL. */
import type { Shader } from "../shader.ts";
import { transformRows } from "./transform_rows.ts";

/** logits [rows, vocab] → probabilities [rows, vocab], which may be the logits. */
export const softmax: Shader = transformRows("probabilities", "shares(x, state, 1.0)");
