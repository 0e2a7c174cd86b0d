// The module's exports: one kernel an operation, arguments in the order of its record, and what the host sets up.

export { workspace } from "./view";
export { boardBytes, join } from "./team";
export { fused, mapExp, mapLn } from "./math";
export { crossEntropy } from "./cross_entropy";
export { crossEntropyGradient } from "./cross_entropy_gradient";
export { distillationLoss } from "./distillation_loss";
export { entropy } from "./entropy";
export { jsDivergence } from "./js_divergence";
export { klDivergence } from "./kl_divergence";
export { klDivergenceGradient } from "./kl_divergence_gradient";
export { leaveOut } from "./leave_out";
export { logSoftmax } from "./log_softmax";
export { logSumExp } from "./log_sum_exp";
export { probe } from "./probe";
export { productNN, productNT, productTN } from "./product";
export { softmax } from "./softmax";
export { tokenStatistics } from "./token_statistics";
