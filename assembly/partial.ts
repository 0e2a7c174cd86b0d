// What is known of a row after some of its classes, in f64: a mergeable partial. It lies at an address, of this thread or on
// the board. −∞ and +∞ are not numbers to subtract: while the maximum is −∞ nothing has weight; with +∞ the sum is +∞.

import { ownPartial } from "./view";

@unmanaged
export class Partial {
  max: f64;
  /** Σ e^(x − max). */
  sum: f64;
  /** Σ e^(x − max)·(x − max). */
  moment: f64;
  /** Σ τ and Σ τ·x, of what labels.ts gives every class. */
  mass: f64;
  labelled: f64;
  /** The target's logit; −∞ where it is not among these classes. */
  target: f64;

  clear(): void {
    this.max = -Infinity;
    this.sum = 0;
    this.moment = 0;
    this.mass = 0;
    this.labelled = 0;
    this.target = -Infinity;
  }

  /** Adds classes whose largest logit is `max`. */
  add(max: f64, sum: f64, moment: f64): void {
    const top = Math.max(this.max, max);
    if (this.sum == 0 || !isFinite(top)) {
      // Nothing yet, or infinities: sums add as they are
      this.sum += sum;
      this.moment += moment;
    } else {
      const a = this.max - top, b = max - top, wa = Math.exp(a), wb = Math.exp(b);
      this.moment = (wa == 0 ? 0 : (this.moment + a * this.sum) * wa) + (wb == 0 ? 0 : (moment + b * sum) * wb);
      this.sum = this.sum * wa + sum * wb;
    }
    this.max = top;
  }

  /** Adds another partial. */
  merge(other: Partial): void {
    this.add(other.max, other.sum, other.moment);
    this.mass += other.mass;
    this.labelled += other.labelled;
    this.target = Math.max(this.target, other.target);
  }
}

/** Segments that a thread can keep the bases of: rows of 2²⁴ classes. */
export const BASES = 2048;

/** Where a thread keeps the base of a segment, past its partials. */
@inline
export function baseOf(segment: i32): usize {
  return ownPartial(2) + (<usize>segment << 2);
}
