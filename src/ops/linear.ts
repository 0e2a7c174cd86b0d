import type { AnyData, AnyMatrix, CommonOptions, GpuOutputs } from "../operation.ts";
import type { Matrix, MatrixData, Operation, Report } from "../operation.ts";
import { type Prepared, run, runSync } from "../run.ts";
import { asMatrix, newMatrix, shared } from "../tensors.ts";
import { Checker } from "../validate.ts";
import { linearSteps } from "./linear/linear_steps.ts";

/** The record of linear. */
export const record: Operation = {
  name: "linear",
  inputs: [
    { name: "hidden", shape: ["rows", "hidden"], type: "float" },
    { name: "weight", shape: ["vocab", "hidden"], type: "float" },
    { name: "bias", shape: ["vocab"], type: "f32", optional: true },
  ],
  outputs: [{ name: "logits", shape: ["rows", "vocab"], type: "float" }],
  params: {},
  work: (_present, { hidden }) => ({ exps: 0, flops: 0, matrixFlops: 2 * hidden }),
  compose: linearSteps,
};

/** Options of {@linkcode linear}. */
export interface LinearOptions<Data extends AnyData = MatrixData> extends CommonOptions {
  /** [vocab]: added to the logits. −∞ masks a class. */
  readonly bias?: ArrayLike<number>;
  /** Where the logits go, [rows, vocab] of f32: a new matrix unless given. */
  readonly out?: Matrix<Data>;
}

/** What {@linkcode linear} returns. */
export interface LinearResult<Data extends AnyData = MatrixData> {
  /** [rows, vocab], f32: `out`, or a new matrix. */
  readonly logits: Matrix<Data>;
  /** How it ran. */
  readonly report: Report;
}

type AnyOptions = LinearOptions<AnyData> & Partial<GpuOutputs>;

function prepare(hidden: AnyMatrix, weight: AnyMatrix, options: AnyOptions = {}): Prepared<LinearResult<AnyData>> {
  const check = new Checker("compute linear");
  const common = check.options(options, ["bias", "out", "outputs"]);
  const states = check.matrix("hidden", hidden), table = check.matrix("weight", weight);
  check.factors("hidden", states, "weight", table);
  const { bias, out } = options, vocab = table.rows, outputs = check.outputs(options.outputs);
  const biases = bias === undefined ? undefined : check.numbers("bias", bias, vocab, "class", true);
  if (outputs && out !== undefined) throw check.typeError('outputs is "gpu", and out says where else');
  const inputs = { hidden: states, weight: table };
  const logits = out === undefined
    ? newMatrix(states.rows, vocab, outputs)
    : check.receiver("out", out, { rows: states.rows, columns: vocab }, "hidden·weightᵀ", inputs);
  return {
    call: {
      operation: record,
      dims: { rows: states.rows, hidden: states.columns, vocab },
      tensors: { ...inputs, bias: biases && shared(biases), logits },
      params: {},
      options: common,
    },
    finish: (report) => ({ logits: out ?? asMatrix(logits), report }),
  };
}

/**
 * The logits themselves: hidden·weightᵀ + bias, as `torch.nn.functional.linear`. For the loss of a large vocabulary they need
 * not be there at all: see `linearCrossEntropy`.
 *
 * Each logit is summed in f32 in the order of the hidden numbers, whatever the threads. NaN and ∞ go where IEEE arithmetic
 * takes them; a bias of −∞ masks its class. No rows give no logits.
 *
 * @param hidden [rows, hidden] states.
 * @param weight [vocab, hidden], a row a class.
 * @param options Bias, `out` or `outputs`, and the common options.
 * @returns `logits` [rows, vocab].
 * @throws {TypeError} If an argument has the wrong type or length, or `out` is not f32.
 * @throws {RangeError} If a shape, stride or option is out of range, or `out` overlaps an input.
 * @throws {BackendUnavailableError} If the backend asked for by name, or the GPU that holds a matrix, cannot run.
 *
 * @example Two states, three classes
 * ```ts
 * import { linear } from "@surprisal/core";
 * import { assertEquals } from "@std/assert";
 *
 * const hidden = { data: new Float32Array([1, 2, 3, 4]), shape: [2, 2] as const };
 * const weight = { data: new Float32Array([1, 0, 0, 1, 1, 1]), shape: [3, 2] as const };
 * const { logits } = await linear(hidden, weight, { bias: [0, 0, 10] });
 * assertEquals(logits.data, new Float32Array([1, 2, 13, 3, 4, 17]));
 * ```
 */
export function linear(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  options: LinearOptions & GpuOutputs,
): Promise<LinearResult<GPUBuffer>>;
/** The same into `out`, or a new array. */
export function linear<Data extends AnyData = MatrixData>(
  hidden: AnyMatrix,
  weight: AnyMatrix,
  options?: LinearOptions<Data>,
): Promise<LinearResult<Data>>;
export function linear(hidden: AnyMatrix, weight: AnyMatrix, options?: AnyOptions): Promise<LinearResult<AnyData>> {
  return run(() => prepare(hidden, weight, options));
}

/** {@linkcode linear} without a promise. */
export function linearSync<Data extends MatrixData = MatrixData>(
  hidden: Matrix,
  weight: Matrix,
  options?: LinearOptions<Data>,
): LinearResult<Data> {
  return runSync(() => prepare(hidden, weight, options)) as LinearResult<Data>;
}
