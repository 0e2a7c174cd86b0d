/**
 * WGSL of one thread's count of logits: their maximum and Σ e^(x − base), a stretch of tiles at a time.
 *
 * The base moves only when a logit rises above it by more than `REACH`, as an exponent: the weights that are rescaled then
 * are below e^(−REACH) of the new ones, and so is their error. Where `COMPENSATED` is true, what sums lose by rounding is
 * added up too. A count from −3.4·10³⁸ on is one that has met nothing finite: what it holds then is 0. NaN is told by its bits
 * on the way.
 *
 * @module
 */

/** Tiles of a stretch: all are loaded before the first is looked at, which hides the memory's latency. */
const AHEAD = 4;

/** WGSL for each tile of a stretch: written out, because an array that is indexed by a variable may not stay in registers. */
export function ahead(of: (tile: number) => string): string {
  return Array.from({ length: AHEAD }, (_, k) => of(k)).join("\n");
}

/** The source. */
export const COUNT = /* wgsl */ `
const AHEAD: u32 = ${AHEAD}u;
const STRETCH: u32 = AHEAD * TILE;

struct Count {
  /** Of the tiles since the last fold. */
  run: vec4<f32>,
  total: vec4<f32>,
  lost: vec4<f32>,
  special: vec4<u32>,
  base: f32,
  top: f32,
}

fn new_count() -> Count {
  return Count(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0u), LEAST, -infinity());
}

fn lanes(x: vec4<f32>) -> f32 {
  return (x.x + x.z) + (x.y + x.w);
}

fn highest(x: vec4<f32>) -> f32 {
  return max(max(x.x, x.z), max(x.y, x.w));
}

/** Adds to a sum of four lanes, and to another what it loses by rounding. */
fn accumulate(sum: ptr<function, vec4<f32>>, lost: ptr<function, vec4<f32>>, x: vec4<f32>) {
  let s = opaque4(*sum + x);
  let c = opaque4(s - *sum);
  let rest = (*sum - (s - c)) + (x - c);
  *lost += select(vec4(0.0), rest, are_finite(s));
  *sum = s;
}

fn lanes_of(sum: vec4<f32>, lost: vec4<f32>) -> vec2<f32> {
  let a = sum_of(sum.x, sum.z);
  let b = sum_of(sum.y, sum.w);
  return add(a, pair(b.x, b.y + lanes(lost)));
}

/** Looks at a stretch of capped logits before they are added: at NaN, the largest, and what weights are against. */
fn look_over(count: ptr<function, Count>, x: array<vec4<f32>, AHEAD>, inverse: vec2<f32>) {
  var special = (*count).special;
  var most = x[0];
${
  ahead((k) =>
    `  special = max(special, bitcast<vec4<u32>>(x[${k}]) & vec4(0x7fffffffu));\n  most = max(most, x[${k}]);`
  )
}
  (*count).special = special;
  let peak = highest(most);
  let base = (*count).base;
  if (cooled(peak - base, inverse) > REACH) {
    let k = exp1(step_down(base, peak, inverse));
    (*count).run *= k;
    (*count).total *= k;
    (*count).lost *= k;
    (*count).base = peak;
  }
  (*count).top = max((*count).top, peak);
}

/** Adds four of the logits that were looked over; returns their weights. */
fn take(count: ptr<function, Count>, x: vec4<f32>, inverse: vec2<f32>) -> vec4<f32> {
  let e = exp4(cooled4(x - (*count).base, inverse));
  if (COMPENSATED) {
    var total = (*count).total; // a pointer to a member of what a pointer points to is too much for naga 29
    var lost = (*count).lost;
    accumulate(&total, &lost, e);
    (*count).total = total;
    (*count).lost = lost;
  } else {
    (*count).run += e;
  }
  return e;
}

/** Ends a run of a few tiles: sums of sums lose less than one long sum. */
fn fold(count: ptr<function, Count>) {
  (*count).total += (*count).run;
  (*count).run = vec4(0.0);
}

/** The exponent of a move of the base; finite. */
fn step_down(old: f32, base: f32, inverse: vec2<f32>) -> f32 {
  return max(cooled(old - base, inverse), -1e30);
}

fn has_nan(count: Count) -> bool {
  return any(count.special > vec4(INFINITY_BITS));
}

/** Σ e^(x − top) of a count whose top is known: by the rules of the extended reals where that is not finite. */
fn weight_of(count: Count, inverse: vec2<f32>) -> vec2<f32> {
  if (has_nan(count)) {
    return vec2(nan(), 0.0);
  }
  if (is_finite(count.top)) {
    return lanes_of(count.total, count.lost) * exp1(-cooled(count.top - count.base, inverse));
  }
  return vec2(select(0.0, infinity(), is_infinite(count.top)), 0.0);
}

/** The largest of four numbers and another that is not NaN. */
fn known_highest(x: vec4<f32>, other: f32) -> f32 {
  return max(other, highest(select(x, vec4(-infinity()), are_nan(x))));
}

/** The exponent from one maximum to another that is no smaller: 0 if they are the same, −∞ from or to an infinite one. */
fn rise(old: f32, top: f32, inverse: vec2<f32>) -> f32 {
  if (bitcast<u32>(old) == bitcast<u32>(top)) {
    return 0.0;
  }
  return select(-infinity(), cooled(old - top, inverse), is_finite(old) && is_finite(top));
}

fn scaled(sum: vec2<f32>, exponent: f32) -> vec2<f32> {
  if (exponent == 0.0) {
    return sum;
  }
  return sum * exp1(exponent);
}
`;
