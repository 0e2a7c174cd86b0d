/**
 * WGSL that follows from an operation's record and from how its tensors are stored: bindings, the uniform `call`, and a
 * function a tensor to read or write it.
 *
 * What is a number or a few a row shares two buffers of words, `inputs` and `results`; each matrix has its own binding. An f64
 * is a pair of f32. Two halves share a word, which at the edges of rows belongs to two threads: it is then written by two
 * atomic operations, one of which clears the half and the other sets it.
 *
 * @module
 */
import { dimensionNames, scalarNames } from "../arguments.ts";
import type { DType, Operation, TensorSpec } from "../operation.ts";
import type { Shader } from "./shader.ts";

/** How the tensors of a call are stored: what its pipelines depend on. */
export interface Storage {
  /** The names of the vectors that are present. */
  readonly vectors: ReadonlySet<string>;
  /** The matrices that are present, and their types; in the record's order. */
  readonly matrices: ReadonlyMap<string, DType>;
  /** Outputs that are in the place of an input. */
  readonly inPlace: ReadonlyMap<string, string>;
}

/** Bindings before the partials': the call, words in, words out. */
const FIRST_PARTIAL = 3;

/** Whether a tensor is a matrix, with a buffer of its own. */
export function isMatrix(spec: TensorSpec): boolean {
  return spec.type === "float";
}

/** 32-bit words of an element in `inputs` and `results`. */
export function wordsOf(spec: TensorSpec): number {
  return spec.type === "f64" ? 2 : 1;
}

/** The members of the uniform `call`: two words each, then one word each. */
export function callMembers(
  operation: Operation,
): { readonly pairs: readonly string[]; readonly words: readonly string[] } {
  const tensors = [...operation.inputs, ...operation.outputs], names = tensors.map(({ name }) => name);
  return {
    pairs: [...names.map(placeOf), ...scalarNames(operation)],
    words: [
      ...dimensionNames(operation),
      ...tensors.filter(isMatrix).map(({ name }) => columnsOf(name)),
      "segments",
      "first_segment",
      "zero",
    ],
  };
}

/** The member that says how many columns a matrix has: fewer than there are classes where it lacks some. */
export function columnsOf(name: string): string {
  return `columns_${name}`;
}

/** The member that says where a tensor begins and how far its rows are apart, in elements. */
export function placeOf(name: string): string {
  return `place_${name}`;
}

/** The matrices that have a binding of their own, in order. */
export function boundMatrices(storage: Storage): string[] {
  return [...storage.matrices.keys()].filter((name) => !storage.inPlace.has(name));
}

/** The matrices that are written, by the names of their bindings. */
export function writtenMatrices(operation: Operation, { inPlace }: Storage): ReadonlySet<string> {
  return new Set([...operation.outputs.map(({ name }) => name), ...inPlace.values()]);
}

/** Everything that an operation's WGSL finds declared. */
export function declarations(operation: Operation, shader: Shader, storage: Storage): string {
  const { pairs, words } = callMembers(operation);
  const isParameter = new Set(scalarNames(operation));
  const members = [
    ...pairs.map((name) => `  ${name}: vec2<${isParameter.has(name) ? "f32" : "u32"}>,`),
    ...words.map((name) => `  ${name}: u32,`),
  ];
  let binding = FIRST_PARTIAL;
  const partials = shader.partials.map(({ name }, i) =>
    `@group(0) @binding(${binding++}) var<storage, read_write> partials${i + 1}: array<${name}>;`
  );
  if (shader.scratchWords) {
    partials.push(`@group(0) @binding(${binding++}) var<storage, read_write> scratch: array<u32>;`);
  }
  const written = writtenMatrices(operation, storage);
  const matrices = boundMatrices(storage).map((name) => {
    const isWritten = written.has(name), isWhole = storage.matrices.get(name) === "f32";
    const element = isWhole ? "f32" : isWritten ? "atomic<u32>" : "u32", access = isWritten ? "read_write" : "read";
    return `@group(0) @binding(${binding++}) var<storage, ${access}> ${name}: array<${element}>;`;
  });
  const halves = operation.outputs.find(({ name }) => (storage.matrices.get(name) ?? "f32") !== "f32");
  return [
    "struct Call {",
    ...members,
    "}",
    "@group(0) @binding(0) var<uniform> call: Call;",
    "@group(0) @binding(1) var<storage, read> inputs: array<u32>;",
    "@group(0) @binding(2) var<storage, read_write> results: array<u32>;",
    ...partials,
    ...matrices,
    ...operation.inputs.map((spec) =>
      isMatrix(spec) ? takeMatrix(spec.name, storage, written.has(spec.name)) : takeVector(spec, storage)
    ),
    ...operation.outputs.map((spec) => isMatrix(spec) ? putMatrix(spec.name, storage) : putVector(spec, storage)),
    halves ? placesOfHalves(halves.name) : PLACES,
  ].join("\n");
}

const PLACES = `
/** How far classes of a tile may lie before it. */
const SHIFT: u32 = 0u;

/** The classes that a thread writes. */
fn places(row: u32, tile: u32, lane: u32) -> vec4<u32> {
  return classes(tile, lane);
}`;

/** Two by two, so that each pair is one word of the output. */
function placesOfHalves(name: string): string {
  return `
const SHIFT: u32 = 1u;

fn places(row: u32, tile: u32, lane: u32) -> vec4<u32> {
  let first = tile - (call.${placeOf(name)}.x + row * call.${placeOf(name)}.y & 1u) + 2u * lane;
  return vec4(first, first + 1u, first + TILE / 2u, first + TILE / 2u + 1u);
}`;
}

const has = (name: string, is: boolean) => `const has_${name}: bool = ${is};`;

function takeVector(spec: TensorSpec, { vectors }: Storage): string {
  const { name, type } = spec, is = vectors.has(name);
  const value = is
    ? `bitcast<${type}>(inputs[call.${placeOf(name)}.x + row * call.${placeOf(name)}.y + j])`
    : `${type}(0)`;
  return `${has(name, is)}\nfn take_${name}(row: u32, j: u32) -> ${type} { return ${value}; }`;
}

function putVector(spec: TensorSpec, { vectors }: Storage): string {
  const { name } = spec, is = vectors.has(name);
  const at = `call.${placeOf(name)}.x + row * call.${placeOf(name)}.y + ${wordsOf(spec)}u * j`;
  const type = spec.type === "f64" ? "vec2<f32>" : spec.type;
  const statement = spec.type === "f64"
    ? `let at = ${at}; results[at] = bitcast<u32>(value.x); results[at + 1u] = bitcast<u32>(value.y);`
    : `results[${at}] = bitcast<u32>(value);`;
  return `${has(name, is)}\nfn put_${name}(row: u32, j: u32, value: ${type}) { ${is ? statement : ""} }`;
}

function takeMatrix(name: string, { matrices }: Storage, isWritten: boolean): string {
  const dtype = matrices.get(name);
  const head = `${has(name, dtype !== undefined)}\nfn take_${name}(row: u32, at: vec4<u32>) -> vec4<f32>`;
  if (dtype === undefined) return `${head} { return vec4(0.0); }`;
  const index = `  let i = call.${placeOf(name)}.x + row * call.${placeOf(name)}.y + at;`;
  const each = (of: (k: string) => string) => `vec4(${["x", "y", "z", "w"].map(of).join(", ")})`;
  if (dtype === "f32") return `${head} {\n${index}\n  return ${each((k) => `${name}[i.${k}]`)};\n}`;
  const word = (k: string) => isWritten ? `atomicLoad(&${name}[i.${k} >> 1u])` : `${name}[i.${k} >> 1u]`;
  const widened = dtype === "f16" ? "widen_halves(codes)" : "bitcast<vec4<f32>>(codes << vec4(16u))";
  return `${head} {\n${index}\n  let codes = (${
    each(word)
  } >> ((i & vec4(1u)) * 16u)) & vec4(0xffffu);\n  return ${widened};\n}`;
}

function putMatrix(name: string, { matrices, inPlace }: Storage): string {
  const dtype = matrices.get(name), where = inPlace.get(name) ?? name;
  const head = `${
    has(name, dtype !== undefined)
  }\nfn put_${name}(row: u32, at: vec4<u32>, inside: vec4<bool>, value: vec4<f32>)`;
  if (dtype === undefined) return `${head} {}`;
  const index = `  let i = call.${placeOf(name)}.x + row * call.${placeOf(name)}.y + at;`;
  if (dtype === "f32") {
    const stores = ["x", "y", "z", "w"].map((k) => `  if (inside.${k}) { ${where}[i.${k}] = value.${k}; }`);
    return [`${head} {`, index, ...stores, "}"].join("\n");
  }
  const narrowed = dtype === "f16" ? "narrow_halves(value)" : "narrow_brains(value)";
  return `
fn put_half_${name}(i: u32, code: u32) {
  let shift = (i & 1u) * 16u;
  atomicAnd(&${where}[i >> 1u], ~(0xffffu << shift));
  atomicOr(&${where}[i >> 1u], code << shift);
}
fn put_two_${name}(i: u32, inside: vec2<bool>, codes: vec2<u32>) {
  if (all(inside) && (i & 1u) == 0u) {
    atomicStore(&${where}[i >> 1u], codes.x | codes.y << 16u);
    return;
  }
  if (inside.x) { put_half_${name}(i, codes.x); }
  if (inside.y) { put_half_${name}(i + 1u, codes.y); }
}
${head} {
${index}
  let codes = ${narrowed};
  put_two_${name}(i.x, inside.xy, codes.xy);
  put_two_${name}(i.z, inside.zw, codes.zw);
}`;
}
