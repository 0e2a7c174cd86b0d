/**
 * Whether it pays to copy a call's tensors to a GPU and back, by arithmetic on its traffic.
 *
 * @module
 */
import { isOnDevice } from "../arguments.ts";
import type { CheckedCall } from "../operation.ts";
import { deservedThreads, roughSeconds } from "./threads.ts";
import { tensorBytes, traffic } from "./traffic.ts";

/** Bytes a second from the caller's arrays to a GPU and back: two copies by one core and one over the bus, a round figure. */
const COPIED_BYTES_PER_SECOND = 4e9;

/** Bytes a second of a GPU's memory: a round figure between a laptop's and a data centre's. */
const GPU_BYTES_PER_SECOND = 500e9;

/** Exponentials a second of a GPU, with all that goes with them: a round figure likewise. */
const GPU_EXPS_PER_SECOND = 100e9;

/** What it takes to be told that a GPU is done: mapping a buffer waits for the queue and then sleeps for 10 ms. */
const ANSWER_SECONDS = 11e-3;

/** What it takes to find a device and to compile a program: once, but who knows whether there will be another call? */
const OPENING_SECONDS = 0.3;

/** A prediction. */
export interface Offload {
  /** Whether the GPU is predicted to be faster. */
  readonly pays: boolean;
  /** Both predictions in half a sentence. */
  readonly finding: string;
}

/** Predicts both ways; `isOpen` says whether a device is at hand. */
export function offload(call: CheckedCall, isOpen: boolean): Offload {
  const work = traffic(call), alone = roughSeconds(work);
  const threads = call.options.threads ?? deservedThreads(alone, globalThis.navigator?.hardwareConcurrency ?? 1);
  const cpu = alone / threads;
  const bytes = Object.values(call.tensors).reduce((sum, tensor) => {
    return sum + (tensor && !isOnDevice(tensor) ? tensorBytes(tensor) : 0);
  }, 0);
  const copies = bytes / COPIED_BYTES_PER_SECOND;
  const moved = (work.bytesRead + work.bytesWritten) / GPU_BYTES_PER_SECOND;
  const gpu = copies + Math.max(moved, work.exps / GPU_EXPS_PER_SECOND) + ANSWER_SECONDS;
  const pays = gpu + (isOpen ? 0 : OPENING_SECONDS) < cpu;
  const parts = `${milliseconds(copies)} of copies and ${milliseconds(ANSWER_SECONDS)} until it answers`;
  const finding = pays
    ? `predicted ${milliseconds(gpu)} with ${parts}, WebAssembly ${milliseconds(cpu)}`
    : `predicted ${milliseconds(cpu)}, a GPU ${milliseconds(gpu)} with ${parts}`;
  return { pays, finding };
}

/** Never in exponential form. */
function milliseconds(seconds: number): string {
  return `${Number((seconds * 1000).toPrecision(2))} ms`;
}
