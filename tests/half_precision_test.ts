// f16 and bf16, in and out of the kernels: every code widens exactly, every f32 rounds to nearest even. The same of the
// reference is in reference_backend_test.ts.

import { assert, assertEquals } from "@std/assert";
import { crossEntropy, type DType, logSoftmax, logSumExp, type Matrix, softmax } from "../mod.ts";
import { onEachKernel } from "./backends.ts";

type Half = "f16" | "bf16";

/** The number that each of the 65,536 codes stands for. */
const VALUES: Readonly<Record<Half, Float64Array>> = {
  f16: Float64Array.from(new Float16Array(Uint16Array.from({ length: 65536 }, (_, code) => code).buffer)),
  bf16: Float64Array.from(new Float32Array(Uint32Array.from({ length: 65536 }, (_, code) => code << 16).buffer)),
};

/** The code of a number, of the nearest value; of two that are as near, the even one. By search, for positive numbers. */
function round(x: number, dtype: Half): number {
  if (Number.isNaN(x)) return NaN;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const values = VALUES[dtype];
  const infinity = dtype === "f16" ? 0x7c00 : 0x7f80;
  let low = 0, high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= Math.abs(x)) low = middle;
    else high = middle;
  }
  // Past the largest number, the next one would be as far again.
  const next = high === infinity ? 2 * values[low] - values[low - 1] : values[high];
  const down = Math.abs(x) - values[low], up = next - Math.abs(x);
  return sign | (up < down || (up === down && low % 2 === 1) || x === Infinity || x === -Infinity ? high : low);
}

function assertCodes(codes: Uint16Array, exact: ArrayLike<number>, dtype: Half, what: string): void {
  for (let i = 0; i < exact.length; i++) {
    const wanted = round(exact[i], dtype);
    const isRight = Number.isNaN(wanted) ? Number.isNaN(VALUES[dtype][codes[i]]) : codes[i] === wanted;
    if (!isRight) {
      assert(isRight, `${what}: ${exact[i]} became 0x${codes[i].toString(16)}, not 0x${wanted.toString(16)}`);
    }
  }
}

function codesOf(matrix: Matrix): Uint16Array {
  const { buffer, byteOffset, length } = matrix.data;
  return new Uint16Array(buffer, byteOffset, length);
}

function halfMatrix(dtype: DType, rows: number, columns: number): Matrix {
  return { data: new Uint16Array(rows * columns), shape: [rows, columns], dtype };
}

for (const dtype of ["f16", "bf16"] as const) {
  onEachKernel(`the kernels widen every ${dtype} code exactly, whatever lane it is in`, async (choice) => {
    // A row of -Infinity and one code: its log-sum-exp is that code's value.
    for (const columns of [1, 16]) {
      const minusInfinity = dtype === "f16" ? 0xfc00 : 0xff80;
      const data = new Uint16Array(65536 * columns).fill(minusInfinity);
      for (let code = 0; code < 65536; code++) data[code * columns + code % columns] = code;
      const { logSumExp: result } = await logSumExp({ data, shape: [65536, columns], dtype }, choice);
      const wrong = VALUES[dtype].findIndex((value, code) =>
        value !== result[code] && !(Number.isNaN(value) && Number.isNaN(result[code]))
      );
      assertEquals(wrong, -1, `${columns} columns: 0x${wrong.toString(16)} widened to ${result[wrong]}`);
    }
  });

  onEachKernel(`the kernels round every kind of f32 to the nearest ${dtype}, ties to even`, async (choice) => {
    // A masked target: the other class has probability 1, and so its gradient is the upstream one itself.
    const upstream = choice.backend === "webgpu" ? fewer(samples(dtype)) : samples(dtype);
    const rows = upstream.length;
    const pair = Float32Array.of(0, -Infinity);
    const logits = { data: pair, shape: [rows, 2] as const, rowStride: 0 };
    const gradient = halfMatrix(dtype, rows, 2);
    const targets = new Int32Array(rows).fill(1);
    await crossEntropy(logits, targets, { ...choice, reduction: "sum", gradientScale: upstream, gradient });
    assertCodes(codesOf(gradient).filter((_, i) => i % 2 === 0), upstream, dtype, "gradient");
  });

  onEachKernel(
    `the kernels round ${dtype} probabilities as they round their own f32, denormals and NaN included`,
    async (choice) => {
      const vocab = 5000;
      const data = Float32Array.from({ length: 3 * vocab }, (_, i) => -(i % vocab) / 48);
      data.fill(NaN, vocab, vocab + 1);
      const logits = { data, shape: [3, vocab] as const };
      const operations: Readonly<Record<string, (out: Matrix) => Promise<unknown>>> = {
        softmax: (out) => softmax(logits, { ...choice, out }),
        logSoftmax: (out) => logSoftmax(logits, { ...choice, out }),
      };
      for (const [name, operation] of Object.entries(operations)) {
        const exact = new Float32Array(3 * vocab);
        const out = halfMatrix(dtype, 3, vocab);
        await operation({ data: exact, shape: [3, vocab] });
        await operation(out);
        assert(exact.subarray(vocab, 2 * vocab).every(Number.isNaN));
        assertCodes(codesOf(out), exact, dtype, name);
      }
    },
  );
}

/** Finite f32: every code's value, every tie between two codes and its neighbours, and bit patterns from all over. */
function samples(dtype: Half): Float32Array {
  const values = VALUES[dtype];
  const found: number[] = [];
  for (let code = 0; code < 65536; code += dtype === "f16" ? 1 : 3) {
    const [value, next] = [values[code], values[(code + 1) & 0xffff]];
    if (!Number.isFinite(value)) continue;
    const isLast = !Number.isFinite(next);
    const tie = isLast ? value + (value - values[code - 1]) / 2 : value + (next - value) / 2;
    const slightly = 2 ** -20 * Math.abs(tie);
    found.push(value, tie, tie + slightly, tie - slightly);
  }
  const patterns = Float32Array.from(found);
  const scattered = new Float32Array(Uint32Array.from({ length: 1 << 18 }, (_, i) => i * 16381).buffer);
  return Float32Array.from([...patterns, ...scattered].filter(Number.isFinite));
}

/** A workgroup a row takes a software adapter long; and a GPU may take f32 denormals for 0. */
function fewer(upstream: Float32Array): Float32Array {
  return upstream.filter((x, i) => i % 17 === 0 && (x === 0 || Math.abs(x) >= 2 ** -126));
}
