/** Narrower copies of f32 numbers, to the nearest, ties to even. */

/** Writes the bf16 codes of finite numbers. */
export function roundToBf16(source: Float32Array, target: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) {
    const code = bits[i];
    // Half a unit of the upper half less one bit, plus one if the upper half is odd: a carry rounds up.
    target[i] = (code + 0x7fff + ((code >>> 16) & 1)) >>> 16;
  }
}

/** Writes the f16 numbers nearest to others. */
export function roundToF16(source: Float32Array, target: Float16Array): void {
  target.set(source);
}
