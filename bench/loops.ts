/** The rivals: the loops that a user would write by hand, one row after the other, in f64 arithmetic over f32 arrays. */

/** ln Σ e^x of each row. */
export function logSumExp(logits: Float32Array, rows: number, vocab: number): Float32Array {
  const result = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * vocab, end = start + vocab;
    let max = -Infinity;
    for (let i = start; i < end; i++) if (logits[i] > max) max = logits[i];
    let sum = 0;
    for (let i = start; i < end; i++) sum += Math.exp(logits[i] - max);
    result[row] = max + Math.log(sum);
  }
  return result;
}

/** e^x / Σ e^x of each row. */
export function softmax(logits: Float32Array, rows: number, vocab: number, out: Float32Array): Float32Array {
  const lse = logSumExp(logits, rows, vocab);
  for (let row = 0; row < rows; row++) {
    for (let i = row * vocab; i < (row + 1) * vocab; i++) out[i] = Math.exp(logits[i] - lse[row]);
  }
  return out;
}

/** Mean of ln Σ e^x − x_target. */
export function crossEntropy(logits: Float32Array, rows: number, vocab: number, targets: Int32Array): number {
  const lse = logSumExp(logits, rows, vocab);
  let total = 0;
  for (let row = 0; row < rows; row++) total += lse[row] - logits[row * vocab + targets[row]];
  return total / rows;
}

/** The loss, and its gradient into `out`. */
export function crossEntropyGradient(
  logits: Float32Array,
  rows: number,
  vocab: number,
  targets: Int32Array,
  out: Float32Array,
): number {
  const lse = logSumExp(logits, rows, vocab);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * vocab;
    total += lse[row] - logits[start + targets[row]];
    for (let i = start; i < start + vocab; i++) out[i] = Math.exp(logits[i] - lse[row]) / rows;
    out[start + targets[row]] -= 1 / rows;
  }
  return total / rows;
}

/** Mean of Σ P·(ln P − ln Q). */
export function klDivergence(p: Float32Array, q: Float32Array, rows: number, vocab: number): number {
  const lseP = logSumExp(p, rows, vocab), lseQ = logSumExp(q, rows, vocab);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = row * vocab; i < (row + 1) * vocab; i++) {
      const logP = p[i] - lseP[row];
      total += Math.exp(logP) * (logP - (q[i] - lseQ[row]));
    }
  }
  return total / rows;
}
