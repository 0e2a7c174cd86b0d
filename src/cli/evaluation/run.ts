/** An evaluation from files to what is printed. */
import { allocate, type Matrix } from "../../../mod.ts";
import type { Output } from "../command.ts";
import { showProgress } from "../progress.ts";
import { type Block, forBlocks } from "./blocks.ts";
import type { Evaluation, Manner } from "./evaluation.ts";
import { finish } from "./finish.ts";
import { listenForInterrupt } from "./interrupt.ts";
import type { Request } from "./request.ts";
import type { Settings } from "./settings.ts";
import { openSources, type Sources } from "./source.ts";
import { type Targets, targetsOf } from "./targets.ts";

/** Bytes that the logits of a block take, in all files together. */
const BLOCK_BYTES = 16 * 2 ** 20;

/** An evaluation and how it is done. */
export interface Worker {
  /** What grows. */
  readonly evaluation: Evaluation;
  /** Adds the rows of a block; `scratch` has room for as many f32 numbers as it has logits. */
  compute(block: Block, targets: Targets, manner: Manner, scratch: Matrix<Float32Array>): Promise<void>;
}

/** What an evaluation is of. */
export interface Task {
  /** What it does, as the progress says. */
  readonly name: string;
  /** Its files of logits. */
  readonly files: readonly string[];
  /** How it is done; may refuse. */
  start(settings: Settings, sources: Sources): Worker;
}

/**
 * Goes through the rows, with a progress bar, until the end or an interrupt.
 *
 * @throws {FileError} If a file cannot be read, or files do not fit one another.
 * @throws {UsageError} If the arguments do not make sense for these files.
 */
export async function run(task: Task, request: Request): Promise<Output> {
  await using sources = await openSources(task.files, request);
  const { files, targets: all, vocab, from, to } = sources, { temperature, ignoreIndex, bins, deterministic } = request;
  const stored = files.map(({ reader }) => reader.storedAs), hasTargets = all !== undefined;
  const settings = { vocab, stored, hasTargets, temperature, ignoreIndex, bins, deterministic };
  const { evaluation, compute } = task.start(settings, sources);
  const manner = { backend: "wasm", temperature, deterministic, threads: request.threads } as const;
  const rowBytes = files.reduce((sum, { reader: { columns, dtype } }) => sum + columns * (dtype === "f32" ? 4 : 2), 0);
  const block = Math.max(1, Math.min(request.block ?? Math.floor(BLOCK_BYTES / rowBytes), to - from));

  using scratch = allocate([block, vocab]);
  using interrupt = listenForInterrupt();
  using progress = showProgress(task.name, to - from, "rows");
  const start = performance.now();
  const end = await forBlocks(files, { from, to, block, columns: vocab }, async (block) => {
    await compute(block, targetsOf(block, all, ignoreIndex), manner, scratch);
    progress.update(block.from + block.rows - from);
    return !interrupt.hasCome;
  });
  const seconds = (performance.now() - start) / 1000, done = end - from;
  return await finish(evaluation, [{ files: [...task.files], from, to: end }], request, {
    measured: { seconds, rowsPerSecond: done / seconds, bytesPerSecond: done * rowBytes / seconds },
    ...interrupt.hasCome && end < to && { interrupted: { done, of: to - from } },
  });
}
