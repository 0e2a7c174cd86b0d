/**
 * Runs a planned job: on this thread, on the pool's, or on both. The caller stages what only it can see; while it has nothing
 * to stage it sleeps, or, in a call without a promise, computes too.
 *
 * @module
 */
import { pacer } from "../event_loop.ts";
import type { Plan } from "./plan.ts";
import type { Pool } from "./pool.ts";
import { type Job, runNext, type Thread } from "./thread.ts";

/** More blocks than any job has: nothing of it can be taken any more. */
const CLOSED = 2 ** 30;

/** How long a caller without a promise waits for a thread before it takes it for dead, in milliseconds. */
const PATIENCE_MILLISECONDS = 30_000;

const FAILED = "A thread of the pool failed; the next call starts new ones";

/** Blocks of a job that go through the caller's hands, in order: staged, computed by anybody, copied back. */
class Ring {
  readonly #plan: Plan;
  #staged = 0;
  #retired = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Copies one block back, or one in, if there is one; returns what happened. */
  turn(): "nothing" | "retired" | "staged" {
    const { ring, total, progress } = this.#plan.job;
    const retired = this.#retired, staged = this.#staged;
    if (retired < staged && Atomics.load(progress.slots, retired % ring) === retired + 1) {
      this.#plan.copy(retired, false);
      this.#retired++;
      return "retired";
    }
    if (staged === total || staged - retired === ring) return "nothing";
    this.#plan.copy(staged, true);
    Atomics.store(progress.available, 0, ++this.#staged);
    return "staged";
  }

  /** Whether every block has been copied back. */
  get isOver(): boolean {
    return this.#retired === this.#plan.job.total;
  }
}

/** Runs a job on this thread alone, giving the event loop a turn every few milliseconds. */
export async function runHere({ job }: Plan, self: Thread, signal?: AbortSignal): Promise<void> {
  const breathe = pacer();
  while (runNext(self, job)) {
    const pause = breathe();
    if (pause) await pause;
    signal?.throwIfAborted();
  }
}

/** Runs a job on the first `count` workers of the pool. Whatever happens, no thread is at it any more when this settles. */
export async function runThere(plan: Plan, pool: Pool, count: number, signal?: AbortSignal): Promise<void> {
  const { job, message } = plan;
  const { done, failed } = job.progress;
  const ring = job.ring > 0 ? new Ring(plan) : undefined;
  const breathe = pacer();
  const wake = () => void Atomics.notify(done, 0);
  let due = job.total, stopped: { readonly why: unknown } | undefined;
  const stop = (why: unknown) => {
    stopped = { why };
    due = close(job);
  };
  signal?.addEventListener("abort", wake);
  // A process with a call under way does not end: a wait for shared memory would not keep it, and threads come and go
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    pool.begin(job, message, count);
    for (;;) {
      const seen = Atomics.load(done, 0);
      if (pool.failure) throw pool.failure;
      if (signal?.aborted && !stopped) stop(signal.reason);
      const event = stopped ? undefined : attempt(() => ring?.turn(), stop);
      if (event === "staged") pool.ring(count);
      if (event === "staged" || event === "retired") {
        const pause = breathe();
        if (pause) await pause;
      } else if (seen >= due && (stopped || !ring || ring.isOver)) break;
      else {
        const change = Atomics.waitAsync(done, 0, seen);
        if (change.async) await change.value;
      }
    }
  } finally {
    clearInterval(alive);
    signal?.removeEventListener("abort", wake);
    pool.end(job);
  }
  if (stopped) throw stopped.why;
  if (Atomics.load(failed, 0) !== 0) throw new Error(FAILED);
}

/**
 * Lets nothing more of a job be taken; returns how many blocks will have been done. Threads that share rows wait for one
 * another: once one of them has begun, all must.
 */
function close({ progress: { next }, total, parts }: Job): number {
  if (parts === 1) return Math.min(total, Atomics.exchange(next, 0, CLOSED));
  return Atomics.compareExchange(next, 0, 0, CLOSED) === 0 ? 0 : total;
}

function attempt<T>(action: () => T, failed: (error: unknown) => void): T | undefined {
  try {
    return action();
  } catch (error) {
    failed(error);
  }
}

/** Runs a job on the first `count` workers and on this thread, without a pause. Where it throws threads may still be at it. */
export function runTogether(plan: Plan, self: Thread, pool: Pool | undefined, count: number): void {
  const { job, message } = plan;
  const { done, failed } = job.progress;
  const ring = job.ring > 0 ? new Ring(plan) : undefined;
  pool?.begin(job, message, count);
  for (;;) {
    const seen = Atomics.load(done, 0);
    if (Atomics.load(failed, 0) !== 0) throw new Error(FAILED);
    const event = ring?.turn();
    if (event === "staged") pool?.ring(count);
    if (event === "staged" || event === "retired" || runNext(self, job)) continue;
    if (seen >= job.total && (!ring || ring.isOver)) break;
    if (Atomics.wait(done, 0, seen, PATIENCE_MILLISECONDS) === "timed-out") {
      throw new Error("A thread of the pool does not answer; the next call starts new ones");
    }
  }
  pool?.end(job);
}
