/**
 * `count` reproducible logits, uniform over ±scale / 2, so that large golden cases need not be stored. Modulo 2³²:
 * h = i·2654435761 + salt; h ^= h >> 15; h *= 2246822519; h ^= h >> 13; the logit is f32((h / 2³² − 0.5)·scale).
 */
export function hashed(count: number, salt: number, scale: number): Float32Array<ArrayBuffer> {
  const logits = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let h = Math.imul(i, 2654435761) + salt;
    h ^= h >>> 15;
    h = Math.imul(h, 2246822519);
    h ^= h >>> 13;
    logits[i] = ((h >>> 0) / 2 ** 32 - 0.5) * scale;
  }
  return logits;
}
