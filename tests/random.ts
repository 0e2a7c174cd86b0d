import { Random as Stream } from "../src/cli/demo/training/random.ts";

/** A reproducible stream of random numbers: its seed is all there is to print on failure. */
export class Random extends Stream {
  /** An integer in [0, bound). */
  integer(bound: number): number {
    return this.below(bound);
  }

  /** Normal with mean 0 and variance 1: Box–Muller. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** `count` normal variates, times `scale`. */
  normals(count: number, scale = 1): number[] {
    return Array.from({ length: count }, () => scale * this.normal());
  }
}
