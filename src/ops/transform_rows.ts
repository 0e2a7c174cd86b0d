/** What softmax and logSoftmax share: a matrix in, a matrix of the same shape out. */
import type { CheckedCall, CommonOptions, LogitsOptions, Matrix, Operation } from "../operation.ts";
import { asMatrix, Checker, vector } from "../validate.ts";

/** Checks the arguments of an operation with one input and one output matrix. */
export function transformRows(
  record: Operation,
  logits: Matrix,
  options: CommonOptions & LogitsOptions & { readonly out?: Matrix },
): { call: CheckedCall; result: Matrix } {
  const check = new Checker(`compute ${record.name}`);
  const { options: common, softcap, temperature } = check.logitsOptions(options, ["out"]);
  const input = check.matrix("logits", logits);
  const { rows, columns: vocab } = input;
  const output = options.out === undefined
    ? vector(new Float32Array(rows * vocab), vocab)
    : check.output("out", options.out, input, { logits: input });
  const call: CheckedCall = {
    operation: record,
    dims: { rows, vocab },
    tensors: { logits: input, [record.outputs[0].name]: output },
    params: { softcap, temperature },
    options: common,
  };
  return { call, result: options.out ?? asMatrix(output) };
}
