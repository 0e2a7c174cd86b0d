/**
 * WGSL of one look at a segment of a row of logits: its maximum m, Σ e^(x − m), on request Σ e^(x − m)·(x − m) and the sums
 * of the target mass τ that label smoothing and soft targets give to every class, as a mergeable partial.
 *
 * An operation says `const MOMENTS`, and has `is_labelled()` and `label(row, at, inside, x)`, the τ of four classes.
 *
 * @module
 */
import { ahead } from "./count.ts";

/** What a segment leaves. */
export const SUMS = { name: "Sums", bytes: 40, isLevelled: true } as const;

/** For operations without target mass. */
export const UNLABELLED = /* wgsl */ `
fn is_labelled() -> bool {
  return false;
}

fn label(row: u32, at: vec4<u32>, inside: vec4<bool>, x: vec4<f32>) -> vec4<f32> {
  return vec4(0.0);
}
`;

/** What is done with a tile of a stretch. */
function absorb(k: number): string {
  return /* wgsl */ `
      if (tile + ${k}u * TILE < end) {
        let e = take(&count, x[${k}], inverse);
        if (MOMENTS) {
          run_moment = fma(e, max(cooled4(x[${k}] - count.base, inverse), vec4(LOWEST)), run_moment);
        }
        if (is_labelled()) {
          let at = classes(tile + ${k}u * TILE, lane);
          let tau = label(row, at, at < vec4(end), x[${k}]);
          run_mass += tau;
          run_labelled += select(tau * (x[${k}] - count.base), vec4(0.0), tau == vec4(0.0));
        }
      }`;
}

/** The source. */
export const SCAN = /* wgsl */ `
const COMPENSATED: bool = false;
/** A moment loses the digits that its base lies below the maximum. */
const REACH: f32 = select(10.0, 1.0, MOMENTS);

/** Of capped logits c and x = c / temperature. */
struct Sums {
  /** Σ e^(x − m). */
  sum: vec2<f32>,
  /** Σ e^(x − m)·(x − m). */
  moment: vec2<f32>,
  /** Σ τ. */
  mass: vec2<f32>,
  /** Σ τ·(c − m). */
  labelled: vec2<f32>,
  /** m, of c. */
  max: f32,
  /** The target's c; −∞ where it is not. */
  target_logit: f32,
}

fn nothing_Sums() -> Sums {
  let zero = vec2(0.0);
  return Sums(zero, zero, zero, zero, -infinity(), -infinity());
}

fn levels_Sums(a: Sums) -> vec2<f32> {
  return vec2(a.max);
}

fn raise_Sums(a: Sums, levels: vec2<f32>) -> Sums {
  var raised = a;
  let step = rise(a.max, levels.x, coldness());
  raised.max = levels.x;
  raised.sum = scaled(a.sum, step);
  if (MOMENTS) {
    raised.moment = moved(a, step);
  }
  if (is_labelled()) {
    raised.labelled = shifted(a.labelled, a.mass, a.max, levels.x);
  }
  return raised;
}

fn merge_Sums(x: Sums, y: Sums) -> Sums {
  let top = vec2(max(x.max, y.max));
  let a = raise_Sums(x, top);
  let b = raise_Sums(y, top);
  var merged = a;
  merged.sum = add(a.sum, b.sum);
  if (MOMENTS) {
    merged.moment = add(a.moment, b.moment);
  }
  if (is_labelled()) {
    merged.mass = add(a.mass, b.mass);
    merged.labelled = add(a.labelled, b.labelled);
  }
  merged.target_logit = select(a.target_logit, b.target_logit, is_masked(a.target_logit));
  return merged;
}

/** A moment against another maximum. */
fn moved(a: Sums, exponent: f32) -> vec2<f32> {
  if (exponent == 0.0) {
    return a.moment;
  }
  let k = exp1(exponent);
  if (k == 0.0) {
    return vec2(0.0);
  }
  return add(a.moment, multiply(a.sum, vec2(exponent, 0.0))) * k;
}

/** A labelled sum against another maximum; nothing stays nothing, and so does what has no maximum. */
fn shifted(labelled: vec2<f32>, mass: vec2<f32>, old: f32, top: f32) -> vec2<f32> {
  if (magnitude(mass.x) == 0u || bitcast<u32>(old) == bitcast<u32>(top) || is_masked(top)) {
    return labelled;
  }
  return add(labelled, multiply(mass, sum_of(old, -top)));
}

/** Capped logits of a stretch of tiles, −∞ past the segment's end. */
fn stretch_of_logits(row: u32, tile: u32, end: u32, lane: u32) -> array<vec4<f32>, AHEAD> {
  var x: array<vec4<f32>, AHEAD>;
${ahead((k) => `  x[${k}] = take_logits(row, classes(tile + ${k}u * TILE, lane));`)}
${
  ahead((k) =>
    `  x[${k}] = capped(select(vec4(-infinity()), x[${k}], classes(tile + ${k}u * TILE, lane) < vec4(end)));`
  )
}
  return x;
}

/** A thread's share of a segment; the target's logit where \`sought\` is a class of it. */
fn scan(row: u32, segment: u32, lane: u32, sought: i32) -> Sums {
  let inverse = coldness();
  let start = segment * SEGMENT;
  let end = min(start + SEGMENT, call.vocab);
  var count = new_count();
  var moment = vec4(0.0);
  var mass = vec4(0.0);
  var labelled = vec4(0.0);
  for (var run = start; run < end; run += RUN) {
    var run_moment = vec4(0.0);
    var run_mass = vec4(0.0);
    var run_labelled = vec4(0.0);
    for (var tile = run; tile < min(run + RUN, end); tile += STRETCH) {
      let x = stretch_of_logits(row, tile, end, lane);
      let before = count;
      look_over(&count, x, inverse);
      if ((MOMENTS || is_labelled()) && before.base != count.base) {
        let step = step_down(before.base, count.base, inverse);
        let k = exp1(step);
        moment = (moment + before.total * step) * k;
        run_moment = (run_moment + before.run * step) * k;
        labelled += select(mass * (before.base - count.base), vec4(0.0), mass == vec4(0.0));
        run_labelled += select(run_mass * (before.base - count.base), vec4(0.0), run_mass == vec4(0.0));
      }
${ahead(absorb)}
    }
    fold(&count);
    moment += run_moment;
    mass += run_mass;
    labelled += run_labelled;
  }
  if (has_nan(count)) {
    count.top = -infinity();
    for (var tile = start; tile < end; tile += STRETCH) {
      let x = stretch_of_logits(row, tile, end, lane);
${ahead((k) => `      count.top = known_highest(x[${k}], count.top);`)}
    }
  }
  var result = nothing_Sums();
  result.max = count.top;
  result.sum = weight_of(count, inverse);
  if (MOMENTS && !is_masked(count.top)) {
    let distance = cooled(count.top - count.base, inverse);
    let about_top = (lanes(moment) - distance * lanes(count.total)) * exp1(-distance);
    result.moment = vec2(select(nan(), about_top, is_finite(count.top)), 0.0);
  }
  if (is_labelled()) {
    result.mass = vec2(lanes(mass), 0.0);
    result.labelled = shifted(vec2(lanes(labelled), 0.0), result.mass, count.base, count.top);
  }
  if (lane == 0u && sought >= i32(start) && sought < i32(end)) {
    result.target_logit = capped(take_logits(row, vec4(u32(sought)))).x;
  }
  return result;
}

/** A row after its scan. */
struct Normal {
  log_sum: vec2<f32>,
  log_sum_exp: vec2<f32>,
  inverse: vec2<f32>,
  max: f32,
  /** 1 / Σ e^(x − max); NaN where there is no distribution. */
  scale: f32,
}

fn normal(sums: Sums) -> Normal {
  let inverse = coldness();
  var scale = nan();
  if (is_positive(sums.sum.x)) {
    scale = divide(vec2(1.0, 0.0), sums.sum).x;
  }
  let log_sum = ln(sums.sum);
  let log_sum_exp = add(multiply(vec2(sums.max, 0.0), inverse), log_sum);
  return Normal(log_sum, log_sum_exp, inverse, sums.max, scale);
}

/** Probabilities of capped logits, times \`factor\`. */
fn shares(c: vec4<f32>, n: Normal, factor: f32) -> vec4<f32> {
  if (is_infinite(n.max) && !is_nan(n.scale)) {
    return select(vec4(0.0), vec4(nan()), are_infinite(c));
  }
  return exp4(cooled4(c - n.max, n.inverse)) * (n.scale * factor);
}

/** Their logarithms. */
fn log_shares(c: vec4<f32>, n: Normal) -> vec4<f32> {
  if (is_nan(n.scale)) {
    return vec4(nan());
  }
  if (is_infinite(n.max)) {
    return select(vec4(-infinity()), vec4(nan()), are_infinite(c));
  }
  return (cooled4(c - n.max, n.inverse) - n.log_sum.x) - n.log_sum.y;
}

/** The entropy, in nats: neither term of it is negative, and rounding must not make it so. */
fn entropy_of(sums: Sums, n: Normal) -> vec2<f32> {
  if (is_nan(n.scale) || is_infinite(n.max)) {
    return vec2(nan(), 0.0);
  }
  let h = subtract(n.log_sum, divide(sums.moment, sums.sum));
  return select(vec2(0.0), h, h.x > 0.0);
}
`;
