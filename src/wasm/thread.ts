/**
 * What every thread does, the caller's among them: a job's blocks of rows, one after the other.
 *
 * The functions here refer to nothing but each other and what they are given: their text is the source of the workers.
 *
 * @module
 */
/** Instances of the builds, by name. */
export type Instances = Readonly<Record<string, Readonly<Record<string, (...args: number[]) => number | void>>>>;

/** A thread's own things. */
export interface Thread {
  /** Which slot of staging it uses where every thread copies for itself. */
  readonly slot: number;
  readonly memory: WebAssembly.Memory;
  readonly instances: Instances;
  /** Address of room for the Views of a call. */
  readonly views: number;
}

/** Where a tensor is for the kernel. */
export interface Place {
  /** Positions of its Views among the kernel's arguments: two for an output that is also an input. */
  readonly views: readonly number[];
  /** Code of the element type (assembly/view.ts). */
  readonly dtype: number;
  /** Elements of a row: fewer than there are classes where the tensor lacks some. */
  readonly columns: number;
  /** Address of the first row; of what is staged by blocks, of the first slot. */
  readonly address: number;
  /** Bytes from one of its rows to the next; 0 where all are one. */
  readonly stride: number;
  /** Bytes from what belongs to one of the job's rows to the next's: as a rule the stride, 0 for what all rows share. */
  readonly step: number;
  /** Bytes of a slot, where blocks of rows are staged; 0 elsewhere. */
  readonly slotBytes: number;
  /** What it is a copy of. */
  readonly home?: Home;
}

/** A caller's rows outside wasm memory, in bytes. */
export interface Home {
  /** Not there for a thread that need not copy, or cannot. (A message with a typed array would be walked element by element.) */
  readonly buffer?: ArrayBufferLike;
  readonly offset: number;
  /** From one row to the next. */
  readonly pitch: number;
  readonly rowBytes: number;
  readonly input: boolean;
  readonly output: boolean;
}

/** A kernel's work on some rows, for as many threads as are told of it. */
export interface Job {
  readonly build: string;
  readonly kernel: string;
  readonly places: readonly Place[];
  /** How many arguments are addresses of Views, the absent ones included. */
  readonly viewCount: number;
  /** The other arguments: dimensions and parameters. */
  readonly numbers: readonly number[];
  /** Which of them is the number of rows. */
  readonly rowsIndex: number;
  readonly rows: number;
  readonly rowsPerBlock: number;
  /** Blocks of rows; or, where threads share each row, those threads. */
  readonly total: number;
  /** How many threads share each row, and where their board is. */
  readonly parts: number;
  readonly board: number;
  /** How many of the pool's threads are told of it. */
  readonly helpers: number;
  /** How many blocks the caller stages ahead; 0 where every thread copies for itself. */
  readonly ring: number;
  readonly progress: Progress;
  /** Bytes of the memory when the job was made. */
  readonly memoryBytes: number;
}

/** How far a job is, in words that all threads see. */
export interface Progress {
  /** The first block that nobody has taken. */
  readonly next: Word;
  /** The first block that is not there to be taken yet. */
  readonly available: Word;
  /** How many blocks are done. The caller waits on it. */
  readonly done: Word;
  /** Not 0 if a thread threw. */
  readonly failed: Word;
  /** 1 + the last block that was done in each slot of the ring. */
  readonly slots: Word;
}

/** Shared integers. */
export type Word = Int32Array<SharedArrayBuffer>;

/** The address of a block of rows. Staged rows lie as their originals do relative to a machine word. */
export function addressOf({ address, step, slotBytes, home }: Place, firstRow: number, slot: number): number {
  if (slotBytes === 0 || home === undefined) return address + firstRow * step;
  return address + slot * slotBytes + (home.offset + firstRow * home.pitch) % 8;
}

/** Copies rows from their home to wasm memory or back, all at once where they are adjacent in both. */
export function copyRows(
  { home, stride }: Place,
  memory: WebAssembly.Memory,
  address: number,
  firstRow: number,
  rows: number,
  inward: boolean,
): void {
  if (home?.buffer === undefined) return;
  const { buffer, offset, pitch, rowBytes } = home;
  const isPacked = pitch === rowBytes && stride === rowBytes;
  const [pieces, bytes] = isPacked ? [1, rows * rowBytes] : [rows, rowBytes];
  for (let piece = 0; piece < pieces; piece++) {
    const here = new Uint8Array(buffer, offset + (firstRow + piece) * pitch, bytes);
    const there = new Uint8Array(memory.buffer, address + piece * stride, bytes);
    if (inward) there.set(here);
    else here.set(there);
  }
}

/** Computes a block of rows, or with `part` this thread's part of all rows; copies in and out if `copies`. */
export function runBlock(thread: Thread, job: Job, block: number, slot: number, copies: boolean, part: number): void {
  const { places, viewCount, numbers, rowsIndex, rowsPerBlock, parts, board } = job;
  const firstRow = block * rowsPerBlock, rows = Math.min(rowsPerBlock, job.rows - firstRow);
  // An instance learns that another thread has grown the memory some time later, or when its own thread grows it
  if (thread.memory.buffer.byteLength < job.memoryBytes) thread.memory.grow(0);
  const table = new Uint32Array(thread.memory.buffer, thread.views, 4 * viewCount);
  const addresses: number[] = new Array(viewCount).fill(0);
  for (const place of places) {
    const { home, stride, dtype, columns } = place;
    const address = addressOf(place, firstRow, slot);
    if (copies && home?.input) copyRows(place, thread.memory, address, firstRow, rows, true);
    for (const index of place.views) {
      table[4 * index] = address;
      table[4 * index + 1] = stride;
      table[4 * index + 2] = dtype;
      table[4 * index + 3] = columns;
      addresses[index] = thread.views + 16 * index;
    }
  }
  const instance = thread.instances[job.build];
  instance.join(part, parts, board);
  instance[job.kernel](...addresses, ...numbers.map((value, i) => i === rowsIndex ? rows : value));
  if (parts > 1 && Atomics.load(new Int32Array(thread.memory.buffer, board, 3), 2) !== 0) {
    throw new Error("a thread that shared a row with others did not come");
  }
  if (!copies) return;
  for (const place of places) {
    if (!place.home?.output) continue;
    copyRows(place, thread.memory, addressOf(place, firstRow, slot), firstRow, rows, false);
  }
}

/** Takes the next block of a job that nobody has taken; −1 if there is none now. */
export function claim({ next, available }: Progress): number {
  for (;;) {
    const block = Atomics.load(next, 0);
    if (block >= Atomics.load(available, 0)) return -1;
    if (Atomics.compareExchange(next, 0, block, block + 1) === block) return block;
  }
}

/** Takes and computes one block of a job; false if there is none now. Wakes the caller if it may be waiting for that. */
export function runNext(thread: Thread, job: Job): boolean {
  const { next, done, failed, slots } = job.progress;
  const block = claim(job.progress);
  if (block < 0) return false;
  try {
    if (job.parts > 1) runBlock(thread, job, 0, 0, false, block);
    else if (job.ring > 0) runBlock(thread, job, block, block % job.ring, false, 0);
    else runBlock(thread, job, block, thread.slot, true, 0);
  } catch (error) {
    Atomics.store(failed, 0, 1);
    throw error;
  } finally {
    if (job.ring > 0) Atomics.store(slots, block % job.ring, block + 1);
    Atomics.add(done, 0, 1);
    if (job.ring > 0 || Atomics.load(next, 0) >= job.total) Atomics.notify(done, 0);
  }
  return true;
}

/** What a worker is given when it starts. */
export interface WorkerData {
  readonly slot: number;
  readonly memory: WebAssembly.Memory;
  readonly modules: Readonly<Record<string, WebAssembly.Module>>;
  /** Addresses of the instances' workspaces, by build, and of room for Views. */
  readonly workspaces: Readonly<Record<string, number>>;
  readonly views: number;
  /** Those of all threads by slot, rung when there is something to do. */
  readonly bells: Word;
  /** Not 0 when the worker is to leave. */
  readonly dismissed: Word;
  /** Not 0 when it has left, and touches no memory any more. */
  readonly left: Word;
}

/**
 * Passes a call on: thread n wakes 2n and 2n + 1. Were all woken by the caller, who still runs, they would find one processor
 * less, share one, and leave another idle for milliseconds.
 */
export function wakeNext(bells: Word, slot: number, count: number): void {
  for (let next = Math.max(1, 2 * slot); next <= Math.min(2 * slot + 1, count); next++) {
    Atomics.add(bells, next, 1);
    Atomics.notify(bells, next);
  }
}

/** A worker's life: parked until the bell rings, then one block of each job in turn, so that no job waits for another. */
export function serve(data: WorkerData, receive: () => { readonly message: Job } | undefined): void {
  const { slot, memory, modules, workspaces, bells, dismissed, left } = data;
  try {
    const instances: Record<string, Instances[string]> = {};
    for (const [build, module] of Object.entries(modules)) {
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      instances[build] = exports as Instances[string];
      instances[build].workspace(workspaces[build]);
    }
    const thread: Thread = { slot, memory, instances, views: data.views };
    let jobs: Job[] = [];
    for (let heard = -1; Atomics.load(dismissed, 0) === 0;) {
      const rung = Atomics.load(bells, slot);
      if (rung !== heard) {
        for (let received = receive(); received !== undefined; received = receive()) {
          jobs.push(received.message);
          wakeNext(bells, slot, received.message.helpers);
        }
        heard = rung;
      }
      let isIdle = true;
      for (const job of jobs) if (runNext(thread, job)) isIdle = false;
      jobs = jobs.filter(({ progress, total }) => Atomics.load(progress.next, 0) < total);
      if (!isIdle) continue;
      // One call often follows another: falling asleep and being woken takes longer than a look or two
      for (let looks = 0; looks < 10_000 && Atomics.load(bells, slot) === rung; looks++);
      Atomics.wait(bells, slot, rung);
    }
  } finally {
    Atomics.store(left, 0, 1);
    Atomics.notify(left, 0);
  }
}
