/**
 * tokenStatistics in WGSL: ln p and rank of the target, log-sum-exp, entropy, argmax, the `top` largest logits.
 *
 * The first look is that of entropy. The second counts the logits above the target's, looks for the first that is the maximum,
 * and lists the `top` largest of its segment: each thread knows the best of its own that is not listed yet, and the best of
 * those is listed, until there are enough. The lists of a row's segments are merged in the same way. Order: larger first, then
 * the lower token; NaN last, as −∞ is.
 *
 * @module
 */
import { SEGMENT, type Shader } from "../shader.ts";
import { COUNT } from "../wgsl/count.ts";
import { SCAN, SUMS, UNLABELLED } from "../wgsl/scan.ts";

const SOURCE = /* wgsl */ `
const MOMENTS: bool = true;
const NONE: u32 = 0xffffffffu;

fn class_of(row: u32) -> i32 {
  return select(-2, take_targets(row, 0u), has_targets);
}

fn look1(row: u32, segment: u32, lane: u32) -> Sums {
  return scan(row, segment, lane, class_of(row));
}

/** A token and its logit, as a number in the order of logits; 0 is less than any. */
struct Entry {
  key: u32,
  token: u32,
}

fn key_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if (magnitude(x) == 0u) {
    return 0x80000000u;
  }
  if (is_nan(x)) {
    return 0x007fffffu;
  }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

fn logit_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}

fn is_before(a: Entry, b: Entry) -> bool {
  return a.key > b.key || (a.key == b.key && a.token < b.token);
}

/** Logits above the target's, and the first token of the maximum. */
struct Places {
  above: u32,
  first: u32,
}

fn nothing_Places() -> Places {
  return Places(0u, NONE);
}

fn merge_Places(a: Places, b: Places) -> Places {
  return Places(a.above + b.above, min(a.first, b.first));
}

var<workgroup> candidates: array<Entry, LANES>;

/** The first of the threads' entries. */
fn first_of(mine: Entry, lane: u32) -> Entry {
  workgroupBarrier();
  candidates[lane] = mine;
  for (var half = LANES / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half && is_before(candidates[lane + half], candidates[lane])) {
      candidates[lane] = candidates[lane + half];
    }
  }
  workgroupBarrier();
  return candidates[0];
}

/** The first of a thread's tokens that comes after another. */
fn next_of(row: u32, start: u32, end: u32, lane: u32, after: Entry) -> Entry {
  var best = Entry(0u, NONE);
  for (var tile = start; tile < end; tile += TILE) {
    let at = classes(tile, lane);
    let x = capped(take_logits(row, at));
    for (var k = 0u; k < 4u; k++) {
      let entry = Entry(key_of(x[k]), at[k]);
      if (at[k] < end && is_before(after, entry) && is_before(entry, best)) {
        best = entry;
      }
    }
  }
  return best;
}

/** Entries of the list of a segment. */
fn listed() -> u32 {
  return min(call.top, SEGMENT);
}

/** Where it begins: how many of them are merged, then keys and tokens. */
fn list_of(row: u32, segment: u32) -> u32 {
  return (row * call.segments + segment) * (2u * listed() + 1u);
}

fn look2(row: u32, segment: u32, lane: u32, sums: Sums) -> Places {
  let start = segment * SEGMENT;
  let end = min(start + SEGMENT, call.vocab);
  var places = nothing_Places();
  let bar = sums.target_logit;
  for (var tile = start; tile < end; tile += TILE) {
    let at = classes(tile, lane);
    let x = capped(take_logits(row, at));
    for (var k = 0u; k < 4u; k++) {
      if (at[k] >= end || is_nan(x[k]) || is_masked(x[k])) {
        continue;
      }
      if (has_targets && !is_nan(bar) && x[k] > bar) {
        places.above += 1u;
      }
      if (x[k] == sums.max) {
        places.first = min(places.first, at[k]);
      }
    }
  }
  if (has_topTokens) {
    let list = list_of(row, segment);
    var mine = next_of(row, start, end, lane, Entry(NONE, 0u));
    for (var i = 0u; i < listed(); i++) {
      let first = first_of(mine, lane);
      if (lane == 0u) {
        scratch[list] = 0u;
        scratch[list + 1u + 2u * i] = first.key;
        scratch[list + 2u + 2u * i] = first.token;
      }
      if (mine.token == first.token && first.token != NONE) {
        mine = next_of(row, start, end, lane, first);
      }
    }
  }
  return places;
}

struct Row {
  sums: Sums,
  norm: Normal,
  places: Places,
}

fn settle(row: u32, sums: Sums, places: Places) -> Row {
  return Row(sums, normal(sums), places);
}

/** The first entry of a thread's segments that is not merged yet. */
fn head_of(row: u32, lane: u32) -> Entry {
  var best = Entry(0u, NONE);
  for (var segment = lane; segment < call.segments; segment += LANES) {
    let list = list_of(row, segment);
    let i = scratch[list];
    if (i < listed()) {
      let entry = Entry(scratch[list + 1u + 2u * i], scratch[list + 2u + 2u * i]);
      if (is_before(entry, best)) {
        best = entry;
      }
    }
  }
  return best;
}

fn finish(row: u32, lane: u32, state: Row) {
  if (lane == 0u) {
    put_logSumExp(row, 0u, state.norm.log_sum_exp.x);
    put_entropy(row, 0u, entropy_of(state.sums, state.norm).x);
    put_argmax(row, 0u, i32(select(state.places.first, 0u, state.places.first == NONE)));
    put_targetLogProbability(row, 0u, log_shares(vec4(state.sums.target_logit), state.norm).x);
    put_rank(row, 0u, i32(state.places.above + 1u));
  }
  if (!has_topTokens) {
    return;
  }
  var mine = head_of(row, lane);
  for (var i = 0u; i < call.top; i++) {
    let first = first_of(mine, lane);
    if (lane == 0u) {
      put_topTokens(row, i, i32(first.token));
      put_topLogProbabilities(row, i, log_shares(vec4(logit_of(first.key)), state.norm).x);
    }
    if (mine.token == first.token && first.token != NONE) {
      scratch[list_of(row, first.token / SEGMENT)] += 1u;
      mine = head_of(row, lane);
    }
  }
}
`;

/**
 * logits [rows, vocab], targets? [rows] → targetLogProbability?, rank?, logSumExp, entropy, argmax [rows], topTokens?,
 * topLogProbabilities? [rows, top].
 */
export const tokenStatistics: Shader = {
  uses: [COUNT, UNLABELLED, SCAN],
  source: SOURCE,
  partials: [SUMS, { name: "Places", bytes: 8 }],
  scratchWords: ({ top }) => 2 * Math.min(top, SEGMENT) + 1,
};
