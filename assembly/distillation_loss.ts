// distillationLoss: α·CE + (1 − α)·T²·D of a student's rows, D the divergence of its softmax and a teacher's at temperature
//   T: kind 0 D(P ‖ Q), the student being q; 1 the same, the student being p; 2 the Jensen–Shannon divergence, the student
//   being q.
// p, q [rows, vocab], which are impossible in classes that their matrix lacks, targets? [rows] i32, gradientScale? [rows] →
//   hard? [rows] f32 the cross-entropy at temperature 1, soft [rows] f32 D, gradient? [rows, vocab] by the student's logits.
// Both matrices are read once from memory, whatever is wanted: the student's own sum, the means of the Jensen–Shannon
// divergence and the gradients look at the row again in cache. The gradient of the target is f64 until it is one number.
// Target −1: the row is ignored, not read, all its results 0. A part of weight 0 adds nothing, whatever it is.

import { BLOCK, View, blockLength, padded, scratch } from "./view";
import { chain, commit, loadBlock, scaleOf, transform } from "./block";
import { mix, rowMeanP, rowMeanQ, scanMeans, slope } from "./js_divergence";
import { slopeP, slopeQ } from "./kl_divergence";
import { fromP, fromQ, readAs, xp, xq } from "./pair";
import { divergence, loadWeights, scanPair, sumP, sumQ } from "./pair_scan";
import { orient, rowMax, rowSum, rowTarget, scan, seek } from "./scan";
import { weigh } from "./sweep";
import { endClass, firstClass } from "./team";

const IGNORED = -1;
const REVERSE = 1;
const JENSEN_SHANNON = 2;

export function distillationLoss(
  p: View,
  q: View,
  targets: View,
  gradientScale: View,
  hard: View,
  soft: View,
  gradient: View,
  rows: i32,
  vocab: i32,
  kind: i32,
  softcap: f32,
  temperature: f32,
  alpha: f64,
  beta: f64,
  scale: f64,
): void {
  readAs(0);
  const student = kind == REVERSE ? p : q, squared = <f64>temperature * <f64>temperature;
  for (let row = 0; row < rows; row++) {
    const target = targets.present ? load<i32>(targets.row(row)) : -2;
    if (target == IGNORED) {
      ignore(row, vocab, hard, soft, gradient);
      continue;
    }
    transform(softcap, temperature);
    scanPair(p, q, row, vocab, kind != JENSEN_SHANNON);
    const known = sumP > 0 && sumQ > 0;
    const kp: f32 = known ? <f32>(1 / sumP) : NaN, kq: f32 = known ? <f32>(1 / sumQ) : NaN;
    let value = divergence;
    if (kind == JENSEN_SHANNON) {
      scanMeans(p, q, row, vocab, kp, kq, <f32>beta);
      value = beta * rowMeanP + (1 - beta) * rowMeanQ;
    }
    if (!known) value = NaN;
    store<f32>(soft.row(row), <f32>value);
    const x: f32 = hard.present ? scanStudent(student, row, vocab, target, softcap) : 0;
    if (hard.present) store<f32>(hard.row(row), rowSum > 0 ? <f32>(rowMax - <f64>x + Math.log(rowSum)) : NaN);
    if (!gradient.present) continue;
    const factor = scaleOf(gradientScale, row, scale);
    const ofSoft = <f32>(factor * (1 - alpha) * squared), ofHard = factor * alpha;
    for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
      const length = blockLength(start, vocab), count = padded(length);
      if (alpha == 1) memory.fill(scratch(4), 0, <usize>count << 2);
      else {
        transform(softcap, temperature);
        const centre = loadWeights(p, q, row, start, length, kp, kq);
        if (kind == REVERSE) {
          slopeP(count, centre, <f32>value, ofSoft);
          chain(xp, scratch(4), count, fromP);
        } else {
          if (kind == JENSEN_SHANNON) {
            mix(count, centre, <f32>beta);
            slope(count, scratch(3), scratch(7), <f32>rowMeanQ, ofSoft * <f32>(1 - beta));
          } else slopeQ(count, centre, ofSoft);
          chain(xq, scratch(4), count, fromQ);
        }
      }
      if (alpha != 0) {
        transform(softcap, 1);
        pull(student, row, start, length, target, x, ofHard);
      }
      commit(gradient, row, start, length, scratch(4));
    }
  }
}

/** The student's own softmax, at temperature 1; returns the target's logit. */
function scanStudent(student: View, row: i32, vocab: i32, target: i32, softcap: f32): f32 {
  transform(softcap, 1);
  orient(student, row, vocab);
  seek(target);
  scan(student, row, vocab);
  return rowTarget;
}

/** Adds factor·(p − y) of the row last scanned, by raw logits, to a block in scratch 4. */
function pull(student: View, row: i32, start: i32, length: i32, target: i32, x: f32, factor: f64): void {
  const count = padded(length), logits = loadBlock(student, row, start, length, scratch(0)), g = scratch(1);
  weigh(logits, g, count, <f32>rowMax, <f32>(factor / rowSum));
  if (target >= start && target < start + length && x != -Infinity) {
    const share = Math.exp(<f64>x - rowMax) / rowSum;
    store<f32>(g + (<usize>(target - start) << 2), <f32>(factor * (share - 1)));
  }
  chain(logits, g, count, 0);
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 16) {
    v128.store(scratch(4) + i, f32x4.add(v128.load(scratch(4) + i), v128.load(g + i)));
  }
}

function ignore(row: i32, vocab: i32, hard: View, soft: View, gradient: View): void {
  if (hard.present) store<f32>(hard.row(row), 0);
  store<f32>(soft.row(row), 0);
  if (!gradient.present) return;
  const zeros = scratch(4);
  memory.fill(zeros, 0, <usize>BLOCK << 2);
  for (let start = firstClass(vocab), end = endClass(vocab); start < end; start += BLOCK) {
    commit(gradient, row, start, blockLength(start, vocab), zeros);
  }
}
