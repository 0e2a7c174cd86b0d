// crossEntropy: loss_r = Σ τ_i·(lse − x_i) + zLoss·lse² and its gradient scale_r·((Σ τ + 2·zLoss·lse)·p_i − τ_i).
// logits [rows, vocab], targets? [rows] i32 or targetProbabilities? [rows, vocab], classWeights? [vocab], gradientScale? [rows]
//   → loss, logSumExp [rows] f32, hit? [rows] i32, partial? [rows, 5] f64, gradient? [rows, vocab], which may be the logits.
// The loss reads a row once. An f32 gradient without labels for all classes, softcap or temperature is written on the way
// and multiplied from cache; any other takes a second look at the row. Everything that is one number a row is f64:
// (max − x_y) + ln sum keeps its digits at logits of 1e4. The target's gradient is computed apart and written after the
// sweep, so that narrowing never meets p − 1.
// Target −1: the row is ignored, not read, all its results 0. Target −2: the target is another shard's (for partials).
// Target's logit −∞: loss +∞, gradient finite. A masked class gets gradient 0. A row of −∞: NaN.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { chain, commit, destination, loadBlock, origin, scaleOf, storeOne, transform } from "./block";
import { classWeight, describe, unlabel } from "./labels";
import { canKeep, finishKept, orient, rowLabelled, rowLogSumExp, rowMass, rowMax, rowOrigin, rowSum } from "./scan";
import { rowTarget, scan, scanKeeping, scanLabels, seek } from "./scan";
import { maximum, weigh, weightOf } from "./sweep";
import { endClass, firstClass } from "./team";

const IGNORED = -1;

export function crossEntropy(
  logits: View,
  targets: View,
  targetProbabilities: View,
  classWeights: View,
  gradientScale: View,
  loss: View,
  logSumExp: View,
  hit: View,
  partial: View,
  gradient: View,
  rows: i32,
  vocab: i32,
  softcap: f32,
  temperature: f32,
  confidence: f32,
  smoothing: f32,
  zLoss: f64,
  scale: f64,
): void {
  transform(softcap, temperature);
  const labelled = describe(targetProbabilities, classWeights, confidence, smoothing);
  const kept = gradient.present && !labelled && canKeep(gradient, vocab);
  for (let row = 0; row < rows; row++) {
    const target = targets.present ? load<i32>(targets.row(row)) : -2;
    if (target == IGNORED) {
      ignore(row, vocab, loss, logSumExp, hit, partial, gradient);
      continue;
    }
    orient(logits, row, vocab);
    seek(target);
    if (labelled) scanLabels(logits, row, vocab);
    else if (kept) scanKeeping(logits, row, vocab, gradient);
    else scan(logits, row, vocab);
    const x = rowTarget;
    const lse = rowLogSumExp(), level = rowMax + Math.log(rowSum);
    let value: f64 = 0, mass = rowMass, own: f64 = 0;
    if (target >= 0) {
      own = <f64>(confidence * classWeight(target));
      mass += own;
      value = own == 0 ? 0 : own * (rowMax - <f64>x + Math.log(rowSum));
    }
    if (rowMass != 0) value += rowMass * level - rowLabelled;
    if (zLoss != 0) value += zLoss * lse * lse;
    store<f32>(loss.row(row), rowSum > 0 ? <f32>value : NaN);
    store<f32>(logSumExp.row(row), <f32>lse);
    if (hit.present) store<i32>(hit.row(row), i32(target >= 0 && rowSum != 0 && <f64>x == rowMax));
    if (partial.present) {
      const at = partial.row(row);
      const centre = isFinite(rowMax) ? rowLabelled - rowMax * rowMass : 0;
      record(at, rowMax + rowOrigin, rowSum, <f64>x + rowOrigin, centre, rowMass);
    }
    if (gradient.present) {
      const factor = scaleOf(gradientScale, row, scale);
      const pull = zLoss == 0 ? mass : mass + 2 * zLoss * lse;
      if (kept) finishKept(gradient, row, vocab, factor * pull / rowSum);
      else descend(logits, gradient, row, vocab, <f32>rowMax, <f32>(factor * pull / rowSum), <f32>factor, labelled, 0, -1);
      if (target >= firstClass(vocab) && target < endClass(vocab) && x != -Infinity) {
        const share = Math.exp(<f64>x - rowMax) / rowSum * pull;
        const smooth = <f64>(smoothing * classWeight(target));
        correct(gradient, row, target, x, <f32>(factor * (share - own - smooth)));
      }
    }
  }
}

/** One row of the partial: max, Σ e^(x − max), the target's logit, Σ τ·(x − max), Σ τ. */
@inline
function record(at: usize, max: f64, sum: f64, target: f64, shifted: f64, mass: f64): void {
  store<f64>(at, max);
  store<f64>(at, sum, 8);
  store<f64>(at, target, 16);
  store<f64>(at, shifted, 24);
  store<f64>(at, mass, 32);
}

function ignore(row: i32, vocab: i32, loss: View, lse: View, hit: View, partial: View, gradient: View): void {
  store<f32>(loss.row(row), 0);
  store<f32>(lse.row(row), 0);
  if (hit.present) store<i32>(hit.row(row), 0);
  if (partial.present) record(partial.row(row), -Infinity, 0, NaN, 0, 0);
  if (!gradient.present) return;
  const width = gradient.dtype == 0 ? 2 : 1, first = firstClass(vocab);
  memory.fill(gradient.row(row) + (<usize>first << width), 0, <usize>(endClass(vocab) - first) << width);
}

/** Classes that are left out of a gradient together. */
const RUN: i32 = 256;

/** The gradient of every class but the target: scale·e^(x − max) − factor·τ; 0 in runs where no |scale·e| comes to `least`. */
export function descend(
  logits: View,
  gradient: View,
  row: i32,
  vocab: i32,
  max: f32,
  scale: f32,
  factor: f32,
  labelled: bool,
  least: f32,
  target: i32,
): void {
  for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
    const length = blockLength(start, vocab), count = padded(length);
    // In place, the block is overwritten before τ and the chain rule have looked at it: they need a copy.
    let x = loadBlock(logits, row, start, length, scratch(0));
    const g = destination(gradient, row, start, length, scratch(1));
    if (x == g && labelled) {
      memory.copy(scratch(0), x, <usize>count << 2);
      x = scratch(0);
    }
    const small = least > 0 ? smallRuns(x, count, max, least / Mathf.abs(scale), target - start) : 0;
    weigh(x, g, count, max, scale);
    if (labelled) unlabel(x, g, row, start, length, factor);
    chain(x, g, count, origin);
    for (let first = 0; first < count; first += RUN) {
      if (small & (1 << first / RUN)) memory.fill(g + (<usize>first << 2), 0, <usize>min(RUN, count - first) << 2);
    }
    commit(gradient, row, start, length, g);
  }
}

/** The runs of a block, a bit each, in which no e^(x − max) comes to `least` and the target is not. */
function smallRuns(x: usize, count: i32, max: f32, least: f32, target: i32): i32 {
  let small = 0;
  for (let first = 0; first < count; first += RUN) {
    if (target >= first && target < first + RUN) continue;
    const peak = maximum(x + (<usize>first << 2), min(RUN, count - first));
    if (weightOf(Mathf.max(peak - max, -88)) < <f64>least) small |= 1 << first / RUN;
  }
  return small;
}

/** The target's transformed logit, from the row's origin on. */
export function targetOf(logits: View, row: i32, target: i32): f32 {
  return load<f32>(loadBlock(logits, row, target, 1, scratch(0)));
}

/** Overwrites the target's entry. */
export function correct(gradient: View, row: i32, target: i32, x: f32, value: f32): void {
  const at = scratch(0), slope = scratch(1);
  for (let i: usize = 0; i < 64; i += 16) {
    v128.store(at + i, f32x4.splat(x));
    v128.store(slope + i, f32x4.splat(value));
  }
  chain(at, slope, 16, origin);
  storeOne(gradient, row, target, load<f32>(slope), at);
}
