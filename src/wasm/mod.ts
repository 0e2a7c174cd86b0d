/**
 * The WebAssembly backend, generic over operations: it knows names, shapes and sizes, a kernel knows mathematics.
 *
 * A tensor that lies in wasm memory is used where it is. Any other is staged: a block of rows is copied in, computed, and
 * outputs copied back, through a buffer that stays in cache and never exceeds {@link STAGING_LIMIT_BYTES}.
 */
import { dimensionNames, tensorNames } from "../arguments.ts";
import type { Backend, CheckedCall, Session, Tensor, TensorData } from "../operation.ts";
import { type Kernels, kernels } from "./kernels.ts";
import { give, isResident, take, wasmBuffer } from "./memory.ts";
import { copyIn, copyOut, stage, stagedBytes, stagedStride } from "./staging.ts";

/** The most that staging may take, whatever the size of the input. */
export const STAGING_LIMIT_BYTES = 64 * 2 ** 20;

/** Staging that still lies in a second- or third-level cache when the kernel reads it. */
const STAGING_BYTES = 2 ** 20;

/** Bytes that a step goes through when they need no staging: a few milliseconds of work. */
const STEP_BYTES = 8 * 2 ** 20;

/** Bytes of a View: address, row stride in bytes, element type (assembly/view.ts). */
const VIEW_BYTES = 12;

const DTYPE_CODES: Readonly<Record<Tensor["dtype"], number>> = { f32: 0, f16: 1, bf16: 2, f64: 0, i32: 0 };

/** WebAssembly SIMD. */
export const wasm: Backend = {
  name: "wasm",
  obstacle(call) {
    if (instance(call) === undefined) return "this runtime lacks WebAssembly SIMD or shared memory";
    const { bytes } = layOut(places(call), 1);
    if (bytes <= STAGING_LIMIT_BYTES) return undefined;
    return `one row takes ${bytes} bytes of staging, more than ${STAGING_LIMIT_BYTES}`;
  },
  manner(call) {
    return `WebAssembly with ${instance(call)?.build} SIMD`;
  },
  begin,
};

/** Where a tensor is for the kernel. */
interface Place {
  readonly tensor: Tensor;
  readonly input: boolean;
  readonly output: boolean;
  /** In wasm memory already, staged a block of rows at a time, or staged once for all rows. */
  readonly kind: "resident" | "rows" | "once";
  /** Position of its View among those of the call. */
  readonly views: readonly number[];
}

function instance(call: CheckedCall): Kernels | undefined {
  return kernels(call.options.deterministic ?? false);
}

/** The places of a call's tensors; an output that is also an input (in place) shares one. */
function places(call: CheckedCall): Place[] {
  const inputs = call.operation.inputs.length;
  const found: Place[] = [];
  tensorNames(call.operation).forEach((name, index) => {
    const tensor = call.tensors[name];
    if (tensor === undefined) return;
    const input = index < inputs;
    const same = found.findIndex((place) => isSame(place.tensor, tensor));
    if (same >= 0) {
      const place = found[same];
      found[same] = { ...place, output: place.output || !input, views: [...place.views, index] };
      return;
    }
    const shared = tensor.rows === 1 || tensor.rowStride === 0;
    const kind = isResident(tensor.data) ? "resident" : shared ? "once" : "rows";
    found.push({ tensor, input, output: !input, kind, views: [index] });
  });
  return found;
}

function isSame(a: Tensor, b: Tensor): boolean {
  return a.data.buffer === b.data.buffer && a.data.byteOffset === b.data.byteOffset &&
    a.rowStride === b.rowStride && a.columns === b.columns && a.dtype === b.dtype;
}

/** Bytes that `rows` rows of a place take in staging. */
function bytesOf({ tensor, kind }: Place, rows: number): number {
  return kind === "resident" ? 0 : stagedBytes(tensor, kind === "rows" ? rows : 1);
}

/** The span of a call: its Views, then the staging of every place, each on a cache line. */
function layOut(found: readonly Place[], rowsPerStep: number): { bytes: number; offsets: number[] } {
  const offsets: number[] = [];
  let bytes = align(VIEW_BYTES * (1 + Math.max(...found.flatMap(({ views }) => views))));
  for (const place of found) {
    offsets.push(bytes);
    bytes += align(bytesOf(place, rowsPerStep));
  }
  return { bytes, offsets };
}

function begin(call: CheckedCall): Session {
  const found = places(call);
  const chosen = instance(call);
  if (chosen === undefined) throw new Error("A call with an obstacle was begun");
  const stagedRow = sum(found.filter(({ kind }) => kind === "rows").map((place) => bytesOf(place, 1)));
  const touchedRow = sum(found.map(({ tensor }) => tensor.columns * tensor.data.BYTES_PER_ELEMENT));
  const wanted = Math.floor(Math.min(STAGING_BYTES / stagedRow, STEP_BYTES / touchedRow));
  const rowsPerStep = Math.min(call.dims.rows, Math.max(1, wanted));

  const names = tensorNames(call.operation);
  const { bytes, offsets } = layOut(found, rowsPerStep);
  const base = take(bytes);
  const staged = found.map((place, i) =>
    place.kind === "once" ? stage(place.tensor, base + offsets[i], 0, 1) : undefined
  );
  found.forEach(({ tensor, input }, i) => input && staged[i] && copyIn(tensor, staged[i], 0, 1));

  const viewArguments = names.map((name, i) => call.tensors[name] === undefined ? 0 : base + i * VIEW_BYTES);
  const dims = dimensionNames(call.operation);
  const params = call.operation.params.map((name) => call.params[name]);
  const kernel = chosen.functions[call.operation.name];

  return {
    rowsPerStep,
    step(firstRow, rows) {
      found.forEach((place, i) => {
        if (place.kind === "rows") {
          staged[i] = stage(place.tensor, base + offsets[i], firstRow, rows);
          if (place.input) copyIn(place.tensor, staged[i], firstRow, rows);
        }
        describe(place, base, staged[i], firstRow);
      });
      kernel(...viewArguments, ...dims.map((name) => name === "rows" ? rows : call.dims[name]), ...params);
      found.forEach(({ tensor, output }, i) => output && staged[i] && copyOut(tensor, staged[i], firstRow, rows));
    },
    end: () => give(base, bytes),
  };
}

/** Writes the Views of a place for the rows of a step. */
function describe({ tensor, views }: Place, base: number, staged: TensorData | undefined, firstRow: number): void {
  const { data, rows, rowStride, dtype } = tensor;
  const isOneRow = rows === 1 || rowStride === 0;
  const stride = isOneRow ? 0 : data.BYTES_PER_ELEMENT * (staged ? stagedStride(tensor) : rowStride);
  const address = staged ? staged.byteOffset : data.byteOffset + firstRow * stride;
  for (const index of views) {
    new Uint32Array(wasmBuffer(), base + index * VIEW_BYTES, 3).set([address, stride, DTYPE_CODES[dtype]]);
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, x) => total + x, 0);
}
