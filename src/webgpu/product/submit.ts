/** Matrix products on the device, which are no looks at rows: a program and dispatches of their own. */
import type { CheckedCall, DType, Tensor } from "../../operation.ts";
import { SLOT_BYTES } from "../call.ts";
import { wordsOfRows } from "../copies.ts";
import type { Gpu } from "../device.ts";
import type { Limits, Span } from "../layout.ts";
import { bringMatrix } from "../matrices.ts";
import type { Program } from "../pipelines.ts";
import { STORAGE, UNIFORM } from "../pool.ts";
import type { Uses } from "../storage.ts";
import type { Submission } from "../submission.ts";
import { MEMBERS, productSource, TILE, type Turned } from "../wgsl/product.ts";
import { type Part, partOf, type ProductWindow, productWindows, type Shape } from "./windows.ts";

/** The products, by the names of their records. */
const PRODUCTS: Readonly<Record<string, Turned>> = {
  productNT: { left: false, right: false },
  productNN: { left: false, right: true },
  productTN: { left: true, right: true },
};

/** The matrices of a product, in the order of their bindings. */
const NAMES = ["left", "right", "product"] as const;
type Name = (typeof NAMES)[number];

/** Whether a call is a product. */
export function isProduct({ operation }: CheckedCall): boolean {
  return Object.hasOwn(PRODUCTS, operation.name);
}

/** The program of a product whose matrices are stored so. */
export function productProgram(gpu: Gpu, { operation: { name }, tensors }: CheckedCall): Promise<Program> {
  const [left, right, product] = NAMES.map((name) => tensors[name]?.dtype as DType),
    hasBias = tensors.bias !== undefined;
  if (product !== "f32") throw new Error(`A product of ${product} was begun`);
  return gpu.pipelines.get(JSON.stringify([name, left, right, hasBias]), () => ({
    name,
    code: productSource({ turned: PRODUCTS[name], left, right, hasBias }),
    bindings: ["uniform", ...FACTORS, "storage", ...(hasBias ? [READ] : [])],
    entryPoints: ["multiply"],
  }));
}

const READ: GPUBufferBindingType = "read-only-storage";
const FACTORS = [READ, READ] as const;

/** A matrix of a product as it lies on the device. */
interface Placed extends Shape {
  readonly buffer: GPUBuffer;
  readonly firstRow: number;
}

/** Copies to the device what is not there, and has the product computed. */
export function submitProduct(gpu: Gpu, work: Submission, call: CheckedCall, uses: Uses, program: Program): void {
  const { dims, tensors, operation } = call, turned = PRODUCTS[operation.name], { device } = gpu;
  const { maxStorageBufferBindingSize: bindingBytes, minStorageBufferOffsetAlignment: alignment } = device.limits;
  const limits = { bindingBytes, alignment };
  const placed = Object.fromEntries(NAMES.map((name) => [name, place(work, uses, name)])) as Record<Name, Placed>;
  const windows = productWindows(dims, placed, turned, limits);
  const bias = tensors.bias && work.take(4 * dims.rows, STORAGE);
  if (bias) work.write(bias, 0, wordsOfRows(tensors.bias as Tensor, 0, dims.rows));
  const uniform = work.take(windows.length * SLOT_BYTES, UNIFORM);
  const words = new Uint32Array(windows.length * SLOT_BYTES / 4);
  work.compute((pass) => {
    pass.setPipeline(program.passes[0]);
    for (const [i, window] of windows.entries()) {
      const { outer, rows, inner } = window, parts = partsOf(window, placed, turned, limits);
      const adds = tensors.previous !== undefined || inner.first > 0;
      words.set(wordsOf(window, placed, parts, adds), i * SLOT_BYTES / 4);
      const resources: GPUBufferBinding[] = [
        { buffer: uniform, size: SLOT_BYTES },
        ...NAMES.map((name) => ({ buffer: placed[name].buffer, offset: parts[name].offset, size: parts[name].bytes })),
        ...(bias ? [{ buffer: bias }] : []),
      ];
      const entries = resources.map((resource, binding) => ({ binding, resource }));
      pass.setBindGroup(0, device.createBindGroup({ layout: program.layout, entries }), [i * SLOT_BYTES]);
      pass.dispatchWorkgroups(Math.ceil(sizeOf(rows) / TILE), Math.ceil(sizeOf(outer) / TILE));
    }
    work.write(uniform, 0, words);
  });
}

function place(work: Submission, { matrices }: Uses, name: Name): Placed {
  const use = matrices.find(({ names }) => names.includes(name));
  if (use === undefined) throw new Error(`A product without ${name} was begun`);
  const { stride, width, tensor: { rows, columns } } = use;
  return { stride, width, columns, ...bringMatrix(work, use, { first: 0, end: rows }) };
}

/** What a window shows of each matrix. */
function partsOf(
  { outer, rows, inner }: ProductWindow,
  placed: Readonly<Record<Name, Placed>>,
  turned: Turned,
  limits: Limits,
): Record<Name, Part> {
  const part = (name: Name, down: Span, along: Span) =>
    partOf(placed[name], placed[name].firstRow, down, along, limits);
  return {
    left: turned.left ? part("left", inner, outer) : part("left", outer, inner),
    right: turned.right ? part("right", inner, rows) : part("right", rows, inner),
    product: part("product", outer, rows),
  };
}

/** The uniform of a window. */
function wordsOf(
  { outer, rows, inner }: ProductWindow,
  placed: Readonly<Record<Name, Placed>>,
  parts: Readonly<Record<Name, Part>>,
  adds: boolean,
): number[] {
  const members: Readonly<Record<string, number>> = {
    outer: sizeOf(outer),
    inner: sizeOf(inner),
    rows: sizeOf(rows),
    adds: adds ? 1 : 0,
    begins: inner.first === 0 ? 1 : 0,
    bias_first: rows.first,
    ...Object.fromEntries(NAMES.flatMap((name) => [
      [`${name}_first`, parts[name].first],
      [`${name}_stride`, placed[name].stride],
    ])),
  };
  return MEMBERS.map((name) => members[name]);
}

function sizeOf({ first, end }: Span): number {
  return end - first;
}
