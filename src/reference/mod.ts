/**
 * The generic backend over this room: every operation in plain f64 TypeScript, in the caller's arrays, a few rows at a time.
 *
 * @module
 */
import { dimensionNames, hostTensors, scalarNames, tensorNames } from "../arguments.ts";
import { pacer } from "../event_loop.ts";
import type { CheckedCall, Operation, SyncBackend, Tensor } from "../operation.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { entropy } from "./entropy.ts";
import { jsDivergence } from "./js_divergence.ts";
import { klDivergence } from "./kl_divergence.ts";
import { logSoftmax } from "./log_softmax.ts";
import { logSumExp } from "./log_sum_exp.ts";
import { softmax } from "./softmax.ts";
import { tokenStatistics } from "./token_statistics.ts";

/** Arguments as the record of the operation orders them. */
type Kernel = (...args: (Tensor | number | undefined)[]) => void;

const KERNELS: Readonly<Record<string, (...args: never[]) => void>> = {
  crossEntropy,
  entropy,
  jsDivergence,
  klDivergence,
  logSoftmax,
  logSumExp,
  softmax,
  tokenStatistics,
};

/** Elements of a step, over all tensors: some milliseconds. */
const STEP_ELEMENTS = 2 ** 18;

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
  const { operation, dims, params } = call;
  const tensors = hostTensors(call);
  const kernel = KERNELS[operation.name] as Kernel;
  const byRows = tensorsByRows(operation);
  const most = rowsPerStep ?? Math.max(1, Math.floor(STEP_ELEMENTS / elementsOfRow(call, byRows)));
  for (let firstRow = 0; firstRow < dims.rows; firstRow += most) {
    const rows = Math.min(most, dims.rows - firstRow);
    kernel(
      ...tensorNames(operation).map((name) => byRows.has(name) ? slice(tensors[name], firstRow, rows) : tensors[name]),
      ...dimensionNames(operation).map((name) => name === "rows" ? rows : dims[name] ?? 0),
      ...scalarNames(operation).map((name) => params[name]),
    );
    yield rows;
  }
}

/** The tensors that have a row for each row of the call. */
function tensorsByRows({ inputs, outputs }: Operation): ReadonlySet<string> {
  return new Set([...inputs, ...outputs].filter((spec) => spec.shape.includes("rows")).map((spec) => spec.name));
}

function elementsOfRow({ tensors }: CheckedCall, byRows: ReadonlySet<string>): number {
  return [...byRows].reduce((total, name) => total + (tensors[name]?.columns ?? 0), 0);
}

/** Some rows of a tensor; with a stride of 0 they are all its one row. */
function slice(tensor: Tensor | undefined, firstRow: number, rows: number): Tensor | undefined {
  return tensor && { ...tensor, data: tensor.data.subarray(firstRow * tensor.rowStride), rows };
}
