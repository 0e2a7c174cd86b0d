/**
 * Composed calls: their steps one after the other, and the room in wasm memory that these share.
 *
 * @module
 */
import { MOST_ROWS, ROOM_BYTES } from "../cost/tiles.ts";
import { pacer } from "../event_loop.ts";
import type { CheckedCall, Operation, Outcome, Room, Tensor } from "../operation.ts";
import { type AllocatedMatrix, allocateMatrix } from "./allocate.ts";

type Compose = NonNullable<Operation["compose"]>;

/** Computes a composed call, with a turn of the event loop every few milliseconds. */
export async function runSteps(
  call: CheckedCall,
  compose: Compose,
  compute: (call: CheckedCall) => Promise<Outcome>,
): Promise<Outcome> {
  using room = new WasmRoom();
  const breathe = pacer();
  let threads = 1;
  for (const step of compose(call, room)) {
    if (step === "wait") continue;
    if ("read" in step) step.finish(elementsOf(step.read as Tensor));
    else {
      threads = Math.max(threads, (await compute(step.call)).threads);
      step.finish?.();
    }
    const pause = breathe();
    if (pause) await pause;
    call.options.signal?.throwIfAborted();
  }
  return { threads };
}

/** The same without a pause; after a failure the room is free when no thread can touch it any more. */
export function runStepsSync(
  call: CheckedCall,
  compose: Compose,
  compute: (call: CheckedCall) => Outcome,
  leaving: () => Promise<unknown>,
): Outcome {
  const room = new WasmRoom();
  let threads = 1;
  try {
    for (const step of compose(call, room)) {
      if (step === "wait") continue;
      if ("read" in step) step.finish(elementsOf(step.read as Tensor));
      else {
        threads = Math.max(threads, compute(step.call).threads);
        step.finish?.();
      }
    }
  } catch (error) {
    void leaving().then(() => room[Symbol.dispose]());
    throw error;
  }
  room[Symbol.dispose]();
  return { threads };
}

/** Elements of a cache line. */
const LINE = 16;

/** Matrices by name, given back together. */
class WasmRoom implements Room, Disposable {
  readonly limitBytes = ROOM_BYTES.wasm;
  readonly mostRows = MOST_ROWS.wasm;
  readonly #matrices = new Map<string, AllocatedMatrix<Float32Array>>();

  matrix(name: string, rows: number, columns: number, elements?: Float32Array): Tensor {
    const stride = strideOf(columns), kept = this.#matrices.get(name);
    const { data } = kept && kept.data.length >= rows * stride ? kept : this.#allocate(name, rows, stride);
    for (let row = 0; elements && row < rows; row++) {
      data.set(elements.subarray(row * columns, (row + 1) * columns), row * stride);
    }
    return { data, dtype: "f32", rows, columns, rowStride: stride };
  }

  #allocate(name: string, rows: number, columns: number): AllocatedMatrix<Float32Array> {
    this.#matrices.get(name)?.[Symbol.dispose]();
    this.#matrices.delete(name);
    const matrix = allocateMatrix(rows, columns, "f32");
    this.#matrices.set(name, matrix);
    return matrix;
  }

  [Symbol.dispose](): void {
    for (const matrix of this.#matrices.values()) matrix[Symbol.dispose]();
  }
}

/** An odd number of cache lines: those of a column then do not share a few places of a cache. */
function strideOf(columns: number): number {
  return (Math.ceil(columns / LINE) | 1) * LINE;
}

/** A matrix's elements, row by row without gaps. */
function elementsOf({ data, rows, columns, rowStride }: Tensor): Float32Array {
  const elements = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    elements.set(data.subarray(row * rowStride, row * rowStride + columns), row * columns);
  }
  return elements;
}
