/**
 * crossEntropyGradient in WGSL: (scale·e^(x − max) − factor·τ)·dx/dr of classes of a row of which all is known already, so
 * that no look is needed: `levels` are max as a pair, scale, factor, the target's gradient, and what is too small to keep.
 *
 * A tile of classes that the target is not in is 0 where no |scale·e^(x − max)| comes to that. Targets −1 and −2, and the
 * edges: as crossEntropy's. The gradient is f32: threads would else write classes of two tiles.
 *
 * @module
 */
import type { Shader } from "../shader.ts";
import { LABELS } from "../wgsl/labels.ts";

const SOURCE = /* wgsl */ `
const IGNORED: i32 = -1;

struct Row {
  inverse: vec2<f32>,
  /** As raw logits are, capped. */
  max: f32,
  /** NaN where there is no distribution. */
  scale: f32,
  factor: f32,
  own_gradient: f32,
  /** The bits of it; as such also those of NaN are more. */
  least: u32,
  sought: i32,
}

fn settle(row: u32) -> Row {
  let max = vec2(take_levels(row, 0u), take_levels(row, 1u));
  let scale = take_levels(row, 2u);
  var state: Row;
  state.inverse = coldness();
  state.max = max.x;
  if (is_cooled() && is_finite(max.x)) {
    state.max = multiply(max, call.temperature).x;
  }
  state.scale = select(nan(), scale, is_finite(scale));
  state.factor = take_levels(row, 3u);
  state.own_gradient = select(take_levels(row, 4u), nan(), is_nan(state.scale));
  state.least = bitcast<u32>(take_levels(row, 5u));
  state.sought = take_targets(row, 0u);
  return state;
}

fn finish(row: u32, lane: u32, state: Row) {
}

/** The tiles of a segment that are kept, a bit each. */
var<workgroup> kept: atomic<u32>;

fn emit(row: u32, at: vec4<u32>, inside: vec4<bool>, state: Row) {
  if (state.sought == IGNORED) {
    put_gradient(row, at, inside, vec4(0.0));
    return;
  }
  let x = capped(take_logits(row, at));
  var g = exp4(cooled4(x - state.max, state.inverse)) * state.scale;
  if (is_infinite(state.max) && !is_nan(state.scale)) {
    g = select(vec4(0.0), vec4(nan()), are_infinite(x));
  }
  var is_kept = true;
  if (state.least != 0u) {
    let bit = 1u << (at.x % SEGMENT / TILE);
    let reach = (bitcast<vec4<u32>>(g) & vec4(0x7fffffffu)) >= vec4(state.least);
    if (any(inside & (reach | (at == vec4(u32(state.sought)))))) {
      atomicOr(&kept, bit);
    }
    workgroupBarrier();
    is_kept = (atomicLoad(&kept) & bit) != 0u;
  }
  if (call.smoothing.x != 0.0) {
    g -= state.factor * weighted(smoothing_of(x), at, inside);
  }
  g = select(g, vec4(state.own_gradient), at == vec4(u32(state.sought)));
  g = select(g, vec4(0.0), are_masked(x) & vec4(!is_nan(state.scale)));
  put_gradient(row, at, inside, select(vec4(0.0), g * slope4(x, state.inverse), is_kept));
}
`;

/**
 * logits [rows, vocab], targets [rows], classWeights? [vocab], levels [rows, 6] → gradient [rows, vocab], which may be the
 * logits.
 */
export const crossEntropyGradient: Shader = { uses: [LABELS], source: SOURCE, partials: [] };
