/** How fast kernels are, in elements instead of seconds. */
import type { Rate } from "../../cost/mod.ts";

/**
 * Elements a second, of a thread or of a GPU, by operation with its outputs, and by what is read and written; null
 * where the clock told nothing.
 */
export type KernelRates = Readonly<Record<string, Readonly<Record<string, number | null>>>>;

/** Rates from names such as "softmax f16 f32": softmax, "f16 → f32". */
export function ratesOf(kernels: Readonly<Record<string, Rate>>): KernelRates {
  const rates: Record<string, Record<string, number | null>> = {};
  for (const [name, { secondsPerCell }] of Object.entries(kernels)) {
    const [operation, read, written = read] = name.split(" ");
    const dtypes = read === written ? read : `${read} → ${written}`;
    (rates[operation] ??= {})[dtypes] = secondsPerCell > 0 ? 1 / secondsPerCell : null;
  }
  return rates;
}
