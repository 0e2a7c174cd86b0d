// The bytes that the cost model says move, against those that the reference reads and writes, counted one by one.

import { assert, assertEquals } from "@std/assert";
import { plan } from "../src/cost/mod.ts";
import { demandOf, traffic } from "../src/cost/demand.ts";
import type { CheckedCall, Tensor, TensorData, TensorSpec } from "../src/operation.ts";
import { type OperationName, RECORDS } from "../src/ops/records.ts";
import { steps } from "../src/reference/mod.ts";

/** Elements that were read and written. */
interface Count {
  reads: number;
  writes: number;
}

/** An array that counts how often its elements are read and written, by index or as a whole. */
function counted<Data extends TensorData>(data: Data, count: Count): Data {
  return new Proxy(data, {
    get(target, key) {
      // Without an iterator it is copied by index, where it is seen
      if (key === Symbol.iterator) return undefined;
      if (key === "subarray") return (start: number, end?: number) => counted(target.subarray(start, end), count);
      if (key === "set") {
        return (values: ArrayLike<number>, start: number) => {
          count.writes += values.length;
          target.set(values, start);
        };
      }
      if (typeof key === "string" && /^\d+$/.test(key)) count.reads++;
      return Reflect.get(target, key, target);
    },
    set(target, key, value) {
      count.writes++;
      return Reflect.set(target, key, value, target);
    },
  });
}

const ROWS = 3, VOCAB = 7, TOP = 2, HIDDEN = 4;

const ARRAYS = { float: Float32Array, f32: Float32Array, f64: Float64Array, i32: Int32Array };

function tensorOf({ type, shape }: TensorSpec, count: Count): Tensor {
  const sizes: Record<string, number> = { rows: ROWS, vocab: VOCAB, top: TOP, hidden: HIDDEN };
  const known = shape.map((size) => typeof size === "string" ? sizes[size] : size);
  const [rows, width] = shape.length === 2 ? known : shape[0] === "rows" ? [ROWS, 1] : [1, known[0]];
  const data = Float64Array.from({ length: rows * width }, (_, i) => type === "i32" ? i % VOCAB : (i * 5 % 11) / 11);
  const dtype = type === "float" ? "f32" : type;
  return { data: counted(new ARRAYS[type](data), count), dtype, rows, columns: width, rowStride: width };
}

for (const [name, operation] of Object.entries(RECORDS)) {
  const optional = [...operation.inputs, ...operation.outputs].filter((spec) => spec.optional).map((spec) => spec.name);
  // Of the two kinds of targets a call has one, and a cross-entropy has one in any case
  const isSoft = optional.includes("targetProbabilities");
  const all = isSoft
    ? ["targetProbabilities", "targets"].map((left) => optional.filter((name) => name !== left))
    : [optional];
  const variants = [...all, isSoft ? ["targets"] : []], isComposed = operation.compose !== undefined;
  const what = isComposed ? "no less than the bytes" : "the bytes";
  Deno.test(`${name}(): the reference reads and writes ${what} that the model counts`, () => {
    for (const wanted of variants) {
      const counts = new Map<string, Count>(), tensors: Record<string, Tensor> = {};
      const isThere = (spec: TensorSpec) => !spec.optional || wanted.includes(spec.name);
      for (const spec of [...operation.inputs, ...operation.outputs].filter(isThere)) {
        const count = { reads: 0, writes: 0 };
        counts.set(spec.name, count);
        tensors[spec.name] = tensorOf(spec, count);
      }
      const dims = { rows: ROWS, vocab: VOCAB, top: TOP, hidden: HIDDEN };
      const call: CheckedCall = { operation, dims, tensors, params: operation.params, options: {} };
      const demand = demandOf(call, () => false);
      for (const count of counts.values()) count.reads = count.writes = 0;
      assertEquals([...steps(call)], [ROWS]);
      const bytes = (of: keyof Count) =>
        [...counts].reduce((sum, [name, count]) => sum + count[of] * tensors[name].data.BYTES_PER_ELEMENT, 0);
      const { bytesRead, bytesWritten } = traffic(demand);
      if (isComposed) assert(bytes("reads") >= bytesRead, wanted.join());
      else assertEquals(bytes("reads"), bytesRead, wanted.join());
      assertEquals(bytes("writes"), bytesWritten, wanted.join());
      assert(bytesRead > 0 && bytesWritten > 0);
    }
  });
}

Deno.test("a plan counts the same bytes as the call that is made of it", () => {
  const expected: Readonly<Record<string, readonly [read: number, written: number]>> = {
    crossEntropy: [4 * 21 + 12, 4 * 21 + 3 * 12],
    jsDivergence: [8 * 21, 12 + 4 * 21],
    klDivergence: [8 * 21, 12 + 4 * 21],
    linearCrossEntropy: [4 * (12 + 28 + 7) + 12, 4 * 12 + 4 * (12 + 28 + 7)],
    softmax: [4 * 21, 4 * 21],
    tokenStatistics: [4 * 21 + 12, 5 * 12],
  };
  const outputs: Readonly<Record<string, readonly string[]>> = {
    crossEntropy: ["gradient"],
    jsDivergence: ["gradientP"],
    klDivergence: ["gradientQ"],
    linearCrossEntropy: ["gradientHidden", "gradientWeight", "gradientBias"],
  };
  for (const [name, bytes] of Object.entries(expected)) {
    const dims = { rows: ROWS, vocab: VOCAB, ...name.startsWith("linear") && { hidden: HIDDEN } };
    const { winner } = plan(name as OperationName, dims, { inputs: { outputs: outputs[name] } });
    assertEquals([winner.bytesRead, winner.bytesWritten], [...bytes], name);
  }
});
