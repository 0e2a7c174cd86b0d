/**
 * Rows of a tensor, in and out of f64, and what happens to raw logits before anything else.
 *
 * Reading copies, so an output may be the very matrix that was read. Writing rounds once, to nearest even.
 * Transformation of a raw logit r: with a softcap s > 0, c = s·tanh(r / s), except that −∞ stays −∞; else c = r. Then
 * x = c / temperature.
 *
 * @module
 */
import type { Tensor } from "../operation.ts";

/** A row's elements, widened. */
export function readRow(tensor: Tensor, row: number): Float64Array {
  const { data, dtype } = tensor;
  const start = row * tensor.rowStride;
  const elements = data.subarray(start, start + tensor.columns);
  if (!(elements instanceof Uint16Array)) return new Float64Array(elements);
  if (dtype === "f16") return new Float64Array(halves(elements));
  const upper = new Uint32Array(elements).map((code) => code << 16);
  return new Float64Array(new Float32Array(upper.buffer));
}

/** The only element of a row. */
export function readScalar(tensor: Tensor, row: number): number {
  return tensor.data[row * tensor.rowStride];
}

/** Writes a row's first elements, as far as it has columns for them; does nothing where the output is not wanted. */
export function writeRow(
  tensor: Tensor | undefined,
  row: number,
  all: readonly number[] | Float32Array | Float64Array,
): void {
  if (tensor === undefined) return;
  const values = all.slice(0, tensor.columns);
  const { data, dtype } = tensor;
  const start = row * tensor.rowStride;
  if (!(data instanceof Uint16Array)) data.set(values, start);
  else if (dtype === "f16") halves(data).set(values, start);
  else for (let i = 0; i < values.length; i++) data[start + i] = brainCode(values[i]);
}

/**
 * A matrix as logits: as it is (`input` 0: logits or log-probabilities), or its logarithms (1: probabilities). Those of `vocab`
 * classes that it lacks are −∞.
 */
export function readLogits(tensor: Tensor, row: number, input: number, vocab: number): Float64Array {
  const values = readRow(tensor, row), logits = new Float64Array(vocab).fill(-Infinity);
  logits.set(input === 1 ? values.map(Math.log) : values);
  return logits;
}

/** Upstream gradients, one a row: 1 unless given. */
export function readScale(gradientScale: Tensor | undefined, row: number): number {
  return gradientScale === undefined ? 1 : readScalar(gradientScale, row);
}

/** The transformed logits x of raw logits r. */
export function transform(raw: Float64Array, softcap: number, temperature: number): Float64Array {
  if (softcap === 0) return raw.map((r) => r / temperature);
  return raw.map((r) => (r === -Infinity ? r : softcap * Math.tanh(r / softcap)) / temperature);
}

/** The derivatives dx/dr = (1 − tanh²(r / softcap)) / temperature; 1 − tanh² as 1 / cosh², which does not cancel. */
export function slopes(raw: Float64Array, softcap: number, temperature: number): Float64Array {
  if (softcap === 0) return raw.map(() => 1 / temperature);
  return raw.map((r) => 1 / Math.cosh(r / softcap) ** 2 / temperature);
}

function halves(codes: Uint16Array): Float16Array {
  return new Float16Array(codes.buffer, codes.byteOffset, codes.length);
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/**
 * The bf16 code of a number. It is first rounded to f32 *to odd* (cut off, the last bit set where anything was lost),
 * which leaves a tie a tie and nothing else one: the second rounding, to nearest even, is then that of the number itself.
 */
function brainCode(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  single[0] = value;
  if (Math.abs(single[0]) > Math.abs(value)) bits[0]--;
  if (single[0] !== value) bits[0] |= 1;
  return (bits[0] + 0x7fff + (bits[0] >>> 16 & 1)) >>> 16;
}
