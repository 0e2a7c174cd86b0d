// One row read once: maximum m, sum s = Σ e^(x − m), and on request Σ e^(x − m)·(x − m) and the sums of labels.ts.
//
// Segments start from nothing and are merged in order, by one thread or by several (team.ts). Within a segment blocks are
// counted from the largest logit of the first finite one, until a block rises far above it and begins a new count: so each is
// read once, and its maximum need not be known before. Counts end as partials in f64, divided by the weight of their own
// largest logit: so s ≥ 1, and a row with one finite logit has s = 1 exactly. NaN wins.
//
// What limits it where memory is fast (Zen 4: 22 to 32 % of the rate at which a maximum is taken): 8 multiply-adds and 5 other
// operations for 4 logits, 33 operands that the floating-point unit reads in 5 to 6 cycles.

import { BLOCK, SEGMENT, View, blockLength, ownPartial, padded, scratch } from "./view";
import { commit, destination, fetch, isCooled, isPlain, loadBlock, loadRaw, measureFrom, temperature } from "./block";
import { blockLabelled, blockMass, label } from "./labels";
import { BASES, Partial, baseOf } from "./partial";
import {
  blockMoment,
  blockPeak,
  blockSum,
  maximum,
  rescale,
  sum,
  sumMoments,
  weigh,
  weighAndSum,
  weightOf,
} from "./sweep";
import { endClass, firstClass, isAlone, meet, segments, slot, turn } from "./team";

/** What the transformed logits of the row last scanned are counted from: not 0 only where a temperature divides them. */
export let rowOrigin: f64 = 0;

/** The partial of the row last scanned, from its origin on. */
export let rowMax: f64 = -Infinity;
export let rowSum: f64 = 0;
export let rowMoment: f64 = 0;
export let rowMass: f64 = 0;
export let rowLabelled: f64 = 0;
/** The logit of the target that was set for it. */
export let rowTarget: f32 = -Infinity;

let target: i32 = -1;

/** Sets the class whose logit the next scan finds; none below 0. */
@inline
export function seek(index: i32): void {
  target = index;
}

/** Log-sum-exp of the row last scanned. */
@inline
export function rowLogSumExp(): f64 {
  return rowOrigin + rowMax + Math.log(rowSum);
}

/** Counts a row's logits from about where they lie, if they are to be divided. Comes before anything loads from the row. */
export function orient(logits: View, row: i32, vocab: i32): void {
  rowOrigin = 0;
  if (!isCooled()) return;
  const length = blockLength(0, vocab);
  const peak = maximum(loadRaw(logits, row, 0, length, scratch(0)), padded(length));
  const origin: f32 = isFinite(peak) ? peak : 0;
  measureFrom(origin);
  rowOrigin = <f64>origin / <f64>temperature;
}

/** How far above its base a count goes on: 8192·e⁴⁰ is an f32 yet. */
const REACH: f32 = 40;

// The count under way: the logit that it is counted from, the largest so far, and its sums.
let isOpen: bool = false;
let base: f32 = 0;
let top: f32 = 0;
let total: f64 = 0;
let moment: f64 = 0;

/** Begins a count from a finite peak. */
@inline
function open(peak: f32): void {
  base = peak;
  top = peak;
  total = 0;
  moment = 0;
  isOpen = true;
}

/** Ends the count, as part of `segment`. */
function close(segment: Partial): void {
  if (!isOpen) return;
  isOpen = false;
  const distance = top - base, unit = weightOf(distance);
  const sum = Math.max(1, total / unit);
  segment.add(top, sum, moment / unit - <f64>distance * sum);
}

/** A block whose maximum is infinite: its sum by the rules of the extended reals. */
function infinite(x: usize, count: i32): f64 {
  let result: f64 = 0;
  for (let end = x + (<usize>count << 2); x < end; x += 4) {
    const value = load<f32>(x);
    if (value != value) return NaN;
    if (value == Infinity) result = Infinity;
  }
  return result;
}

/** Takes a block into the segment. */
@inline
function absorb(x: usize, count: i32, segment: Partial, moments: bool): void {
  for (;;) {
    if (!isOpen) {
      const peak = maximum(x, count);
      if (!isFinite(peak)) {
        const sum = infinite(x, count);
        if (sum != 0) segment.add(peak, sum, NaN);
        return;
      }
      open(peak);
    }
    if (moments) sumMoments(x, count, base);
    else sum(x, count, base);
    if (blockPeak - base <= REACH) {
      top = max(top, blockPeak);
      break;
    }
    close(segment);
  }
  total += blockSum;
  if (moments) moment += blockMoment;
}

/**
 * Takes a block into the segment and leaves e^(x − base) in the output, which may be the logits: a second look then only
 * multiplies ({@link finishKept}). Looks at the block's peak first, for a block that is overwritten cannot be counted again.
 */
function keep(x: usize, output: View, row: i32, start: i32, length: i32, segment: Partial): void {
  const count = padded(length), peak = maximum(x, count);
  const at = destination(output, row, start, length, scratch(1));
  if (isFinite(peak)) {
    if (isOpen && peak - base > REACH) {
      const old = base;
      close(segment);
      open(peak);
      const factor = <f32>Math.exp(<f64>old - <f64>base);
      for (let i = start - start % SEGMENT; i < start; i += BLOCK) {
        rescale(output.row(row) + (<usize>i << 2), BLOCK, factor);
      }
    } else if (!isOpen) open(peak);
    weighAndSum(x, at, count, base);
    total += blockSum;
    top = max(top, peak);
  } else {
    const sum = infinite(x, count);
    if (sum != 0) segment.add(peak, sum, NaN);
    weigh(x, at, count, peak == -Infinity ? 0 : peak, 1);
  }
  commit(output, row, start, length, at);
  store<f32>(baseOf(start / SEGMENT), isOpen ? base : -Infinity);
}

/** Whether a scan can leave its weights in an output. */
export function canKeep(output: View, vocab: i32): bool {
  return output.dtype == 0 && isPlain() && segments(vocab) <= BASES;
}

/** Turns what a scan has left in this thread's part of a row into scale·e^(x − max). */
export function finishKept(output: View, row: i32, vocab: i32, scale: f64): void {
  for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
    const length = blockLength(start, vocab), at = output.row(row) + (<usize>start << 2);
    const factor = <f32>(scale * Math.exp(<f64>load<f32>(baseOf(start / SEGMENT)) - rowMax));
    const x = fetch(output, row, start, length, scratch(0), 0);
    rescale(x, padded(length), factor);
    if (x != at) memory.copy(at, x, <usize>length << 2);
  }
}

/** Scans this thread's part of a row of transformed logits, and gathers the others'. Uses scratch blocks 0 to 3. */
@inline
function scanRow(logits: View, row: i32, vocab: i32, moments: bool, labelled: bool, kept: View | null): void {
  const whole = changetype<Partial>(ownPartial(0));
  whole.clear();
  let segment = changetype<Partial>(ownPartial(1));
  for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
    if (start % SEGMENT == 0) {
      if (!isAlone()) segment = changetype<Partial>(slot(start / SEGMENT, vocab));
      segment.clear();
      isOpen = false;
    }
    const length = blockLength(start, vocab);
    const x = loadBlock(logits, row, start, length, scratch(0));
    if (target >= start && target < start + length) {
      segment.target = <f64>load<f32>(x + (<usize>(target - start) << 2));
    }
    if (kept) keep(x, kept, row, start, length, segment);
    else absorb(x, padded(length), segment, moments);
    if (labelled) {
      label(x, row, start, length, isOpen ? top : 0);
      segment.mass += blockMass;
      segment.labelled += blockLabelled;
    }
    const next = start + BLOCK;
    if (next >= end || next % SEGMENT == 0) {
      close(segment);
      if (isAlone()) whole.merge(segment);
    }
  }
  if (!isAlone()) {
    meet();
    for (let i = 0, count = segments(vocab); i < count; i++) whole.merge(changetype<Partial>(slot(i, vocab)));
    turn();
  }
  rowMax = whole.max;
  rowSum = whole.sum;
  rowMoment = whole.moment;
  rowMass = whole.mass;
  rowLabelled = whole.labelled;
  rowTarget = <f32>whole.target;
  target = -1;
}

export function scan(logits: View, row: i32, vocab: i32): void {
  scanRow(logits, row, vocab, false, false, null);
}

export function scanMoments(logits: View, row: i32, vocab: i32): void {
  scanRow(logits, row, vocab, true, false, null);
}

/** Scans a row and leaves its weights in `output`, for {@link finishKept}. */
export function scanKeeping(logits: View, row: i32, vocab: i32, output: View): void {
  scanRow(logits, row, vocab, false, false, output);
}

/** Scans a row and sums what labels.ts gives every class, in the same pass. */
export function scanLabels(logits: View, row: i32, vocab: i32): void {
  scanRow(logits, row, vocab, false, true, null);
}
