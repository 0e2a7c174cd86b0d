/** Operations on matrices that lie on the GPU, by its own clock, beside copies between them. */
import type { DType, Matrix } from "../../mod.ts";
import { makeTargets, type Shape } from "../cases.ts";
import { type Measurement, summarise } from "../harness.ts";
import { check } from "./check.ts";
import type { Copier } from "./copy.ts";
import { Buffers } from "./device.ts";
import type { Filler } from "./fill.ts";
import { type Operands, type Operation, OPERATIONS } from "./operations.ts";
import { readRows, sampleRows, widthOf } from "./rows.ts";

/** The buffers of a ring together are no smaller, if there are few enough: more than caches hold. */
const RING_BYTES = 256 * 2 ** 20;

/** The fewest and the most buffers of a ring. */
const FEWEST = 2, MOST = 8;

/** The most calls in a row that are timed together. */
const MOST_CALLS = 4096;

/** How long to measure. */
export interface Effort {
  readonly repetitions: number;
  /** Of calls in a row, where only the wall clock tells. */
  readonly wallSeconds: number;
}

/** What measures: a device, its copies, what fills its buffers. */
export interface Bench {
  readonly device: GPUDevice;
  readonly copier: Copier;
  readonly filler: Filler;
  readonly effort: Effort;
}

/** An operation at a shape and a dtype. */
export interface Row extends Measurement {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Whose time it is: a share of calls in a row by the wall clock where the GPU's tells nothing. */
  readonly clock: "GPU" | "wall";
  /** Its bytes a second over those of the copies between its runs. */
  readonly shareOfCopy: number;
}

/** What was found at a shape and a dtype: the copies first. */
export interface Group {
  readonly buffers: number;
  readonly copy: Measurement;
  readonly rows: readonly Row[];
}

/** Buffers of a shape and a dtype. */
interface Stage {
  readonly count: number;
  /** Those of a turn: the ring moves on by one. */
  operands(turn: number): Operands;
  /** Makes the logits of a turn again. */
  refill(turn: number): void;
}

/** An operation that has been checked. */
interface Checked {
  readonly operation: Operation;
  readonly bytes: number;
  readonly isTimed: boolean;
  readonly samples: number[];
}

/** Checks and measures all operations; throws {@linkcode DoesNotFit} where the device has no room. */
export async function measureResident(bench: Bench, shape: Shape, dtype: DType): Promise<Group> {
  using buffers = new Buffers(bench.device);
  const stage = await prepare(bench, buffers, shape, dtype);
  const checked = await checkAll(bench, stage, shape);
  const copy = summarise("copy", bench.copier.bytes, await timeAll(bench, stage, checked));
  const rows = checked.map(({ operation, bytes, isTimed, samples }): Row => {
    const one = summarise(operation.name, bytes, samples);
    const shareOfCopy = one.bytesPerSecond / copy.bytesPerSecond;
    return { ...one, shape, dtype, clock: isTimed ? "GPU" : "wall", shareOfCopy };
  });
  return { buffers: stage.count, copy, rows };
}

async function prepare({ filler }: Bench, buffers: Buffers, shape: Shape, dtype: DType): Promise<Stage> {
  const bytes = shape[0] * shape[1] * widthOf(dtype);
  const count = Math.min(MOST, Math.max(FEWEST, Math.ceil(RING_BYTES / bytes)));
  const ring: Matrix<GPUBuffer>[] = [];
  for (let i = 0; i < count; i++) ring.push({ data: await buffers.take(bytes), shape, dtype });
  const out = { data: await buffers.take(bytes), shape, dtype }, targets = makeTargets(shape);
  const refill = (turn: number) => filler.fill(ring[turn % count].data, dtype, turn % count);
  ring.forEach((_, i) => refill(i));
  return { count, refill, operands: (turn) => ({ p: ring[turn % count], q: ring[(turn + 1) % count], out, targets }) };
}

async function checkAll({ device }: Bench, { operands, refill }: Stage, shape: Shape): Promise<Checked[]> {
  const rows = sampleRows(shape), { p, q } = operands(0);
  const sample = { rows, p: await readRows(device, p, rows), q: await readRows(device, q, rows) };
  const all: Checked[] = [];
  for (const operation of OPERATIONS) {
    const report = await check(operation, operands(0), { device }, sample);
    if (operation.isInPlace) refill(0);
    const { bytesRead, bytesWritten, gpuSeconds } = report;
    all.push({ operation, bytes: bytesRead + bytesWritten, isTimed: gpuSeconds !== undefined, samples: [] });
  }
  return all;
}

/** Takes the samples of all operations; returns those of the copies. */
async function timeAll(bench: Bench, { count, operands, refill }: Stage, all: readonly Checked[]): Promise<number[]> {
  const { device, copier, effort } = bench;
  await copier.read();
  for (let turn = 0; turn < effort.repetitions; turn++) {
    for (const { operation, samples, isTimed } of all) {
      if (!isTimed) continue;
      // It also leaves nothing of the operands in the caches
      copier.run();
      const { report: { gpuSeconds = NaN } } = await operation.run(operands(turn), { device });
      samples.push(gpuSeconds);
      if (operation.isInPlace) refill(turn);
    }
  }
  const copies = await copier.read();
  for (const { operation, samples, isTimed } of all) {
    if (isTimed) continue;
    samples.push(...await clockCalls(device, effort, (turn) => operation.run(operands(turn), { device })));
    if (operation.isInPlace) { for (let turn = 0; turn < count; turn++) refill(turn); }
  }
  return copies.length > 0 ? copies : await clockCalls(device, effort, () => copier.run());
}

/** Seconds of one of many calls in a row, until the queue is done: so many that what that takes hardly counts. */
export async function clockCalls(
  { queue }: GPUDevice,
  { repetitions, wallSeconds }: Effort,
  call: (i: number) => unknown,
): Promise<number[]> {
  let turn = 0;
  const clock = async (calls: number) => {
    await queue.onSubmittedWorkDone();
    const start = performance.now();
    for (let i = 0; i < calls; i++) await call(turn++);
    await queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000;
  };
  let calls = 1;
  while (calls < MOST_CALLS && await clock(calls) < wallSeconds) calls *= 2;
  const samples: number[] = [];
  for (let i = 0; i < repetitions; i++) samples.push(await clock(calls) / calls);
  return samples;
}
