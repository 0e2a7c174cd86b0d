/** What softmax and logSoftmax share: a matrix in, a matrix of the same shape out. */
import type {
  AnyData,
  AnyMatrix,
  CheckedCall,
  CommonOptions,
  GpuOutputs,
  LogitsOptions,
  Matrix,
  MatrixData,
  Operation,
} from "../operation.ts";
import { asMatrix, newMatrix } from "../tensors.ts";
import { Checker } from "../validate.ts";

/** Options of both. */
export interface TransformOptions<Data extends AnyData = MatrixData> extends CommonOptions, LogitsOptions {
  /** Where the result goes, [rows, vocab] of any dtype; the logits themselves for a result in their place. */
  readonly out?: Matrix<Data>;
}

/** Checks the arguments of an operation with one input and one output matrix. */
export function transformRows(
  record: Operation,
  logits: AnyMatrix,
  options: TransformOptions<AnyData> & Partial<GpuOutputs>,
): { call: CheckedCall; result: () => AnyMatrix } {
  const check = new Checker(`compute ${record.name}`);
  const { options: common, softcap, temperature } = check.logitsOptions(options, ["out", "outputs"]);
  const input = check.matrix("logits", logits);
  const { rows, columns: vocab } = input;
  const outputs = check.outputs(options.outputs);
  if (outputs && options.out !== undefined) throw check.typeError('outputs is "gpu", and out says where else');
  const output = options.out === undefined
    ? newMatrix(rows, vocab, outputs)
    : check.output("out", options.out, input, { logits: input });
  const call: CheckedCall = {
    operation: record,
    dims: { rows, vocab },
    tensors: { logits: input, [record.outputs[0].name]: output },
    params: { softcap, temperature },
    options: common,
  };
  return { call, result: () => options.out ?? asMatrix(output) };
}
