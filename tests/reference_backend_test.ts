// Rows in and out of every dtype, and the reference as a generic backend.

import { assertEquals } from "@std/assert";
import { dimensionNames, tensorNames } from "../src/arguments.ts";
import type { CheckedCall, Operation, Tensor, TensorData, TensorSpec } from "../src/operation.ts";
import { reference, steps } from "../src/reference/mod.ts";
import { multiply, PRODUCT_NN, PRODUCT_NT, PRODUCT_TN } from "../src/ops/linear/products.ts";
import { record as LINEAR_CROSS_ENTROPY } from "../src/ops/linear_cross_entropy.ts";
import { readRow, writeRow } from "../src/reference/row.ts";
import { sum } from "../src/reference/classes.ts";

const f16 = (codes: number[]): Tensor => tensor(Uint16Array.from(codes), "f16", codes.length);
const bf16 = (codes: number[]): Tensor => tensor(Uint16Array.from(codes), "bf16", codes.length);

function tensor(data: TensorData, dtype: Tensor["dtype"], columns: number, rowStride = columns): Tensor {
  return { data, dtype, rows: 1, columns, rowStride };
}

Deno.test("readRow() widens every code of f16 and bf16, and writeRow() gives it back", () => {
  const codes = Array.from({ length: 65536 }, (_, code) => code);
  for (const [matrix, mask] of [[f16(codes), 0x7c00], [bf16(codes), 0x7f80]] as const) {
    const values = readRow(matrix, 0);
    const isNaNCode = (code: number) => (code & 0x7fff) > mask;
    assertEquals(codes.filter((code) => Number.isNaN(values[code]) !== isNaNCode(code)), []);
    const target = { ...matrix, data: new Uint16Array(65536) };
    writeRow(target, 0, values);
    assertEquals(codes.filter((code) => !isNaNCode(code) && target.data[code] !== code), []);
    assertEquals([...readRow(target, 0)].filter(Number.isNaN).length, codes.filter(isNaNCode).length);
  }
  assertEquals([...readRow(f16([0x3c00, 0xc000, 0x0001, 0x7c00]), 0)], [1, -2, 2 ** -24, Infinity]);
  assertEquals([...readRow(bf16([0x3f80, 0xc000, 0x0001, 0xff80]), 0)], [1, -2, 2 ** -133, -Infinity]);
});

Deno.test("writeRow() rounds once, to nearest even", () => {
  // Between two neighbours: the tie, and what a detour over f32 would make a tie.
  const nearly = 2 ** -40;
  const rounded = (matrix: Tensor, values: number[]) => (writeRow(matrix, 0, values), [...readRow(matrix, 0)]);
  for (const [digits, make] of [[10, f16], [7, bf16]] as const) {
    const ulp = 2 ** -digits, tie = 1 + ulp / 2, odd = 1 + 1.5 * ulp;
    const values = [tie, tie + nearly, tie - nearly, odd, odd + nearly, odd - nearly, -tie - nearly];
    const expected = [1, 1 + ulp, 1, 1 + 2 * ulp, 1 + 2 * ulp, 1 + ulp, -1 - ulp];
    assertEquals(rounded(make(new Array(7).fill(0)), values), expected);
    assertEquals(rounded(make([0, 0, 0, 0]), [1e39, -1e39, 1e-60, NaN]), [Infinity, -Infinity, 0, NaN]);
  }
  assertEquals(rounded(tensor(new Float16Array(2), "f16", 2), [1 + 2 ** -11 + nearly, 1e-60]), [1 + 2 ** -10, 0]);
  assertEquals(rounded(bf16([0]), [(2 - 2 ** -8) * 2 ** 127]), [Infinity]);
});

Deno.test("readRow() and writeRow() keep to the row's columns", () => {
  const data = Float32Array.of(1, 2, 0, 3, 4, 0);
  const matrix = tensor(data, "f32", 2, 3);
  assertEquals([...readRow(matrix, 1)], [3, 4]);
  writeRow(matrix, 1, [5, 6]);
  assertEquals([...data], [1, 2, 0, 5, 6, 0]);
  assertEquals([...readRow({ ...matrix, rowStride: 0 }, 9)], [1, 2]);
});

Deno.test("sum() of a million terms is off by less than 1e-12", () => {
  // Σ 1 / i to 2²⁰, from its asymptotic series.
  const n = 2 ** 20, euler = 0.5772156649015329;
  const exact = Math.log(n) + euler + 1 / (2 * n) - 1 / (12 * n * n);
  assertEquals(Math.abs(sum(n, (i) => 1 / (i + 1)) / exact - 1) < 1e-14, true);
  assertEquals(sum(0, () => 1), 0);
});

const MATRIX = { shape: ["rows", "vocab"], type: "float" } as const;
const COLUMN = { shape: ["rows"], type: "f32" } as const;

function operation(name: string, inputs: TensorSpec[], outputs: TensorSpec[], params: Operation["params"]): Operation {
  return { name, inputs, outputs, params, work: () => ({ exps: 1, flops: 1 }) };
}

const SOFTMAX = operation("softmax", [{ name: "logits", ...MATRIX }], [{ name: "probabilities", ...MATRIX }], {
  softcap: 0,
  temperature: 1,
});

const CROSS_ENTROPY = operation("crossEntropy", [
  { name: "logits", ...MATRIX },
  { name: "targets", shape: ["rows"], type: "i32", optional: true },
  { name: "targetProbabilities", ...MATRIX, optional: true },
  { name: "classWeights", shape: ["vocab"], type: "f32", optional: true },
  { name: "gradientScale", ...COLUMN, optional: true },
], [
  { name: "loss", ...COLUMN },
  { name: "logSumExp", ...COLUMN },
  { name: "hit", shape: ["rows"], type: "i32", optional: true },
  { name: "partial", shape: ["rows", 6], type: "f64", optional: true },
  { name: "gradient", ...MATRIX, optional: true },
], { softcap: 0, temperature: 1, confidence: 1, smoothing: 0, zLoss: 0, scale: 1 });

Deno.test("dimensionNames() and tensorNames() follow the record", () => {
  const top = operation("x", [{ name: "a", ...COLUMN }], [{
    name: "b",
    shape: ["vocab", 2, "rows", "top"],
    type: "f32",
  }], {});
  assertEquals(dimensionNames(top), ["rows", "vocab", "top"]);
  assertEquals(tensorNames(top), ["a", "b"]);
});

Deno.test("the reference computes a call a step at a time, with shared rows and tensors, in place", () => {
  const rows = 5, vocab = 3;
  const logits = { ...tensor(Float32Array.from({ length: rows * vocab }, (_, i) => i * i % 7), "f32", vocab), rows };
  const column = (data: TensorData, dtype: Tensor["dtype"]) => ({ ...tensor(data, dtype, 1), rows });
  const compute = (rowsPerStep: number, targets: Tensor, gradientData?: Float32Array) => {
    const data = gradientData ?? new Float32Array(rows * vocab);
    const loss = column(new Float32Array(rows), "f32"), lse = column(new Float32Array(rows), "f32");
    const tensors = {
      logits: gradientData ? { ...logits, data } : logits,
      targets,
      classWeights: tensor(Float32Array.of(1, 2, 3), "f32", vocab),
      loss,
      logSumExp: lse,
      gradient: { ...logits, data },
    };
    const params = { softcap: 0, temperature: 1, confidence: 1, smoothing: 0, zLoss: 0, scale: 1 };
    const call: CheckedCall = { operation: CROSS_ENTROPY, dims: { rows, vocab }, tensors, params, options: {} };
    assertEquals([...steps(call, rowsPerStep)].length, Math.ceil(rows / rowsPerStep));
    return [...loss.data, ...lse.data, ...data];
  };
  const targets = column(Int32Array.of(0, 1, 2, 1, 2), "i32");
  const whole = compute(5, targets);
  assertEquals(compute(2, targets), whole);
  assertEquals(compute(3, targets, Float32Array.from(logits.data)), whole);
  const same = { ...column(Int32Array.of(1), "i32"), rowStride: 0 };
  assertEquals(compute(3, same), compute(5, column(Int32Array.of(1, 1, 1, 1, 1), "i32")));
});

Deno.test("the reference turns bf16 logits into f16 probabilities, in steps of bounded size", () => {
  const vocab = 2 ** 16, rows = 6;
  const logits = { ...tensor(new Uint16Array(vocab * rows), "bf16", vocab), rows };
  const probabilities = { ...tensor(new Float16Array(vocab * rows), "f16", vocab), rows };
  const call: CheckedCall = {
    operation: SOFTMAX,
    dims: { rows, vocab },
    tensors: { logits, probabilities },
    params: { softcap: 0, temperature: 1 },
    options: {},
  };
  assertEquals([...steps(call)], [2, 2, 2]);
  assertEquals(probabilities.data.every((p) => p === 2 ** -16), true);
  const unknown = { ...call, operation: { ...SOFTMAX, name: "toString" } };
  assertEquals(reference.obstacle(call), undefined);
  assertEquals(reference.obstacle(unknown), "the reference has no such operation");
});

/** A matrix of small whole numbers: sums of their products are exact. */
function whole(rows: number, columns: number, salt: number): Tensor & { readonly data: Float32Array } {
  const data = Float32Array.from({ length: rows * columns }, (_, i) => (i * 7 + salt) % 5 - 2);
  return { data, dtype: "f32", rows, columns, rowStride: columns };
}

Deno.test("the reference cuts a product by its columns, which are the rows of the call", () => {
  const shapes = [[PRODUCT_NT, [3, 4], [7, 4]], [PRODUCT_NN, [3, 4], [4, 7]], [PRODUCT_TN, [4, 3], [4, 7]]] as const;
  for (const [operation, left, right] of shapes) {
    const compute = (columnsPerStep: number) => {
      const product = whole(3, 7, 2), bias = operation === PRODUCT_NT ? { bias: whole(7, 1, 1) } : {};
      const factors = { left: whole(left[0], left[1], 0), right: whole(right[0], right[1], 3) };
      const call = multiply(operation, { ...factors, ...bias, previous: product, product }, {});
      assertEquals([...steps(call, columnsPerStep)].length, Math.ceil(7 / columnsPerStep));
      return [...product.data];
    };
    for (const columns of [1, 3]) assertEquals(compute(columns), compute(7), operation.name);
  }
});

Deno.test("the reference sums what has no rows over all steps, whatever was there before", () => {
  const rows = 7,
    hidden = 2,
    vocab = 4,
    column = (data: TensorData, dtype: Tensor["dtype"]) => ({ ...tensor(data, dtype, 1), rows });
  const compute = (rowsPerStep: number) => {
    const gradientWeight = whole(vocab, hidden, 0),
      gradientBias = tensor(new Float32Array(vocab).fill(NaN), "f32", vocab);
    gradientWeight.data.fill(NaN);
    const numbers = () => column(new Float32Array(rows), "f32");
    const tensors = {
      hidden: whole(rows, hidden, 1),
      weight: { ...whole(vocab, hidden, 2), data: new Float32Array(vocab * hidden) },
      bias: tensor(new Float32Array(vocab), "f32", vocab),
      targets: column(Int32Array.of(0, 1, 2, 3, -1, 1, 2), "i32"),
      loss: numbers(),
      logSumExp: numbers(),
      targetLogProbability: numbers(),
      hit: column(new Int32Array(rows), "i32"),
      gradientWeight,
      gradientBias,
    };
    const { params } = LINEAR_CROSS_ENTROPY, dims = { rows, hidden, vocab };
    assertEquals(
      [...steps({ operation: LINEAR_CROSS_ENTROPY, dims, tensors, params, options: {} }, rowsPerStep)].length,
      Math.ceil(7 / rowsPerStep),
    );
    return [...gradientWeight.data, ...gradientBias.data];
  };
  // Without weights all classes are as likely: six rows that count, a quarter each, less one at each target
  assertEquals(compute(7).slice(vocab * hidden), [0.5, -0.5, -0.5, 0.5]);
  for (const step of [1, 2, 5]) assertEquals(compute(step), compute(7));
});
