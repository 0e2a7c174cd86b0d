// Several threads on one row: each takes a run of segments and leaves their partials on a board that all can see; once they
// have met, every one of them merges all partials in the order of the segments, as a thread alone does on its way. So the
// result has the same bits for any number of threads.
//
// A thread reads and writes its own segments as it likes; the logits of others it reads only where nobody writes before the
// meeting: then the output may be the input. What one finds that all need, like the target's logit, goes into the partial.
// The board: arrivals, meetings, whether it is broken, and two pages of slots. A thread that is a meeting ahead writes on the
// page that nobody reads any more, so that one meeting a reduction is enough.

import { SEGMENT } from "./view";

/** Bytes of a segment's partial: one cache line, so that threads do not share it. */
const SLOT: usize = 64;

/** Bytes before the slots. */
const HEAD: usize = 64;

/** How often a thread looks before it sleeps: some tens of microseconds, about what falling asleep and waking take. */
const LOOKS = 32768;

/** How long a thread sleeps before it takes the others for dead, in nanoseconds: many times what any row takes. */
const PATIENCE: i64 = 20_000_000_000;

const TIMED_OUT = 2;

let part: i32 = 0;
let parts: i32 = 1;
let board: usize = 0;
let page: usize = 0;

/** Segments of a row. */
@inline
export function segments(vocab: i32): i32 {
  return (vocab - 1) / SEGMENT + 1;
}

/** Bytes of a board for rows of `vocab` classes, all 0 at first. */
export function boardBytes(vocab: i32): usize {
  return HEAD + 2 * SLOT * <usize>segments(vocab);
}

/** Makes this thread number `index` of `count`, no more than there are segments, at the board; 0 of 1 is alone. */
export function join(index: i32, count: i32, address: usize): void {
  part = index;
  parts = count;
  board = address;
  page = 0;
}

@inline
export function isAlone(): bool {
  return parts == 1;
}

/** Whether this thread does what only one may do. */
@inline
export function isFirst(): bool {
  return part == 0;
}

/** The first class of this thread's part of a row. */
@inline
export function firstClass(vocab: i32): i32 {
  return <i32>(<i64>part * segments(vocab) / parts) * SEGMENT;
}

/** One past the last class of this thread's part of a row. */
@inline
export function endClass(vocab: i32): i32 {
  return part == parts - 1 ? vocab : <i32>(<i64>(part + 1) * segments(vocab) / parts) * SEGMENT;
}

/** Where the partial of a segment goes, or is. */
@inline
export function slot(segment: i32, vocab: i32): usize {
  return board + HEAD + SLOT * (page * segments(vocab) + segment);
}

/** Waits until all threads of the row are here, or the board is broken. {@link turn} comes after what is read there. */
export function meet(): void {
  const meeting = atomic.load<i32>(board, 4);
  if (atomic.add<i32>(board, 1) == parts - 1) {
    atomic.store<i32>(board, 0);
    atomic.add<i32>(board, 1, 4);
    atomic.notify(board + 4, parts);
    return;
  }
  for (let i = 0; i < LOOKS; i++) if (atomic.load<i32>(board, 4) != meeting) return;
  while (atomic.load<i32>(board, 4) == meeting) {
    if (atomic.load<i32>(board, 8) != 0) return;
    if (atomic.wait<i32>(board + 4, meeting, PATIENCE) == TIMED_OUT) atomic.store<i32>(board, 1, 8);
  }
}

/** The next reduction uses the other page. */
@inline
export function turn(): void {
  page ^= 1;
}
