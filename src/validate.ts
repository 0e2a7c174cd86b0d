/**
 * Arguments to checked values, or an error that names the argument, the position and the value: the only room that throws
 * on an operation's. Nothing here computes or writes.
 *
 * @module
 */
import { show, ValueChecker } from "./check.ts";
import { MAX_THREADS } from "./cost/division.ts";
import type { AnyTensor, CommonOptions, DeviceTensor, DType, LogitsOptions, Matrix, TensorData } from "./operation.ts";
import { COLUMNS, type Partial as PartialResult, type PartialKind } from "./partial.ts";
import { isSamePlace, overlap } from "./tensors.ts";

/** The largest size of a dimension: kernels count in 32-bit integers. */
export const MAX_SIZE = 2 ** 31 - 1;

/** Options that every operation understands. */
const COMMON = ["backend", "device", "deterministic", "threads", "signal"];

/** Those of operations on logits. */
const LOGITS = ["softcap", "temperature"];

/** Checks the arguments of one operation; every message begins with its name. */
export class Checker extends ValueChecker {
  /** An options bag of known names, common ones included; returns the common ones. */
  options(value: unknown, known: readonly string[]): CommonOptions {
    const { backend: wanted, device, deterministic, threads, signal } = this.bag<CommonOptions>(value, [
      ...COMMON,
      ...known,
    ]);
    const names = ["auto", "wasm", "webgpu", "reference"] as const;
    const backend = this.choice<CommonOptions["backend"]>("backend", wanted, names, "auto");
    if (device !== undefined && !isInstance("GPUDevice", device)) {
      throw this.typeError(`device is ${show(device)}, not a GPUDevice`);
    }
    this.flag("deterministic", deterministic);
    this.number("threads", threads, { fallback: 1, least: 1, most: MAX_THREADS, integer: true });
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw this.typeError(`signal is ${show(signal)}, not an AbortSignal`);
    }
    return { backend, device, deterministic, threads, signal };
  }

  /** The options of an operation on logits: like {@linkcode Checker.options}, and the transformation's parameters. */
  logitsOptions(
    value: LogitsOptions,
    known: readonly string[],
  ): { options: CommonOptions; softcap: number; temperature: number } {
    const options = this.options(value, [...LOGITS, ...known]);
    const softcap = value.softcap === undefined ? 0 : this.number("softcap", value.softcap, { fallback: 0, above: 0 });
    return { options, softcap, temperature: this.number("temperature", value.temperature, { fallback: 1, above: 0 }) };
  }

  /** Where matrices that are outputs go: new arrays, unless it is "gpu". */
  outputs(value: unknown): "gpu" | undefined {
    return this.choice<"gpu" | undefined>("outputs", value, ["gpu"], undefined);
  }

  /** A matrix to read: at least one column, and a row stride of 0 or of no less than the columns. */
  matrix(name: string, value: unknown): AnyTensor {
    return this.#matrix(name, value, true);
  }

  /** A matrix like another one's shape. */
  matching(name: string, value: unknown, [rows, columns]: readonly number[], of: string): AnyTensor {
    return this.#like(this.#matrix(name, value, true), name, rows, columns, of);
  }

  /** A matrix to write, of the logits' shape; it may be the very matrix of one input, or else must not overlap any. */
  output(
    name: string,
    value: unknown,
    like: AnyTensor,
    inputs: Readonly<Record<string, AnyTensor | undefined>>,
    of = "logits",
  ): AnyTensor {
    const output = this.#like(this.#matrix(name, value, false), name, like.rows, like.columns, of);
    for (const [other, input] of Object.entries(inputs)) {
      if (input === undefined || !overlap(output, input)) continue;
      const identical = input === like && isSamePlace(output, input) && output.rowStride === input.rowStride &&
        output.dtype === input.dtype;
      if (!identical) throw this.rangeError(`${name} overlaps ${other} without being the same matrix as the ${of}`);
    }
    return output;
  }

  /** Two matrices whose rows are multiplied with one another. */
  factors(name: string, left: AnyTensor, other: string, right: AnyTensor): void {
    if (right.rows === 0) throw this.rangeError(`${other}.shape[0] is 0, less than 1`);
    if (left.columns === right.columns) return;
    const shapes = [left, right].map(({ rows, columns }) => `[${rows}, ${columns}]`);
    throw this.rangeError(`${name} is ${shapes[0]}, ${other} is ${shapes[1]}: their rows differ in length`);
  }

  /** An f32 matrix to write, of another one's shape, that overlaps no input. */
  receiver(
    name: string,
    value: unknown,
    like: Pick<AnyTensor, "rows" | "columns">,
    of: string,
    inputs: Readonly<Record<string, AnyTensor | undefined>>,
  ): AnyTensor {
    const output = this.#like(this.#matrix(name, value, false), name, like.rows, like.columns, of);
    if (output.dtype !== "f32") throw this.typeError(`${name} is ${output.dtype}, not f32: it is summed in place`);
    for (const [other, input] of Object.entries(inputs)) {
      if (input !== undefined && overlap(output, input)) throw this.rangeError(`${name} overlaps ${other}`);
    }
    return output;
  }

  #like(tensor: AnyTensor, name: string, rows: number, columns: number, of: string): AnyTensor {
    if (tensor.rows === rows && tensor.columns === columns) return tensor;
    throw this.rangeError(`${name} is [${tensor.rows}, ${tensor.columns}], ${of} is [${rows}, ${columns}]`);
  }

  #matrix(name: string, value: unknown, readable: boolean): AnyTensor {
    if (typeof value !== "object" || value === null) throw this.typeError(`${name} is ${show(value)}, not a matrix`);
    const { data, shape, dtype, rowStride } = value as Partial<Matrix>;
    const known = this.#dtype(name, data, dtype);
    const [rows, columns] = this.shape(`${name}.shape`, shape);
    const stride = rowStride === undefined ? columns : this.#size(`${name}.rowStride`, rowStride, 0);
    if (stride < columns && !(readable && stride === 0)) {
      const least = readable ? `neither 0 nor at least ${columns}` : `less than ${columns}`;
      throw this.rangeError(`${name}.rowStride is ${stride}, ${least}`);
    }
    const needed = rows === 0 ? 0 : (rows - 1) * stride + columns, sizes = { rows, columns, rowStride: stride };
    if (isBuffer(data)) return this.#resident(name, data, { ...sizes, dtype: known }, needed);
    const { length } = data as TensorData;
    if (length < needed) {
      throw this.typeError(`${name}.data has ${length} elements, shape [${rows}, ${columns}] needs ${needed}`);
    }
    return { ...sizes, data: (data as TensorData).subarray(0, needed), dtype: known };
  }

  /** A matrix in a buffer of the GPU, which shaders see by whole words. */
  #resident(name: string, buffer: GPUBuffer, tensor: DeviceTensor, needed: number): DeviceTensor {
    const bytes = Math.ceil(needed * (tensor.dtype === "f32" ? 4 : 2) / 4) * 4;
    if (buffer.size < bytes) {
      const shape = `[${tensor.rows}, ${tensor.columns}]`;
      throw this.typeError(`${name}.data has ${buffer.size} bytes, shape ${shape} needs ${bytes}`);
    }
    if ((buffer.usage & 0x80) === 0) throw this.typeError(`${name}.data lacks GPUBufferUsage.STORAGE`);
    if (buffer.mapState !== "unmapped") throw this.typeError(`${name}.data is ${buffer.mapState}, not unmapped`);
    return { ...tensor, buffer };
  }

  /** `[rows, columns]`: no fewer than 0 rows and 1 column. */
  shape(name: string, value: unknown): readonly [rows: number, columns: number] {
    if (!Array.isArray(value) || value.length !== 2) {
      throw this.typeError(`${name} is ${show(value)}, not [rows, columns]`);
    }
    return [this.#size(`${name}[0]`, value[0], 0), this.#size(`${name}[1]`, value[1], 1)];
  }

  #size(name: string, value: unknown, least: number): number {
    if (typeof value !== "number") throw this.typeError(`${name} is ${show(value)}, not a number`);
    return this.number(name, value, { fallback: 0, least, most: MAX_SIZE, integer: true });
  }

  #dtype(name: string, data: unknown, dtype: unknown): DType {
    if (isBuffer(data)) {
      if (dtype === undefined) {
        throw this.typeError(`${name}.data is a GPUBuffer: dtype must say "f32", "f16" or "bf16"`);
      }
      return this.choice(`${name}.dtype`, dtype, ["f32", "f16", "bf16"], "f32");
    }
    const natural = data instanceof Float32Array ? "f32" : data instanceof Float16Array ? "f16" : undefined;
    if (natural === undefined && !(data instanceof Uint16Array)) {
      throw this.typeError(`${name}.data is ${show(data)}, not a Float32Array, Float16Array, Uint16Array or GPUBuffer`);
    }
    const allowed: readonly DType[] = natural === undefined ? ["bf16", "f16"] : [natural];
    if (dtype === undefined && natural === undefined) {
      throw this.typeError(`${name}.data is a Uint16Array: dtype must say "bf16" or "f16"`);
    }
    return this.choice(`${name}.dtype`, dtype, allowed, allowed[0]);
  }

  /** Class indices, one a row: whole numbers below `vocab`, or `ignored`, which becomes −1. */
  classes(name: string, value: unknown, rows: number, vocab: number, ignored?: number): Int32Array {
    const list = this.#list(name, value, rows, "row");
    const result = new Int32Array(rows);
    for (let row = 0; row < rows; row++) {
      const index = list[row];
      if (typeof index !== "number") throw this.typeError(`${name}[${row}] is ${show(index)}, not a number`);
      if (index === ignored) result[row] = -1;
      else if (Number.isInteger(index) && index >= 0 && index < vocab) result[row] = index;
      else throw this.rangeError(`${name}[${row}] is ${index}, vocab is ${vocab}`);
    }
    return result;
  }

  /** Finite numbers, one for each of `length` things; −∞ too where it means that there is nothing. */
  numbers(name: string, value: unknown, length: number, each: string, mayBeLowest = false): Float32Array {
    const list = this.#list(name, value, length, each);
    for (let i = 0; i < length; i++) {
      if (typeof list[i] !== "number") throw this.typeError(`${name}[${i}] is ${show(list[i])}, not a number`);
      if (!mayBeLowest || list[i] !== -Infinity) this.number(`${name}[${i}]`, list[i], { fallback: 0 });
    }
    return Float32Array.from(list as ArrayLike<number>);
  }

  /** Upstream gradients, one for each row, where there are any. */
  gradientScale(value: unknown, rows: number): Float32Array | undefined {
    return value === undefined ? undefined : this.numbers("gradientScale", value, rows, "row");
  }

  /** What a shard says of its rows. */
  partial(name: string, value: unknown): void {
    if (typeof value !== "object" || value === null) throw this.typeError(`${name} is ${show(value)}, not a partial`);
    const { kind, rows, values, labelSmoothing } = value as globalThis.Partial<PartialResult>;
    const kinds = Object.keys(COLUMNS) as PartialKind[];
    if (kind === undefined) throw this.typeError(`${name}.kind is undefined, not one of ${kinds.map(show).join(", ")}`);
    const columns = COLUMNS[this.choice(`${name}.kind`, kind, kinds, kinds[0])];
    const size = this.#size(`${name}.rows`, rows, 0);
    if (!(values instanceof Float64Array)) {
      throw this.typeError(`${name}.values is ${show(values)}, not a Float64Array`);
    }
    if (values.length !== size * columns) {
      throw this.typeError(`${name}.values has ${values.length} elements, not ${columns} for each of ${size} rows`);
    }
    this.number(`${name}.labelSmoothing`, labelSmoothing, { fallback: 0, least: 0, below: 1 });
  }

  #list(name: string, value: unknown, length: number, each: string): ArrayLike<unknown> {
    const isList = typeof value === "object" && value !== null && "length" in value;
    if (!isList) throw this.typeError(`${name} is ${show(value)}, not an array`);
    const list = value as ArrayLike<unknown>;
    if (list.length === length) return list;
    const all = each === "class" ? "classes" : `${each}s`;
    throw this.typeError(`${name} has ${list.length} elements, not one for each of ${length} ${all}`);
  }
}

/** Whether a value is of a class that not every runtime has. */
function isInstance(name: "GPUDevice" | "GPUBuffer", value: unknown): boolean {
  const constructor: unknown = Reflect.get(globalThis, name);
  return typeof constructor === "function" && value instanceof constructor;
}

function isBuffer(value: unknown): value is GPUBuffer {
  return isInstance("GPUBuffer", value);
}
