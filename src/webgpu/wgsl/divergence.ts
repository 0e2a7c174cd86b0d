/**
 * WGSL of D(P ‖ Q) = Σ P·(d + e^(−d) − 1), d = ln P − ln Q, in the second look at two rows (pair.ts).
 *
 * Every term is at least 0, and exactly 0 for equal rows. Σ P·e^(−d) should be 1; what it is more tells the error of the
 * common part of d, whose square half is taken off. p = 0 leaves Q; q = 0 < p is ∞. No distribution: NaN.
 *
 * @module
 */

/** The source. */
export const DIVERGENCE = /* wgsl */ `
/** The share of P from which on a class is summed with all its digits. */
const HEAVY: f32 = 0.0009765625;

/** Σ P·(d + e^(−d) − 1) and Σ P·d, both times ΣP: its rounding would be that of every term. */
fn divergence_terms(row: u32, segment: u32, lane: u32, pair: Pair) -> Terms {
  var rows = rows_of(pair);
  rows.scale_p = 1.0;
  rows.scale_q = divide(pair.sum_p, pair.sum_q).x;
  let start = segment * SEGMENT;
  let end = min(start + SEGMENT, call.vocab);
  var sum = vec4(0.0);
  var lost = vec4(0.0);
  var mean = vec4(0.0);
  var mean_lost = vec4(0.0);
  for (var tile = start; tile < end; tile += TILE) {
    let at = classes(tile, lane);
    let c = classes_of(row, at, at < vec4(end), rows);
    let near = c.p * bregman4(c.d);
    let far = fma(c.p, c.d, c.q - c.p);
    var term = select(far, near, abs(c.d) <= vec4(1.0));
    let heavy = (c.p > vec4(HEAVY * pair.sum_p.x)) & (abs(c.d) > vec4(1.0)) & !are_masked(c.cq);
    if (any(heavy)) {
      for (var k = 0u; k < 4u; k++) {
        if (heavy[k]) {
          let exact = heavy_term(c, k, rows);
          term[k] = exact.x;
          lost[k] += exact.y;
        }
      }
    }
    term = select(term, vec4(infinity()), are_masked(c.cq));
    accumulate(&sum, &lost, select(term, c.q, are_masked(c.cp)));
    accumulate(&mean, &mean_lost, select(c.p * c.d, vec4(0.0), c.p == vec4(0.0)));
  }
  return Terms(lanes_of(sum, lost), lanes_of(mean, mean_lost));
}

struct Divergence {
  value: vec2<f32>,
  /** ln of P's total over Q's. */
  gap: vec2<f32>,
}

fn divergence_of(pair: Pair, terms: Terms, rows: Rows) -> Divergence {
  let gap = multiply(rows.gap, rows.inverse);
  if (!is_proper(pair)) {
    return Divergence(vec2(nan(), 0.0), gap);
  }
  let value = divide(terms.first, pair.sum_p);
  let excess = divide(subtract(terms.first, terms.second), pair.sum_p).x;
  if (value.x < 0.1 && abs(excess) < 0.01) {
    let half = excess * excess * (0.5 - excess / 3.0);
    let rest = subtract(value, vec2(half, 0.0));
    return Divergence(select(vec2(0.0), rest, rest.x > 0.0), subtract(gap, vec2(excess - half, 0.0)));
  }
  return Divergence(value, gap);
}
`;
