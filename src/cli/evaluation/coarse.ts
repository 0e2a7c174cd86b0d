/** f32 numbers to 2⁻¹¹ of themselves, as whole numbers in the same order. */

/** Bits of an f32's fraction that are dropped: ten of 23 remain. */
const DROPPED = 13;

/** The key of ∞. */
const INFINITE = 0x7f800000 >>> DROPPED;

const value = new Float32Array(1), bits = new Uint32Array(value.buffer);

/** The key of the cell that a number lies in, from −∞'s to ∞'s; a greater number has no lesser key. NaN has none. */
export function cellOf(number: number): number {
  value[0] = number;
  const magnitude = (bits[0] & 0x7fffffff) >>> DROPPED;
  return bits[0] >>> 31 === 1 ? -magnitude : magnitude;
}

/** The middle of a cell: within 2⁻¹¹ of all numbers in it that are at least 2⁻¹²⁶ in magnitude. */
export function middleOf(cell: number): number {
  const magnitude = Math.abs(cell);
  // The cell around 0 holds what is below 2⁻¹³⁶
  if (magnitude === 0 || magnitude === INFINITE) return magnitude === 0 ? 0 : Math.sign(cell) * Infinity;
  bits[0] = magnitude * 2 ** DROPPED + 2 ** (DROPPED - 1);
  return Math.sign(cell) * value[0];
}

/** Whether a number is a key. */
export function isCell(key: number): boolean {
  return Number.isInteger(key) && Math.abs(key) <= INFINITE;
}
