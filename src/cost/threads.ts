/**
 * How many threads a call deserves, by arithmetic on its traffic.
 *
 * @module
 */
import type { Traffic } from "../operation.ts";

/** Exponentials a second of one thread: a round figure, seen between 1.2e9 and 2.4e9. */
const EXPS_PER_SECOND = 1.5e9;

/** Bytes a second that one thread moves: a round figure. */
const BYTES_PER_SECOND = 10e9;

/**
 * Work that is worth waking a thread for. Told at once it takes some 80 µs until it is at it and is heard of again; on a virtual
 * machine whose idle processors are given away, several times that.
 */
const SECONDS_PER_THREAD = 400e-6;

/** Seconds that one thread takes, roughly. */
export function roughSeconds({ bytesRead, bytesWritten, exps }: Traffic): number {
  return Math.max(exps / EXPS_PER_SECOND, (bytesRead + bytesWritten) / BYTES_PER_SECOND);
}

/** Threads for a call of that many seconds: at least one, at most the machine's cores. */
export function deservedThreads(seconds: number, cores: number): number {
  return Math.max(1, Math.min(cores, Math.floor(seconds / SECONDS_PER_THREAD)));
}
