/** The operations in WGSL, by the names of their records: public ones, and those that steps of others are made of. */
import type { Shader } from "../shader.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { crossEntropyGradient } from "./cross_entropy_gradient.ts";
import { distillationLoss } from "./distillation_loss.ts";
import { entropy } from "./entropy.ts";
import { jsDivergence } from "./js_divergence.ts";
import { klDivergence } from "./kl_divergence.ts";
import { klDivergenceGradient } from "./kl_divergence_gradient.ts";
import { leaveOut } from "./leave_out.ts";
import { logSoftmax } from "./log_softmax.ts";
import { logSumExp } from "./log_sum_exp.ts";
import { softmax } from "./softmax.ts";
import { tokenStatistics } from "./token_statistics.ts";

/** All of them. */
export const SHADERS: Readonly<Record<string, Shader>> = {
  crossEntropy,
  crossEntropyGradient,
  distillationLoss,
  entropy,
  jsDivergence,
  klDivergence,
  klDivergenceGradient,
  leaveOut,
  logSoftmax,
  logSumExp,
  softmax,
  tokenStatistics,
};
