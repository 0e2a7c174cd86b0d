/**
 * WGSL of two rows side by side, for the divergences of P = softmax(p) and Q = softmax(q): their normalisation in a first
 * look, and in a second one P, Q and d = ln P − ln Q of every class.
 *
 * d is taken from δ = cp − cq, exactly as a pair, less G = (ln ΣP − ln ΣQ)·temperature: a divergence of 1e-8 lives in
 * differences that ln P and ln Q, each rounded, no longer hold. The error of G is common to all classes and costs its
 * square half. Probabilities come in as their logarithms; where they are near, δ comes from (p − q) / (p + q). Classes that
 * a matrix lacks are impossible.
 *
 * @module
 */
import { ahead } from "./count.ts";

/** What a segment leaves of both rows. */
export const PAIR = { name: "Pair", bytes: 24, isLevelled: true } as const;

/** Two sums over a segment. */
export const TERMS = { name: "Terms", bytes: 16 } as const;

/** What the matrices of an operation hold that can be told. */
export const INPUT = /* wgsl */ `
fn are_probabilities() -> bool {
  return call.input.x != 0.0;
}
`;

/** What the gradients of a row are multiplied by, where upstream gradients are an input. */
export const FACTOR = /* wgsl */ `
fn factor_of(row: u32) -> f32 {
  return call.scale.x * select(1.0, take_gradientScale(row, 0u), has_gradientScale);
}
`;

/** The source; an operation says `are_probabilities()`. */
export const PAIRS = /* wgsl */ `
const COMPENSATED: bool = true;
/** What ΣP is off by is multiplied by the divergence: no exponent of a weight may be so large that it is rounded much. */
const REACH: f32 = 1.0;

struct Pair {
  sum_p: vec2<f32>,
  sum_q: vec2<f32>,
  max_p: f32,
  max_q: f32,
}

struct Terms {
  first: vec2<f32>,
  second: vec2<f32>,
}

fn nothing_Pair() -> Pair {
  return Pair(vec2(0.0), vec2(0.0), -infinity(), -infinity());
}

fn nothing_Terms() -> Terms {
  return Terms(vec2(0.0), vec2(0.0));
}

fn levels_Pair(a: Pair) -> vec2<f32> {
  return vec2(a.max_p, a.max_q);
}

fn raise_Pair(a: Pair, levels: vec2<f32>) -> Pair {
  let inverse = coldness();
  let p = scaled(a.sum_p, rise(a.max_p, levels.x, inverse));
  return Pair(p, scaled(a.sum_q, rise(a.max_q, levels.y, inverse)), levels.x, levels.y);
}

fn merge_Pair(x: Pair, y: Pair) -> Pair {
  let top = max(levels_Pair(x), levels_Pair(y));
  let a = raise_Pair(x, top);
  let b = raise_Pair(y, top);
  return Pair(add(a.sum_p, b.sum_p), add(a.sum_q, b.sum_q), top.x, top.y);
}

fn merge_Terms(a: Terms, b: Terms) -> Terms {
  return Terms(add(a.first, b.first), add(a.second, b.second));
}

fn logits_of(x: vec4<f32>, inside: vec4<bool>) -> vec4<f32> {
  var y = x;
  if (are_probabilities()) {
    y = ln4(x);
  }
  return capped(select(vec4(-infinity()), y, inside));
}

/** Which classes below an end there are in p, and in q. */
fn inside_p(at: vec4<u32>, inside: vec4<bool>) -> vec4<bool> {
  return inside & (at < vec4(call.columns_p));
}

fn inside_q(at: vec4<u32>, inside: vec4<bool>) -> vec4<bool> {
  return inside & (at < vec4(call.columns_q));
}

/** The first look. */
fn scan_pair(row: u32, segment: u32, lane: u32) -> Pair {
  let inverse = coldness();
  let start = segment * SEGMENT;
  let end = min(start + SEGMENT, call.vocab);
  let end_p = min(end, call.columns_p);
  let end_q = min(end, call.columns_q);
  var p = new_count();
  var q = new_count();
  for (var tile = start; tile < end; tile += STRETCH) {
    var a: array<vec4<f32>, AHEAD>;
    var b: array<vec4<f32>, AHEAD>;
${ahead((k) => `    a[${k}] = take_p(row, classes(tile + ${k}u * TILE, lane));`)}
${ahead((k) => `    b[${k}] = take_q(row, classes(tile + ${k}u * TILE, lane));`)}
${ahead((k) => `    a[${k}] = logits_of(a[${k}], classes(tile + ${k}u * TILE, lane) < vec4(end_p));`)}
${ahead((k) => `    b[${k}] = logits_of(b[${k}], classes(tile + ${k}u * TILE, lane) < vec4(end_q));`)}
    look_over(&p, a, inverse);
    look_over(&q, b, inverse);
${
  ahead((k) =>
    `    if (tile + ${k}u * TILE < end) {\n      take(&p, a[${k}], inverse);\n      take(&q, b[${k}], inverse);\n    }`
  )
}
  }
  return Pair(weight_of(p, inverse), weight_of(q, inverse), p.top, q.top);
}

/** Two rows after the first look. */
struct Rows {
  gap: vec2<f32>,
  inverse: vec2<f32>,
  max_p: f32,
  max_q: f32,
  scale_p: f32,
  scale_q: f32,
}

/** ln of P's total over Q's, before the temperature divides. */
fn gap_of(pair: Pair) -> vec2<f32> {
  let logs = subtract(ln(pair.sum_p), ln(pair.sum_q));
  return add(sum_of(pair.max_p, -pair.max_q), select(logs, multiply(logs, call.temperature), is_cooled()));
}

/** Whether both rows have a distribution. */
fn is_proper(pair: Pair) -> bool {
  return is_positive(pair.sum_p.x) && is_positive(pair.sum_q.x) && is_finite(pair.sum_p.x) && is_finite(pair.sum_q.x);
}

fn rows_of(pair: Pair) -> Rows {
  var rows: Rows;
  rows.inverse = coldness();
  rows.max_p = pair.max_p;
  rows.max_q = pair.max_q;
  rows.gap = gap_of(pair);
  rows.scale_p = select(nan(), divide(vec2(1.0, 0.0), pair.sum_p).x, is_proper(pair));
  rows.scale_q = select(nan(), divide(vec2(1.0, 0.0), pair.sum_q).x, is_proper(pair));
  return rows;
}

/** Four classes of two rows. */
struct Classes {
  cp: vec4<f32>,
  cq: vec4<f32>,
  p: vec4<f32>,
  q: vec4<f32>,
  /** ln P − ln Q: −∞ or anything where p is masked, ∞ where q is and p is not. */
  d: vec4<f32>,
  /** δ, and what is lost of it by rounding. */
  delta: vec4<f32>,
  error: vec4<f32>,
}

fn classes_of(row: u32, at: vec4<u32>, inside: vec4<bool>, rows: Rows) -> Classes {
  var c: Classes;
  let is_p = inside_p(at, inside);
  let is_q = inside_q(at, inside);
  let a = select(vec4(0.0), take_p(row, at), is_p);
  let b = select(vec4(0.0), take_q(row, at), is_q);
  c.cp = logits_of(a, is_p);
  c.cq = logits_of(b, is_q);
  c.p = exp4(cooled4(c.cp - rows.max_p, rows.inverse)) * rows.scale_p;
  c.q = exp4(cooled4(c.cq - rows.max_q, rows.inverse)) * rows.scale_q;
  var delta = opaque4(c.cp - c.cq);
  let back = opaque4(delta - c.cp);
  let rest = (c.cp - (delta - back)) - (c.cq + back);
  var error = select(vec4(0.0), rest, are_finite(delta));
  if (are_probabilities()) {
    let s = (a - b) / (a + b);
    let near = abs(s) < vec4(0.17);
    delta = select(delta, fma(s, atanh_rest(s * s), 2.0 * s), near);
    error = select(error, vec4(0.0), near);
  }
  c.delta = delta;
  c.error = error;
  c.d = cooled4(opaque4(delta - rows.gap.x) + (error - rows.gap.y), rows.inverse);
  c.d = select(c.d, vec4(infinity()), are_masked(c.cq) & !are_masked(c.cp));
  return c;
}

/** Q − P, from d where they are near; 0 where q is masked. */
fn excess(c: Classes) -> vec4<f32> {
  let p = select(c.p, vec4(0.0), are_masked(c.cq));
  return select(c.q - p, p * (bregman4(c.d) - c.d), abs(c.d) <= vec4(1.0));
}

/** P·ΣP·(d − 1) + Q·ΣP of one class, as a pair: a large divergence may be one large term. */
fn heavy_term(c: Classes, k: u32, rows: Rows) -> vec2<f32> {
  let d = multiply(subtract(vec2(c.delta[k], c.error[k]), rows.gap), rows.inverse);
  let x = multiply(sum_of(c.cp[k], -rows.max_p), rows.inverse);
  return add(multiply(exp_pair(x), add(d, vec2(-1.0, 0.0))), vec2(c.q[k], 0.0));
}

/** e^d as a pair, for a d from −10 to 0. */
fn exp_pair(d: vec2<f32>) -> vec2<f32> {
  let b = opaque(fma(d.x, LOG2E, MAGIC));
  let r = subtract(d, multiply(vec2(b - MAGIC, 0.0), vec2(0.6931471824645996, -1.904654212e-9)));
  // From r³ on the terms are below a hundredth
  let square = multiply(r, r) * 0.5;
  let series = fma(r.x, fma(r.x, fma(r.x, fma(r.x, 1.0 / 5040.0, 1.0 / 720.0), 1.0 / 120.0), 1.0 / 24.0), 1.0 / 6.0);
  let e = add(vec2(1.0, 0.0), add(r, add(square, vec2(r.x * r.x * r.x * series, 0.0))));
  return e * bitcast<f32>(bitcast<u32>(b) << 23u);
}
`;
