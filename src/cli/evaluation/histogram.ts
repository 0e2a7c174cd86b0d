/** How often numbers lie in equal intervals. */
import type { Occurrence } from "./distribution.ts";

/** An interval and the numbers in it. */
export interface Bar {
  /** Where it begins; it belongs to it. */
  readonly from: number;
  /** Where it ends. */
  readonly to: number;
  /** How many. */
  readonly rows: number;
}

/** The most bars of a histogram. */
const MOST_BARS = 50;

/** Bars of 1, 2 or 5 times a power of ten around finite numbers, from the first that holds any to the last. */
export function histogram(numbers: () => Iterable<Occurrence>): Bar[] {
  let least = Infinity, greatest = -Infinity;
  for (const [value] of numbers()) {
    if (!Number.isFinite(value)) continue;
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  if (least > greatest) return [];
  // Numbers that are all alike have a bar in proportion to them
  const width = niceWidth(Math.max(greatest - least, 1e-6 * Math.abs(greatest), 1e-30) / MOST_BARS);
  const first = Math.floor(least / width), rows = new Float64Array(Math.floor(greatest / width) - first + 1);
  for (const [value, times] of numbers()) if (Number.isFinite(value)) rows[Math.floor(value / width) - first] += times;
  return Array.from(rows, (count, i) => ({ from: (first + i) * width, to: (first + i + 1) * width, rows: count }));
}

/** The least of 1, 2 and 5 times powers of ten that is no less. */
function niceWidth(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((step) => step * power >= least) ?? 10);
}
