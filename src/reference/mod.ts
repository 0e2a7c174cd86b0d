/**
 * The generic backend over this room: every operation in plain f64 TypeScript, in the caller's arrays, a few rows at a time.
 *
 * Outputs that all rows share are sums over them: kernels add to what they find, which is f64 and begins at 0.
 *
 * @module
 */
import { type Axis, axisOf, dimensionNames, hostTensors, scalarNames } from "../arguments.ts";
import { pacer } from "../event_loop.ts";
import type { CheckedCall, SyncBackend, Tensor } from "../operation.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { distillationLoss } from "./distillation_loss.ts";
import { entropy } from "./entropy.ts";
import { jsDivergence } from "./js_divergence.ts";
import { klDivergence } from "./kl_divergence.ts";
import { linear } from "./linear.ts";
import { linearCrossEntropy } from "./linear_cross_entropy.ts";
import { linearKlDivergence } from "./linear_kl_divergence.ts";
import { logSoftmax } from "./log_softmax.ts";
import { logSumExp } from "./log_sum_exp.ts";
import { productNN, productNT, productTN } from "./product.ts";
import { readRow, writeRow } from "./row.ts";
import { sampledSoftmaxLoss } from "./sampled_softmax_loss.ts";
import { softmax } from "./softmax.ts";
import { tokenStatistics } from "./token_statistics.ts";

/** Arguments as the record of the operation orders them. */
type Kernel = (...args: (Tensor | number | undefined)[]) => void;

const KERNELS: Readonly<Record<string, (...args: never[]) => void>> = {
  crossEntropy,
  distillationLoss,
  entropy,
  jsDivergence,
  klDivergence,
  linear,
  linearCrossEntropy,
  linearKlDivergence,
  logSoftmax,
  logSumExp,
  productNN,
  productNT,
  productTN,
  sampledSoftmaxLoss,
  softmax,
  tokenStatistics,
};

/** Elements of a step, over all tensors: some milliseconds. */
const STEP_ELEMENTS = 2 ** 18;

/** Floating-point operations of matrix products that take as long as an element. */
const FLOPS_PER_ELEMENT = 8;

/** The backend that needs nothing but JavaScript. */
export const reference: SyncBackend = {
  name: "reference",
  obstacle({ operation }) {
    return Object.hasOwn(KERNELS, operation.name) ? undefined : "the reference has no such operation";
  },
  manner: () => "plain TypeScript in f64",
  async run(call) {
    const breathe = pacer();
    for (const _ of steps(call)) {
      const pause = breathe();
      if (pause) await pause;
      call.options.signal?.throwIfAborted();
    }
    return { threads: 1 };
  },
  runSync(call) {
    for (const _ of steps(call));
    return { threads: 1 };
  },
};

/** Computes a call a few rows at a time; between two steps the caller decides what else happens. Yields the rows of each. */
export function* steps(call: CheckedCall, rowsPerStep?: number): Generator<number> {
  const { operation, dims, params } = call, { outputs } = operation;
  const tensors = hostTensors(call);
  const kernel = KERNELS[operation.name] as Kernel;
  const all = [...operation.inputs, ...outputs].map((spec) => {
    const tensor = tensors[spec.name], axis = axisOf(spec);
    const isSum = tensor !== undefined && axis === "none" && outputs.includes(spec);
    return { name: spec.name, axis, tensor: isSum ? sums(tensor) : tensor, result: isSum ? tensor : undefined };
  });
  const most = rowsPerStep ?? Math.max(1, Math.floor(STEP_ELEMENTS / elementsOfRow(call, all)));
  for (let firstRow = 0; firstRow < dims.rows; firstRow += most) {
    const rows = Math.min(most, dims.rows - firstRow);
    kernel(
      ...all.map(({ tensor, axis }) => tensor && slice(tensor, axis, firstRow, rows)),
      ...dimensionNames(operation).map((name) => name === "rows" ? rows : dims[name] ?? 0),
      ...scalarNames(operation).map((name) => params[name]),
    );
    yield rows;
  }
  for (const { tensor, result } of all) {
    for (let row = 0; tensor && result && row < result.rows; row++) writeRow(result, row, readRow(tensor, row));
  }
}

/** A tensor of a call, or the sums that become it. */
interface Argument {
  readonly name: string;
  readonly axis: Axis;
  readonly tensor: Tensor | undefined;
}

/** What a row of the call takes, in elements. */
function elementsOfRow({ operation, dims }: CheckedCall, all: readonly Argument[]): number {
  const present = all.filter(({ tensor }) => tensor !== undefined);
  const { matrixFlops = 0 } = operation.work(new Set(present.map(({ name }) => name)), dims);
  return present.reduce((total, { axis, tensor }) => {
    return total + (axis === "none" ? 0 : tensor?.[axis === "rows" ? "columns" : "rows"] ?? 0);
  }, matrixFlops * dims.vocab / FLOPS_PER_ELEMENT);
}

/** A tensor of zeros of the same shape, for sums. */
function sums({ rows, columns }: Tensor): Tensor {
  return { data: new Float64Array(rows * columns), dtype: "f64", rows, columns, rowStride: columns };
}

/** What of a tensor belongs to some rows of the call; with a stride of 0 its rows are all one. */
function slice(tensor: Tensor, axis: Axis, first: number, count: number): Tensor {
  if (axis === "none") return tensor;
  if (axis === "columns") return { ...tensor, data: tensor.data.subarray(first), columns: count };
  return { ...tensor, data: tensor.data.subarray(first * tensor.rowStride), rows: count };
}
