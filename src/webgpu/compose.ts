/**
 * Composed calls: their steps are submitted one after the other, and read many together. Whatever waits for a result waits for
 * all before.
 *
 * @module
 */
import { READ_BYTES } from "../cost/tiles.ts";
import { pacer } from "../event_loop.ts";
import type { CheckedCall, DeviceTensor, Operation, Step } from "../operation.ts";
import type { Backlog, Bounds } from "./backlog.ts";
import type { Gpu } from "./device.ts";
import { guard } from "./guard.ts";
import { GpuRoom } from "./room.ts";
import { submit } from "./submit.ts";

/** What may wait of a composed call, whose room it is counted with. */
export const STEP_BOUNDS: Bounds = { bytes: 64 * 2 ** 20, keptBytes: READ_BYTES, readBytes: READ_BYTES, works: 256 };

type Compose = NonNullable<Operation["compose"]>;

/** Submits the steps of a composed call; leaves no more in the backlog than results that nobody waits for. */
export async function submitSteps(gpu: Gpu, call: CheckedCall, compose: Compose, backlog: Backlog): Promise<void> {
  const room = new GpuRoom(gpu), steps = compose(call, room)[Symbol.iterator](), breathe = pacer();
  const attempt = () => ({ doing: `compute ${call.operation.name}`, bytes: room.bytes });
  let isBroken = false;
  try {
    for (;;) {
      const { done, value }: IteratorResult<Step, unknown> = await guard(
        gpu.device,
        attempt,
        () => steps.next(),
        () => isBroken = true,
      );
      if (done) return;
      await take(gpu, value as Step, call, room, backlog);
      const pause = breathe();
      if (pause) await pause;
      call.options.signal?.throwIfAborted();
    }
  } finally {
    steps.return?.();
    room.close(isBroken);
  }
}

async function take(gpu: Gpu, step: Step, call: CheckedCall, room: GpuRoom, backlog: Backlog): Promise<void> {
  if (step === "wait") return await backlog.drain();
  if ("read" in step) {
    await backlog.drain();
    return step.finish(await room.read(step.read as DeviceTensor));
  }
  if (backlog.owes(step.call)) await backlog.drain();
  await submit(gpu, step.call, call, backlog);
  backlog.follow(step.call, step.finish);
  if (backlog.isFull) await backlog.wait();
}
