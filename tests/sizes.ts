/** Powers of two and three times them, and what the kernels count in: vectors, blocks, segments; each ±1. */
const VECTOR = 16, BLOCK = 1024, SEGMENT = 16384;

/** Sizes up to `limit`, rising, around everything a kernel may do differently. */
export function sizes(limit: number = SEGMENT + BLOCK + 1): number[] {
  const centres: number[] = [];
  for (let power = 1; power <= limit; power *= 2) centres.push(power, 3 * power);
  for (const unit of [VECTOR, BLOCK, SEGMENT]) {
    centres.push(unit - VECTOR, unit + VECTOR, SEGMENT + unit);
  }
  const around = centres.flatMap((size) => [size - 1, size, size + 1]);
  return [...new Set(around)].filter((size) => size >= 1 && size <= limit).sort((a, b) => a - b);
}

/** Every size up to one past a block. */
export function everySize(): number[] {
  return Array.from({ length: BLOCK + 1 }, (_, i) => i + 1);
}
