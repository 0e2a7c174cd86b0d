/**
 * The threads: workers that share the wasm memory, started when they are first deserved, parked when there is nothing to do.
 *
 * They need no permission and do not keep the process alive. One that ends takes the pool with it: whatever it was writing,
 * only memory that no thread can touch any more is given back, and the next call starts a new pool.
 *
 * @module
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { MAX_THREADS } from "../cost/division.ts";
import { compiledModules, WORKSPACE_BYTES } from "./kernels.ts";
import { give, take, wasmBuffer, wasmMemory } from "./memory.ts";
import {
  addressOf,
  claim,
  copyRows,
  type Job,
  runBlock,
  runNext,
  serve,
  wakeNext,
  type Word,
  type WorkerData,
} from "./thread.ts";

/** Bytes of room for the Views of a call: more than any kernel has. */
export const VIEWS_BYTES = 16 * 32;

/** A worker's source: the functions of thread.ts, and a call of the one that is its life. */
const SOURCE = `const { receiveMessageOnPort, workerData } = require("node:worker_threads");
${[addressOf, copyRows, runBlock, claim, runNext, wakeNext, serve].join("\n")}
${serve.name}(workerData, () => receiveMessageOnPort(workerData.port));`;

/**
 * How long a thread may take to leave, in milliseconds. It leaves after its block, at once as a rule; Deno stops one that was
 * terminated two seconds later, and lets it run until then.
 */
const LEAVING_MILLISECONDS = 5000;

interface Member extends Pick<WorkerData, "dismissed" | "left"> {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly spans: readonly (readonly [address: number, bytes: number])[];
}

/** Some threads and the jobs they are at. */
export class Pool {
  readonly #members: Member[] = [];
  readonly #bells: Word = new Int32Array(new SharedArrayBuffer(4 * (MAX_THREADS + 1)));
  readonly #jobs = new Set<Job>();
  #ending: Promise<void> | undefined;
  #failure: Error | undefined;

  /** The workers, in the order in which they are told of jobs. */
  get workers(): readonly Worker[] {
    return this.#members.map(({ worker }) => worker);
  }

  /** Why the pool has ended, once none of its threads runs any more. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Whether all its workers are there. */
  get isWhole(): boolean {
    return this.#members.every(({ left }) => Atomics.load(left, 0) === 0);
  }

  /** Starts workers until there are `count`. */
  grow(count: number): void {
    while (this.#members.length < count) this.#members.push(this.#start(this.#members.length + 1));
  }

  /** Gives a job, as `message` tells it, to the first `count` workers: the first is woken, and wakes the others. */
  begin(job: Job, message: Job, count: number): void {
    this.#jobs.add(job);
    // The last one first: who wakes another must not be ahead of what the other will be told
    for (const { port } of this.#members.slice(0, count).reverse()) port.postMessage(message);
    wakeNext(this.#bells, 0, Math.min(1, count));
  }

  /** Tells the first `count` workers that there is something to take. */
  ring(count: number): void {
    for (let slot = 1; slot <= count; slot++) {
      Atomics.add(this.#bells, slot, 1);
      Atomics.notify(this.#bells, slot);
    }
  }

  /** Forgets a job that no thread is at. */
  end(job: Job): void {
    this.#jobs.delete(job);
  }

  /** Ends all threads and then every job, which finds the {@linkcode failure}. */
  close(cause: Error): Promise<void> {
    if (current === this) current = undefined;
    return this.#ending ??= this.#close(cause);
  }

  async #close(cause: Error): Promise<void> {
    for (const { dismissed } of this.#members) Atomics.store(dismissed, 0, 1);
    for (const { board, parts } of this.#jobs) if (parts > 1) breakBoard(board);
    this.ring(this.#members.length);
    await Promise.all(this.#members.map(({ left }) => Atomics.waitAsync(left, 0, 0, LEAVING_MILLISECONDS).value));
    for (const { spans, port, worker } of this.#members) {
      void worker.terminate();
      port.close();
      for (const [address, bytes] of spans) give(address, bytes);
    }
    this.#failure = cause;
    for (const { progress } of this.#jobs) Atomics.notify(progress.done, 0);
  }

  #start(slot: number): Member {
    const spans: [address: number, bytes: number][] = [];
    try {
      return this.#join(slot, spans);
    } catch (error) {
      for (const [address, bytes] of spans) give(address, bytes);
      throw error;
    }
  }

  #join(slot: number, spans: [address: number, bytes: number][]): Member {
    const modules = compiledModules();
    const room = (bytes: number) => {
      const address = take(bytes);
      spans.push([address, bytes]);
      return address;
    };
    const { port1, port2 } = new MessageChannel();
    const word = () => new Int32Array(new SharedArrayBuffer(4));
    const words = { dismissed: word(), left: word() };
    const workspaces = Object.fromEntries(Object.keys(modules).map((build) => [build, room(WORKSPACE_BYTES)]));
    const data: WorkerData = {
      slot,
      memory: wasmMemory(),
      modules,
      workspaces,
      views: room(VIEWS_BYTES),
      bells: this.#bells,
      ...words,
    };
    const worker = new Worker(SOURCE, { eval: true, workerData: { ...data, port: port2 }, transferList: [port2] });
    worker.on("error", (error) => void this.close(ended(`: ${(error as Error).message}`)));
    worker.on("exit", () => void this.close(ended("")));
    worker.unref();
    port1.unref();
    return { worker, port: port1, spans, ...words };
  }
}

/** Lets the threads go that wait for one another at a board (assembly/team.ts). */
function breakBoard(board: number): void {
  const words = new Int32Array(wasmBuffer(), board, 3);
  Atomics.store(words, 2, 1);
  Atomics.add(words, 1, 1);
  Atomics.notify(words, 1);
}

function ended(why: string): Error {
  return new Error(`A thread of the pool ended while calls were under way${why}; the next call starts new ones`);
}

let current: Pool | undefined;

/** The pool, with at least `count` workers; undefined where threads cannot be had. */
export function threads(count: number): Pool | undefined {
  if (typeof SharedArrayBuffer === "undefined") return undefined;
  // One that has ended, of which the event loop has not told yet
  if (current?.isWhole === false) void current.close(ended(""));
  current ??= new Pool();
  try {
    current.grow(count);
  } catch {
    return undefined; // no room for another thread: the caller does without
  }
  return current;
}
