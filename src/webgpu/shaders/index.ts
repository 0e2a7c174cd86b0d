/** The operations in WGSL, by the names of their records. */
import type { Shader } from "../shader.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { entropy } from "./entropy.ts";
import { jsDivergence } from "./js_divergence.ts";
import { klDivergence } from "./kl_divergence.ts";
import { logSoftmax } from "./log_softmax.ts";
import { logSumExp } from "./log_sum_exp.ts";
import { softmax } from "./softmax.ts";
import { tokenStatistics } from "./token_statistics.ts";

/** All of them. */
export const SHADERS: Readonly<Record<string, Shader>> = {
  crossEntropy,
  entropy,
  jsDivergence,
  klDivergence,
  logSoftmax,
  logSumExp,
  softmax,
  tokenStatistics,
};
