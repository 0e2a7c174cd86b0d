// What is known of D(P ‖ Q) after some of the classes, in f64: a mergeable partial, by the chain rule (pair_scan.ts). It lies
// at an address, of this thread or on the board.

@unmanaged
export class PairPartial {
  maxP: f64;
  sumP: f64;
  maxQ: f64;
  sumQ: f64;
  /** The divergence of the two distributions within these classes. */
  divergence: f64;
  /** ln of P's total over Q's. */
  gap: f64;

  clear(): void {
    this.maxP = -Infinity;
    this.sumP = 0;
    this.maxQ = -Infinity;
    this.sumQ = 0;
    this.divergence = 0;
    this.gap = 0;
  }

  /** Adds classes with these maxima, sums, gap and divergence. */
  add(mp: f64, sp: f64, mq: f64, sq: f64, between: f64, within: f64): void {
    const topP = Math.max(this.maxP, sp == 0 ? -Infinity : mp), topQ = Math.max(this.maxQ, sq == 0 ? -Infinity : mq);
    const pa = scaled(this.sumP, this.maxP, topP), pb = scaled(sp, mp, topP);
    const qa = scaled(this.sumQ, this.maxQ, topQ), qb = scaled(sq, mq, topQ);
    const p = pa + pb, q = qa + qb;
    const step = this.gap - between;
    // A difference of two logarithms of sums would have the sums' rounding: where the parts are near, only their gaps count.
    const total = this.sumP == 0 && this.sumQ == 0
      ? between
      : abs(step) < 1
      ? this.gap - Math.log1p(pb / p * Math.expm1(step))
      : topP - topQ + Math.log(p / q);
    const a = share(pa / p, qa / q, this.sumP, this.sumQ, this.gap - total, this.divergence);
    const b = share(pb / p, qb / q, sp, sq, between - total, within);
    this.divergence = a + b;
    this.gap = total;
    this.maxP = topP;
    this.maxQ = topQ;
    this.sumP = p;
    this.sumQ = q;
  }

  /** Adds another partial, if there is anything in it. */
  merge(other: PairPartial): void {
    if (other.sumP == 0 && other.sumQ == 0) return;
    this.add(other.maxP, other.sumP, other.maxQ, other.sumQ, other.gap, other.divergence);
  }
}

/** w·(d + e^(−d) − 1) where v = w·e^(−d): from d alone where the rounding of v would show, by its series where terms cancel. */
@inline
export function ratioTerm(w: f64, v: f64, d: f64): f64 {
  if (abs(d) < 0.01) return w * d * d * (1 / 2.0 - d * (1 / 6.0 - d * (1 / 24.0 - d * (1 / 120.0 - d / 720))));
  return abs(d) <= 1 ? w * (d + Math.expm1(-d)) : w * d + (v - w);
}

@inline
function scaled(sum: f64, max: f64, top: f64): f64 {
  return sum == 0 ? 0 : sum * Math.exp(max - top);
}

/** What one part of the vocabulary adds: masses w of P and v of Q there, d the logarithm of their ratio, `within` inside. */
function share(w: f64, v: f64, massP: f64, massQ: f64, d: f64, within: f64): f64 {
  if (massP == 0) return massQ == 0 || v != v ? 0 : v;
  if (massQ == 0 || within == Infinity) return Infinity;
  if (w == 0) return v;
  return ratioTerm(w, v, d) + w * within;
}
