// What composed calls take of the GPU's memory beside inputs and outputs: at most 64 MiB, whatever their sizes.

import { assertEquals, assertGreater, assertLessOrEqual, assertMatch, assertRejects } from "@std/assert";
import { type AnyMatrix, linearCrossEntropy, type WantedGradients } from "../mod.ts";
import { MOST_ROWS, ROOM_BYTES, tileOf } from "../src/cost/tiles.ts";
import type { CheckedCall, Operation } from "../src/operation.ts";
import { record } from "../src/ops/log_sum_exp.ts";
import { compute } from "../src/webgpu/job.ts";
import { onGpu } from "./backends.ts";
import { confine, makeBuffer, ownGpu, watch } from "./gpu.ts";

const LIMIT_BYTES = 64 * 2 ** 20;

/** Runs something in which the GPU is asked for everything and computes nothing: sizes are those of a call, numbers are not. */
async function idly(action: () => Promise<unknown>): Promise<void> {
  const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {};
  try {
    await action();
  } finally {
    GPUComputePassEncoder.prototype.dispatchWorkgroups = dispatchWorkgroups;
  }
}

/** A matrix of which there is one row. */
function flat(data: Float32Array | GPUBuffer, rows: number, columns: number) {
  return { data, shape: [rows, columns], dtype: "f32", rowStride: 0 } as const;
}

/** Asserts how much a call of linearCrossEntropy takes at most. */
async function assertFits(hidden: AnyMatrix, weight: AnyMatrix, gradient: boolean | WantedGradients): Promise<void> {
  const { pool } = await ownGpu(), watched = watch(pool), targets = new Int32Array(hidden.shape[0]);
  const options = { backend: "webgpu", bias: new Float32Array(weight.shape[0]), gradient } as const;
  try {
    await idly(() => linearCrossEntropy(hidden, weight, targets, options));
  } finally {
    watched.restore();
  }
  const what = `${hidden.shape.join(" × ")} × ${weight.shape[0]}: ${watched.peakBytes} bytes`;
  const [rows, width] = hidden.shape,
    [vocab] = weight.shape,
    bounds = { limitBytes: ROOM_BYTES.webgpu, mostRows: MOST_ROWS.webgpu };
  const tile = tileOf({ rows, vocab, width, ...bounds });
  assertGreater(watched.peakBytes, 4 * tile.rows * tile.classes, what);
  assertLessOrEqual(watched.peakBytes, LIMIT_BYTES, what);
  assertEquals(pool.lentBytes, 0);
}

onGpu("a room that the GPU has no memory for is an error with its bytes, and is given back", async () => {
  const gpu = confine(await ownGpu(), 3e6);
  const steps = (size: number): Operation["compose"] =>
    function* (_, room) {
      for (const name of ["first", "second"]) room.matrix(name, size, size);
      yield "wait";
    };
  const call = (size: number): CheckedCall => {
    const operation = { ...record, name: "rooms", compose: steps(size) };
    return { operation, dims: { rows: 1, vocab: 1 }, tensors: {}, params: {}, options: {} };
  };
  await compute(gpu, call(500));
  const { message } = await assertRejects(() => compute(gpu, call(640)), RangeError);
  assertMatch(message, /^Cannot compute rooms: the GPU has no memory for 3[34]\d{5} bytes/);
  assertEquals(gpu.pool.lentBytes, 0);
  gpu.pool.clear();
});

onGpu("8,192 × 2,304 × 256,000 on the GPU takes at most 64 MiB beside it", async () => {
  const { device } = await ownGpu(), row = makeBuffer(device, 4 * 2304);
  await assertFits(flat(row, 8192, 2304), flat(row, 256_000, 2304), false);
  row.destroy();
});

onGpu("states in an array, and weights there too, take at most 64 MiB with all gradients", async () => {
  const { device } = await ownGpu(), row = makeBuffer(device, 4 * 2304), one = new Float32Array(2304);
  await assertFits(flat(one, 8192, 2304), flat(row, 256_000, 2304), { hidden: true, bias: true });
  const table = { data: new Float32Array(6000 * 2304), shape: [6000, 2304] } as const;
  await assertFits(flat(one, 3000, 2304), table, true);
  await assertFits(flat(row, 5000, 2304), table, { weight: true });
  row.destroy();
});
