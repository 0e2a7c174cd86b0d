/** What a call submits: chunk by chunk of its rows, or a product at once. */
import { setImmediate } from "node:timers";
import { onDevice } from "../arguments.ts";
import type { CheckedCall } from "../operation.ts";
import type { Backlog } from "./backlog.ts";
import { submitChunk } from "./chunk.ts";
import type { Gpu } from "./device.ts";
import { GpuMemoryError } from "./guard.ts";
import { isProduct, productProgram, submitProduct } from "./product/submit.ts";
import { programOf } from "./program.ts";
import { SHADERS } from "./shaders/index.ts";
import { bytesOfRow, usesOf } from "./storage.ts";
import { Submission, type Terms } from "./submission.ts";

/** What is copied to the device at a time, at most if a row is no larger. */
const CHUNK_BYTES = 64 * 2 ** 20;

/** Submits all of a call, which is `whole` or a step of it. */
export async function submit(gpu: Gpu, call: CheckedCall, whole: CheckedCall, backlog: Backlog): Promise<void> {
  await (isProduct(call) ? submitAtOnce(gpu, call, whole, backlog) : submitByChunks(gpu, call, whole, backlog));
}

async function submitAtOnce(gpu: Gpu, call: CheckedCall, whole: CheckedCall, backlog: Backlog): Promise<void> {
  const uses = usesOf(call), program = await productProgram(gpu, call);
  const action = (work: Submission) => submitProduct(gpu, work, call, uses, program);
  const terms = termsOf(whole, call, "");
  const shortage = await attempt(gpu, backlog, terms, action) && await attempt(gpu, backlog, terms, action);
  if (shortage) throw shortage;
}

async function submitByChunks(gpu: Gpu, call: CheckedCall, whole: CheckedCall, backlog: Backlog): Promise<void> {
  const { operation, dims, options } = call, uses = usesOf(call), shader = SHADERS[operation.name];
  const { vectors, matrices, inPlace } = uses.storage;
  const key = JSON.stringify([operation.name, [...vectors], [...matrices], [...inPlace]]);
  const program = await gpu.pipelines.get(key, () => programOf(operation, shader, uses.storage));
  let most = Math.max(1, Math.floor(CHUNK_BYTES / bytesOfRow(uses)));
  for (let first = 0; first < dims.rows;) {
    options.signal?.throwIfAborted();
    const end = Math.min(dims.rows, first + most), terms = termsOf(whole, call, ` of rows ${first} to ${end - 1}`);
    const shortage = await attempt(gpu, backlog, terms, (work) => {
      submitChunk(gpu, work, call, uses, program, { first, end });
    });
    if (shortage === undefined) first = end;
    else if (end - first === 1) throw shortage;
    else most = Math.ceil((end - first) / 2); // perhaps less will do
    if (backlog.isFull) await backlog.wait();
    else if (first < dims.rows) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Submits; where the device's memory is short, frees what it can and returns the error. */
async function attempt(
  gpu: Gpu,
  backlog: Backlog,
  terms: Terms,
  action: (work: Submission) => void,
): Promise<GpuMemoryError | undefined> {
  try {
    backlog.add(await Submission.begin(gpu, terms, action));
  } catch (error) {
    if (!(error instanceof GpuMemoryError)) throw error;
    await backlog.drain();
    gpu.pool.clear();
    return error;
  }
}

/** A step is timed in any case: it is not the last, and something is read in the end. Its rows are none of the caller's. */
function termsOf(whole: CheckedCall, call: CheckedCall, rows: string): Terms {
  const isStep = whole !== call;
  const hint = onDevice(whole) !== undefined
    ? " (a GPUBuffer must be of the device that is given as `device`, and not destroyed)"
    : "";
  return { doing: `compute ${whole.operation.name}${isStep ? "" : rows}${hint}`, isTimed: isStep };
}
