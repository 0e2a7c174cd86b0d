/**
 * The divergence that storing logits costs. Where each logit x is off by an independent error, uniform in half the spacing u
 * of its neighbours, KL is to second order half the variance of the error under p; its expectation is ½·Σ p·(1 − p)·u² / 12.
 */
import type { DType, MatrixData } from "../../../mod.ts";

/** Where the exponent of a code lies, and what it says of the spacing. */
interface Format {
  /** Bits of the fraction, below the exponent. */
  readonly shift: number;
  /** All bits of the exponent. */
  readonly mask: number;
  /** What is subtracted from an exponent, of which 0 counts as 1, for the power of two that is the spacing. */
  readonly bias: number;
}

const FORMATS: Readonly<Record<DType, Format>> = {
  f32: { shift: 23, mask: 0xff, bias: 127 + 23 },
  f16: { shift: 10, mask: 0x1f, bias: 15 + 10 },
  bf16: { shift: 7, mask: 0xff, bias: 127 + 7 },
};

/** Squares of spacings by exponent; infinite numbers are stored without error. */
function squaresOf({ mask, bias }: Format): Float64Array {
  const power = (exponent: number) => 2 ** (2 * (Math.max(1, exponent) - bias));
  return Float64Array.from({ length: mask + 1 }, (_, exponent) => exponent === mask ? 0 : power(exponent));
}

/** The floors of rows of one element type. */
export class Floor {
  readonly #format: Format;
  readonly #squares: Float64Array;
  readonly #factor: number;

  /** Of logits that are divided by a temperature after they are read. */
  constructor(dtype: DType, temperature: number) {
    this.#format = FORMATS[dtype];
    this.#squares = squaresOf(this.#format);
    this.#factor = 1 / (24 * temperature ** 2);
  }

  /** The floor of a row in nats: its probabilities, its logits, and their spacing where that is not what their type has. */
  ofRow(probabilities: Float32Array, logits: MatrixData, spacing?: number): number {
    if (spacing !== undefined) this.#squares.fill(spacing ** 2);
    return this.#factor * weigh(probabilities, codesOf(logits), this.#format, this.#squares);
  }
}

function codesOf({ buffer, byteOffset, length, BYTES_PER_ELEMENT }: MatrixData): Uint16Array | Uint32Array {
  if (BYTES_PER_ELEMENT === 2) return new Uint16Array(buffer, byteOffset, length);
  return new Uint32Array(buffer, byteOffset, length);
}

/** Σ p·(1 − p)·u², four terms at a time: one sum alone would wait for itself. */
function weigh(p: Float32Array, codes: Uint16Array | Uint32Array, format: Format, squares: Float64Array): number {
  const { shift, mask } = format, { length } = p;
  let a = 0, b = 0, c = 0, d = 0, i = 0;
  for (; i + 3 < length; i += 4) {
    const p0 = p[i], p1 = p[i + 1], p2 = p[i + 2], p3 = p[i + 3];
    a += p0 * (1 - p0) * squares[(codes[i] >>> shift) & mask];
    b += p1 * (1 - p1) * squares[(codes[i + 1] >>> shift) & mask];
    c += p2 * (1 - p2) * squares[(codes[i + 2] >>> shift) & mask];
    d += p3 * (1 - p3) * squares[(codes[i + 3] >>> shift) & mask];
  }
  for (; i < length; i++) a += p[i] * (1 - p[i]) * squares[(codes[i] >>> shift) & mask];
  return a + b + (c + d);
}
