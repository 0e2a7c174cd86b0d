/** How the losses of rows become one number. */

/** "mean" and "sum" give a number, "none" one number a row. */
export type Reduction = "mean" | "sum" | "none";

/** The type of a loss after its reduction. */
export type Reduced<R extends Reduction> = R extends "none" ? Float32Array : number;

/** The reductions' names. */
export const REDUCTIONS: readonly Reduction[] = ["mean", "sum", "none"];

/** Reduces the losses of rows; `denominator` is what a mean divides by. */
export function reduce<R extends Reduction>(losses: Float32Array, reduction: R, denominator: number): Reduced<R> {
  if (reduction === "none") return losses as Reduced<R>;
  const total = losses.reduce((sum, loss) => sum + loss, 0);
  return (reduction === "mean" ? total / denominator : total) as Reduced<R>;
}
