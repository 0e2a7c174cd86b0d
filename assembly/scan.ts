// One row read once: maximum m, sum s = Σ e^(x − m), and on request Σ e^(x − m)·(x − m), as a mergeable partial.
//
// Blocks in order within a segment, each against the largest element so far; segments in order within the row. Between
// blocks everything is f64, so the rounding of a row does not grow with its length: |error of ln s| is that of one block.
// The two infinities are not numbers to subtract: while m is −∞ nothing has weight; with m = +∞ the sum is +∞. NaN wins.

import { BLOCK, SEGMENT, View, blockLength, padded, scratch } from "./view";
import { isCooled, loadBlock, loadRaw, measureFrom, temperature } from "./block";
import { label, relabel } from "./labels";
import * as block from "./sweep";

/** What the transformed logits of the row last scanned are counted from: not 0 only where a temperature divides them. */
export let rowOrigin: f64 = 0;

/** The partial of the row last scanned, from its origin on. */
export let rowMax: f64 = -Infinity;
export let rowSum: f64 = 0;
export let rowMoment: f64 = 0;

/** Log-sum-exp of the row last scanned. */
@inline
export function rowLogSumExp(): f64 {
  return rowOrigin + rowMax + Math.log(rowSum);
}

/** Counts a row's logits from about where they lie, if they are to be divided. */
function orient(logits: View, row: i32, vocab: i32): void {
  rowOrigin = 0;
  if (!isCooled()) return;
  const length = blockLength(0, vocab);
  const peak = block.maximum(loadRaw(logits, row, 0, length, scratch(0)), padded(length));
  const origin: f32 = isFinite(peak) ? peak : 0;
  measureFrom(origin);
  rowOrigin = <f64>origin / <f64>temperature;
}

// The segment under way.
let top: f32 = -Infinity;
let total: f64 = 0;
let moment: f64 = 0;

@inline
function open(): void {
  top = -Infinity;
  total = 0;
  moment = 0;
}

/** Raises the maximum of the segment, scaling what was summed against the old one. */
@inline
function raise(peak: f32): void {
  if (!(peak > top)) return;
  if (total != 0) {
    const step = <f64>top - <f64>peak, factor = Math.exp(step);
    moment = factor == 0 ? 0 : (moment + step * total) * factor;
    total *= factor;
  }
  top = peak;
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

/** Adds a finite or infinite block, looking ahead at the next one's first `ahead` elements. */
@inline
function add(x: usize, count: i32, next: usize, ahead: i32, moments: bool): f32 {
  if (!isFinite(top)) {
    const sum = infinite(x, count);
    total += sum;
    if (sum != 0) moment = NaN;
    return block.maximum(next, ahead);
  }
  const both = min(count, ahead);
  let peak: f32 = -Infinity;
  if (both > 0) {
    if (moments) block.sumMomentNext(x, both, top, next);
    else block.sumNext(x, both, top, next);
    total += block.blockSum;
    if (moments) moment += block.blockMoment;
    peak = block.nextMaximum;
  }
  if (count > both) {
    x += <usize>both << 2;
    if (moments) block.sumMoment(x, count - both, top);
    else block.sum(x, count - both, top);
    total += block.blockSum;
    if (moments) moment += block.blockMoment;
  }
  return peak;
}

/** Merges a partial into the row's. */
function merge(max: f64, sum: f64, shifted: f64): void {
  const top = Math.max(rowMax, max);
  if (rowSum == 0 || !isFinite(top)) {
    // Nothing yet, or infinities: sums add as they are
    rowSum += sum;
    rowMoment += shifted;
  } else {
    const a = rowMax - top, b = max - top, wa = Math.exp(a), wb = Math.exp(b);
    rowMoment = (wa == 0 ? 0 : (rowMoment + a * rowSum) * wa) + (wb == 0 ? 0 : (shifted + b * sum) * wb);
    rowSum = rowSum * wa + sum * wb;
  }
  rowMax = top;
}

/** Scans a row of transformed logits. Uses scratch blocks 0 and 1, with labels 2 and 3. */
@inline
function scanRow(logits: View, row: i32, vocab: i32, moments: bool, labelled: bool): void {
  rowMax = -Infinity;
  rowSum = 0;
  rowMoment = 0;
  if (labelled) relabel();
  orient(logits, row, vocab);
  let here = loadBlock(logits, row, 0, blockLength(0, vocab), scratch(0));
  let count = padded(blockLength(0, vocab));
  let peak = block.maximum(here, count);
  for (let start = 0; start < vocab; start += BLOCK) {
    if (start % SEGMENT == 0) open();
    raise(peak);
    let next: usize = 0, ahead = 0;
    const following = start + BLOCK;
    if (following < vocab) {
      const length = blockLength(following, vocab);
      next = loadBlock(logits, row, following, length, scratch((following / BLOCK) & 1));
      ahead = padded(length);
    }
    if (labelled) label(here, row, start, blockLength(start, vocab), top);
    peak = add(here, count, next, ahead, moments);
    here = next;
    count = ahead;
    if (ahead == 0 || following % SEGMENT == 0) merge(<f64>top, total, moment);
  }
}

export function scan(logits: View, row: i32, vocab: i32): void {
  scanRow(logits, row, vocab, false, false);
}

export function scanMoments(logits: View, row: i32, vocab: i32): void {
  scanRow(logits, row, vocab, true, false);
}

/** Scans a row and sums what labels.ts gives every class, in the same pass. */
export function scanLabels(logits: View, row: i32, vocab: i32): void {
  scanRow(logits, row, vocab, false, true);
}
