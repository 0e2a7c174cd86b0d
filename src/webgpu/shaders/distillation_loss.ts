/**
 * distillationLoss in WGSL: the cross-entropy of a student's rows, their divergence from a teacher's at temperature T, and
 * the gradient α·(p − y)·dc/dr + (1 − α)·T²·∂D/∂r with respect to the student's raw logits.
 *
 * Two looks at both rows, as for the divergences (wgsl/), a third for the gradient. Where T is not 1 a thread then goes
 * through its share of the student again, whose maximum it knows, for the sum at temperature 1. Edges, and which of p and q
 * the student is: src/reference/distillation_loss.ts.
 *
 * @module
 */
import type { Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { DIVERGENCE } from "../wgsl/divergence.ts";
import { MIXTURE } from "../wgsl/mixture.ts";
import { FACTOR, PAIRS, TERMS } from "../wgsl/pair.ts";

const SOURCE = /* wgsl */ `
const IGNORED: i32 = -1;
/** What transforms the logits of the cross-entropy. */
const WARM: vec2<f32> = vec2(1.0, 0.0);

fn are_probabilities() -> bool {
  return false;
}

fn is_reverse() -> bool {
  return call.kind.x == 1.0;
}

fn is_mixture() -> bool {
  return call.kind.x == 2.0;
}

/** The class that a row is about: IGNORED, or −2 for none. */
fn class_of(row: u32) -> i32 {
  return select(-2, take_targets(row, 0u), has_targets);
}

/** Capped logits of the student, −∞ outside. */
fn student_of(row: u32, at: vec4<u32>, inside: vec4<bool>) -> vec4<f32> {
  if (is_reverse()) {
    return logits_of(take_p(row, at), inside_p(at, inside));
  }
  return logits_of(take_q(row, at), inside_q(at, inside));
}

fn student_max(pair: Pair) -> f32 {
  return select(pair.max_q, pair.max_p, is_reverse());
}

struct Scan {
  pair: Pair,
  /** The student's Σ e^(x − max) at temperature 1. */
  sum: vec2<f32>,
  /** Its target's capped logit; −∞ where that is not. */
  target_logit: f32,
}

fn nothing_Scan() -> Scan {
  return Scan(nothing_Pair(), vec2(0.0), -infinity());
}

fn levels_Scan(a: Scan) -> vec2<f32> {
  return levels_Pair(a.pair);
}

fn raise_Scan(a: Scan, levels: vec2<f32>) -> Scan {
  let pair = raise_Pair(a.pair, levels);
  return Scan(pair, scaled(a.sum, rise(student_max(a.pair), student_max(pair), WARM)), a.target_logit);
}

fn merge_Scan(x: Scan, y: Scan) -> Scan {
  let top = max(levels_Scan(x), levels_Scan(y));
  let a = raise_Scan(x, top);
  let b = raise_Scan(y, top);
  let target_logit = select(a.target_logit, b.target_logit, is_masked(a.target_logit));
  return Scan(merge_Pair(a.pair, b.pair), add(a.sum, b.sum), target_logit);
}

fn look1(row: u32, segment: u32, lane: u32) -> Scan {
  let sought = class_of(row);
  if (sought == IGNORED) {
    return nothing_Scan();
  }
  var found = nothing_Scan();
  found.pair = scan_pair(row, segment, lane);
  if (!has_targets) {
    return found;
  }
  let start = segment * SEGMENT;
  let end = min(start + SEGMENT, call.vocab);
  found.sum = warm_sum(row, start, end, lane, found.pair);
  if (lane == 0u && sought >= i32(start) && sought < i32(end)) {
    found.target_logit = student_of(row, vec4(u32(sought)), vec4(true)).x;
  }
  return found;
}

/** A thread's share of the student's sum at temperature 1, against the maximum of that share. */
fn warm_sum(row: u32, start: u32, end: u32, lane: u32, pair: Pair) -> vec2<f32> {
  if (!is_cooled()) {
    return select(pair.sum_q, pair.sum_p, is_reverse());
  }
  let most = student_max(pair);
  let cool = select(pair.sum_q.x, pair.sum_p.x, is_reverse());
  if (!is_finite(most) || is_nan(cool)) {
    return vec2(cool, 0.0);
  }
  var sum = vec4(0.0);
  var lost = vec4(0.0);
  for (var tile = start; tile < end; tile += TILE) {
    let at = classes(tile, lane);
    accumulate(&sum, &lost, exp4(student_of(row, at, at < vec4(end)) - most));
  }
  return lanes_of(sum, lost);
}

fn look2(row: u32, segment: u32, lane: u32, found: Scan) -> Terms {
  if (class_of(row) == IGNORED) {
    return nothing_Terms();
  }
  if (is_mixture()) {
    return mixture_terms(row, segment, lane, found.pair);
  }
  return divergence_terms(row, segment, lane, found.pair);
}

struct Row {
  rows: Rows,
  divergence: f32,
  /** D(Q ‖ M). */
  mean: f32,
  hard: f32,
  sought: i32,
  /** What the gradients of the parts are multiplied by: of the cross-entropy that of p. */
  of_soft: f32,
  of_hard: f32,
  max: f32,
  /** The gradient of the cross-entropy by the target's capped logit. */
  own: f32,
}

fn settle(row: u32, found: Scan, terms: Terms) -> Row {
  var state: Row;
  state.sought = class_of(row);
  if (state.sought == IGNORED) {
    return state;
  }
  state.rows = rows_of(found.pair);
  state.mean = terms.second.x;
  if (is_mixture()) {
    state.divergence = mixture_divergence(found.pair, terms);
  } else {
    state.divergence = divergence_of(found.pair, terms, state.rows).value.x;
  }
  let factor = factor_of(row);
  let temperature = call.temperature;
  let weight = multiply(subtract(vec2(1.0, 0.0), call.alpha), multiply(temperature, temperature));
  state.of_soft = factor * weight.x;
  state.max = student_max(found.pair);
  let x = found.target_logit;
  let is_known = is_positive(found.sum.x);
  state.hard = select(nan(), add(sum_of(state.max, -x), ln(found.sum)).x, is_known);
  let of_hard = multiply(vec2(factor, 0.0), call.alpha);
  state.of_hard = select(nan(), divide(of_hard, found.sum).x, is_known);
  let share = divide(vec2(exp1(x - state.max), 0.0), found.sum);
  let own = multiply(of_hard, subtract(share, vec2(1.0, 0.0))).x;
  state.own = select(select(own, nan(), is_infinite(x) || !is_known), 0.0, is_masked(x) && is_known);
  return state;
}

fn finish(row: u32, lane: u32, state: Row) {
  if (lane != 0u) {
    return;
  }
  put_soft(row, 0u, select(state.divergence, 0.0, state.sought == IGNORED));
  put_hard(row, 0u, select(state.hard, 0.0, state.sought == IGNORED));
}

/** (1 − α)·T²·∂D/∂r, c being the student's capped logits. */
fn soft_slope(c: Classes, x: vec4<f32>, state: Row) -> vec4<f32> {
  var g = state.of_soft * excess(c);
  if (is_reverse()) {
    g = select(state.of_soft * c.p * (c.d - state.divergence), vec4(0.0), c.p == vec4(0.0));
  }
  if (is_mixture()) {
    g = mixture_slope(c.q, mix(c).log_q, state.mean, state.of_soft * other_weight(), state.divergence);
  }
  return select(g * slope4(x, state.rows.inverse), vec4(nan()), vec4(is_nan(state.divergence)));
}

/** α·(p − y)·dc/dr. */
fn hard_slope(at: vec4<u32>, x: vec4<f32>, state: Row) -> vec4<f32> {
  var g = exp4(x - state.max) * state.of_hard;
  if (is_infinite(state.max) && !is_nan(state.of_hard)) {
    g = select(vec4(0.0), vec4(nan()), are_infinite(x));
  }
  g = select(g, vec4(state.own), at == vec4(u32(state.sought)));
  return g * slope4(x, WARM);
}

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  let existing = inside & (at < vec4(call.columns_gradient));
  if (state.sought == IGNORED) {
    put_gradient(row, at, existing, vec4(0.0));
    return;
  }
  let x = student_of(row, at, inside);
  var g = vec4(0.0);
  if (call.alpha.x != 1.0) {
    g = soft_slope(classes_of(row, at, inside, state.rows), x, state);
  }
  if (call.alpha.x != 0.0) {
    g += hard_slope(at, x, state);
  }
  put_gradient(row, at, existing, g);
}
`;

/** What a segment leaves of both rows, and of the student's alone. */
const SCAN = { name: "Scan", bytes: 40, isLevelled: true } as const;

/** p, q [rows, vocab], targets?, gradientScale? [rows] → hard?, soft [rows], gradient? [rows, vocab], or the student's. */
export const distillationLoss: Shader = {
  uses: [COUNT, PAIRS, FACTOR, DIVERGENCE, MIXTURE],
  source: SOURCE,
  partials: [SCAN, TERMS],
};
