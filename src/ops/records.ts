/**
 * The records of the operations that are planned and calibrated, by name. What others are composed of is among them, or is
 * planned as what linearCrossEntropy takes is.
 *
 * @module
 */
import type { Operation } from "../operation.ts";
import { record as crossEntropy } from "./cross_entropy.ts";
import { record as entropy } from "./entropy.ts";
import { record as jsDivergence } from "./js_divergence.ts";
import { record as klDivergence } from "./kl_divergence.ts";
import { record as linearCrossEntropy } from "./linear_cross_entropy.ts";
import { record as logSoftmax } from "./log_softmax.ts";
import { record as logSumExp } from "./log_sum_exp.ts";
import { record as softmax } from "./softmax.ts";
import { record as tokenStatistics } from "./token_statistics.ts";

/** The name of an operation that can be planned. */
export type OperationName =
  | "crossEntropy"
  | "entropy"
  | "jsDivergence"
  | "klDivergence"
  | "linearCrossEntropy"
  | "logSoftmax"
  | "logSumExp"
  | "softmax"
  | "tokenStatistics";

/** All that are planned. */
export const RECORDS: Readonly<Record<OperationName, Operation>> = {
  crossEntropy,
  entropy,
  jsDivergence,
  klDivergence,
  linearCrossEntropy,
  logSoftmax,
  logSumExp,
  softmax,
  tokenStatistics,
};
