// tokenStatistics: what a server says of a row. logits [rows, vocab], targets? [rows] i32 → targetLogProbability?, rank?,
//   logSumExp, entropy, argmax [rows], topTokens?, topLogProbabilities? [rows, top].
// Two looks at a row: one from memory for sums and moments, one from cache that counts the logits above the target's (its
// rank, from 1) and keeps the `top` largest. Blocks whose maximum does not enter the list are passed over.
// Of several threads on a row the first takes the second look alone: it costs little beside the sums.
// Order: larger first, then the lower token; NaN last, as −∞ is. argmax is 0 if no logit exceeds −∞.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { loadBlock, transform } from "./block";
import { rowEntropy } from "./entropy";
import { orient, rowLogSumExp, rowMax, rowSum, rowTarget, scanMoments, seek } from "./scan";
import { maximum } from "./sweep";
import { isFirst } from "./team";

export function tokenStatistics(
  logits: View,
  targets: View,
  targetLogProbability: View,
  rank: View,
  logSumExp: View,
  entropy: View,
  argmax: View,
  topTokens: View,
  topLogProbabilities: View,
  rows: i32,
  vocab: i32,
  top: i32,
  softcap: f32,
  temperature: f32,
): void {
  transform(softcap, temperature);
  for (let row = 0; row < rows; row++) {
    orient(logits, row, vocab);
    if (targets.present) seek(load<i32>(targets.row(row)));
    scanMoments(logits, row, vocab);
    if (!isFirst()) continue;
    store<f32>(logSumExp.row(row), <f32>rowLogSumExp());
    store<f32>(entropy.row(row), <f32>rowEntropy());
    let bar: f32 = Infinity;
    if (targets.present) {
      bar = rowTarget;
      store<f32>(targetLogProbability.row(row), logProbability(bar));
    }
    const tokens = topTokens.present ? topTokens.row(row) : 0;
    const values = topTokens.present ? topLogProbabilities.row(row) : 0;
    survey(logits, row, vocab, tokens, values, topTokens.present ? top : 0, bar);
    store<i32>(argmax.row(row), first);
    if (rank.present) store<i32>(rank.row(row), above + 1);
    for (let i = 0; i < top; i++) {
      const at = values + (<usize>i << 2);
      store<f32>(at, logProbability(load<f32>(at)));
    }
  }
}

/** x − lse of the row last scanned: the maximum goes first. */
@inline
function logProbability(x: f32): f32 {
  return <f32>(<f64>x - rowMax - Math.log(rowSum));
}

/** Logits above the bar, and the first index of the maximum, of the row last surveyed. */
let above: i32 = 0;
let first: i32 = 0;

/** The second look at a row. The list at `tokens` and `values` is a heap, its root the entry to be dropped first, then sorted. */
function survey(logits: View, row: i32, vocab: i32, tokens: usize, values: usize, top: i32, bar: f32): void {
  above = 0;
  first = 0;
  let filled = 0, found = false;
  for (let start = 0; start < vocab; start += BLOCK) {
    const length = blockLength(start, vocab);
    const x = loadBlock(logits, row, start, length, scratch(0));
    above += count(x, padded(length), bar);
    const peak = maximum(x, padded(length));
    if ((found || <f64>peak != rowMax) && (top == 0 || (filled == top && !(peak > load<f32>(values))))) continue;
    for (let i = 0; i < length; i++) {
      let value = load<f32>(x + (<usize>i << 2));
      if (!found && <f64>value == rowMax && value != -Infinity) {
        first = start + i;
        found = true;
      }
      if (top == 0) continue;
      if (value != value) value = -Infinity;
      if (filled < top) {
        place(tokens, values, filled, value, start + i);
        climb(tokens, values, filled++);
      } else if (value > load<f32>(values)) {
        place(tokens, values, 0, value, start + i);
        sink(tokens, values, 0, top);
      }
    }
  }
  for (let end = top - 1; end > 0; end--) {
    swap(tokens, values, 0, end);
    sink(tokens, values, 0, end);
  }
}

/** Elements above the bar. */
function count(x: usize, length: i32, bar: f32): i32 {
  const b = f32x4.splat(bar);
  let total = i32x4.splat(0);
  for (let end = x + (<usize>length << 2); x < end; x += 16) total = i32x4.sub(total, f32x4.gt(v128.load(x), b));
  return i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) + i32x4.extract_lane(total, 2) +
    i32x4.extract_lane(total, 3);
}

@inline
function place(tokens: usize, values: usize, index: i32, value: f32, token: i32): void {
  store<f32>(values + (<usize>index << 2), value);
  store<i32>(tokens + (<usize>index << 2), token);
}

/** Whether entry a leaves the list before entry b. */
@inline
function worse(tokens: usize, values: usize, a: i32, b: i32): bool {
  const x = load<f32>(values + (<usize>a << 2)), y = load<f32>(values + (<usize>b << 2));
  return x < y || (x == y && load<i32>(tokens + (<usize>a << 2)) > load<i32>(tokens + (<usize>b << 2)));
}

function swap(tokens: usize, values: usize, a: i32, b: i32): void {
  const value = load<f32>(values + (<usize>a << 2)), token = load<i32>(tokens + (<usize>a << 2));
  place(tokens, values, a, load<f32>(values + (<usize>b << 2)), load<i32>(tokens + (<usize>b << 2)));
  place(tokens, values, b, value, token);
}

/** Restores the heap upwards from `index`. */
function climb(tokens: usize, values: usize, index: i32): void {
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!worse(tokens, values, index, parent)) return;
    swap(tokens, values, index, parent);
    index = parent;
  }
}

/** Restores the heap of `size` entries downwards from `index`. */
function sink(tokens: usize, values: usize, index: i32, size: i32): void {
  for (;;) {
    let child = 2 * index + 1;
    if (child >= size) return;
    if (child + 1 < size && worse(tokens, values, child + 1, child)) child++;
    if (!worse(tokens, values, child, index)) return;
    swap(tokens, values, index, child);
    index = child;
  }
}
