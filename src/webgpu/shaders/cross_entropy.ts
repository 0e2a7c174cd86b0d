/**
 * crossEntropy in WGSL: Σ τ·(lse − x) + zLoss·lse², and its gradient scale·((Σ τ + 2·zLoss·lse)·p − τ)·dx/dr.
 *
 * The loss takes one look at a row, the gradient a second one. What is one number a row is a pair of f32: (max − x) + ln Σ
 * keeps its digits at logits of 1e4, and so does the target's gradient where p → 1. Targets −1 and −2, and the edges: as
 * src/reference/cross_entropy.ts says.
 *
 * @module
 */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { LABELS } from "../wgsl/labels.ts";
import { SCAN, SUMS } from "../wgsl/scan.ts";

const TARGETS = /* wgsl */ `
fn is_labelled() -> bool {
  return has_targetProbabilities || call.smoothing.x != 0.0;
}

fn label(row: u32, at: vec4<u32>, inside: vec4<bool>, x: vec4<f32>) -> vec4<f32> {
  var tau = smoothing_of(x);
  if (has_targetProbabilities) {
    tau = fma(take_targetProbabilities(row, at), vec4(call.confidence.x), tau);
  }
  return weighted(tau, at, inside);
}
`;

const SOURCE = /* wgsl */ `
const MOMENTS: bool = false;
const IGNORED: i32 = -1;

/** The class that a row is about: IGNORED, or −2 for none of these. */
fn class_of(row: u32) -> i32 {
  return select(-2, take_targets(row, 0u), has_targets);
}

fn look1(row: u32, segment: u32, lane: u32) -> Sums {
  let sought = class_of(row);
  if (sought == IGNORED) {
    return nothing_Sums();
  }
  return scan(row, segment, lane, sought);
}

struct Row {
  sums: Sums,
  norm: Normal,
  loss: f32,
  hit: i32,
  sought: i32,
  /** What the gradient is multiplied by, and p in it. */
  factor: f32,
  pull: f32,
  /** The gradient by the target's transformed logit. */
  own_gradient: f32,
}

fn settle(row: u32, sums: Sums) -> Row {
  var state: Row;
  let n = normal(sums);
  state.sums = sums;
  state.norm = n;
  state.sought = class_of(row);
  let x = sums.target_logit;
  var own = vec2(0.0);
  var smooth_own = vec2(0.0);
  if (state.sought >= 0) {
    let w = vec2(weight_of_class(u32(state.sought)), 0.0);
    own = multiply(call.confidence, w);
    smooth_own = multiply(call.smoothing, w);
  }
  var value = vec2(0.0);
  if (own.x != 0.0) {
    value = multiply(own, add(multiply(sum_of(sums.max, -x), n.inverse), n.log_sum));
  }
  if (sums.mass.x != 0.0) {
    value = add(value, subtract(multiply(sums.mass, n.log_sum), multiply(sums.labelled, n.inverse)));
  }
  var pull = add(sums.mass, own);
  if (call.zLoss.x != 0.0) {
    let z = multiply(call.zLoss, n.log_sum_exp);
    value = add(value, multiply(z, n.log_sum_exp));
    pull = add(pull, 2.0 * z);
  }
  state.loss = select(nan(), value.x, !is_nan(n.scale));
  state.hit = select(0, 1, state.sought >= 0 && !is_masked(sums.max) && !is_nan(x) && x == sums.max);
  var factor = call.scale;
  if (has_gradientScale) {
    factor = multiply(factor, vec2(take_gradientScale(row, 0u), 0.0));
  }
  state.factor = factor.x;
  state.pull = pull.x;
  if (!is_finite(pull.x)) {
    state.norm.scale = nan();
  }
  let e = exp1(cooled(x - sums.max, n.inverse));
  let share = divide(vec2(e, 0.0), sums.sum);
  let gradient = multiply(factor, subtract(multiply(share, pull), add(own, smooth_own)));
  state.own_gradient = select(gradient.x, nan(), is_infinite(x) || is_nan(state.norm.scale));
  if (is_masked(x) && !is_nan(state.norm.scale)) {
    state.own_gradient = 0.0;
  }
  return state;
}

fn finish(row: u32, lane: u32, state: Row) {
  if (lane != 0u) {
    return;
  }
  if (state.sought == IGNORED) {
    put_loss(row, 0u, 0.0);
    put_logSumExp(row, 0u, 0.0);
    put_hit(row, 0u, 0);
    put_partial(row, 0u, vec2(-infinity(), 0.0));
    put_partial(row, 1u, vec2(0.0));
    put_partial(row, 2u, vec2(nan(), 0.0));
    put_partial(row, 3u, vec2(0.0));
    put_partial(row, 4u, vec2(0.0));
    return;
  }
  let inverse = state.norm.inverse;
  put_loss(row, 0u, state.loss);
  put_logSumExp(row, 0u, state.norm.log_sum_exp.x);
  put_hit(row, 0u, state.hit);
  put_partial(row, 0u, multiply(vec2(state.sums.max, 0.0), inverse));
  put_partial(row, 1u, state.sums.sum);
  put_partial(row, 2u, multiply(vec2(state.sums.target_logit, 0.0), inverse));
  put_partial(row, 3u, select(vec2(0.0), multiply(state.sums.labelled, inverse), is_finite(state.sums.max)));
  put_partial(row, 4u, state.sums.mass);
}

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  if (state.sought == IGNORED) {
    put_gradient(row, at, inside, vec4(0.0));
    return;
  }
  let x = capped(take_logits(row, at));
  var g = shares(x, state.norm, state.factor * state.pull);
  if (is_labelled()) {
    g -= state.factor * label(row, at, inside, x);
  }
  g = select(g, vec4(0.0), are_masked(x) & vec4(!is_nan(state.norm.scale)));
  g = select(g, vec4(state.own_gradient), at == vec4(u32(state.sought)));
  put_gradient(row, at, inside, g * slope4(x, state.norm.inverse));
}
`;

/**
 * logits [rows, vocab], targets? [rows] or targetProbabilities? [rows, vocab], classWeights? [vocab], gradientScale? [rows] →
 * loss, logSumExp, hit? [rows], partial? [rows, 5], gradient? [rows, vocab], which may be the logits.
 */
export const crossEntropy: Shader = { uses: [COUNT, LABELS, TARGETS, SCAN], source: SOURCE, partials: [SUMS] };
