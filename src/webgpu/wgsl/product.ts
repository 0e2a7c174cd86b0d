/**
 * WGSL of a matrix product in f32: product (+)= left·right + bias, a tile of 64 × 64 sums a workgroup.
 *
 * A workgroup brings slabs of both matrices, 16 steps deep, to its own memory, widened; each of its 64 threads keeps 8 × 8
 * sums in registers, and a step takes four vectors from there for 64 multiply-adds. Vectors are of elements 16 apart, so
 * that threads side by side read and write numbers side by side whichever way a matrix lies. Each sum goes in order of k by
 * runs of 256, which are added to the product one after the other: its bits depend on the inner size alone, and its error
 * does not grow with it as that of one long sum would. What lies past the edges is computed and not written; past the inner
 * size it is 0.
 *
 * @module
 */
import type { DType } from "../../operation.ts";

/** Rows and columns of a tile. */
export const TILE = 64;

/** Steps of a run. */
export const RUN = 256;

/** Whether an operand's rows are the steps k, so that what is side by side in memory are rows or columns of the product. */
export interface Turned {
  readonly left: boolean;
  readonly right: boolean;
}

/** What the source depends on. */
export interface ProductStorage {
  readonly turned: Turned;
  readonly left: DType;
  readonly right: DType;
  readonly hasBias: boolean;
}

/** The members of the uniform `call`, a word each. */
export const MEMBERS = [
  ...["outer", "inner", "rows", "adds", "begins", "bias_first"],
  ...["left", "right", "product"].flatMap((name) => [`${name}_first`, `${name}_stride`]),
];

/** Vectors of a step, and those of them that are a thread's. */
const SLOTS = TILE / 4, MINE = [0, 1] as const;
/** Threads along each side of the tile. */
const SIDE = SLOTS / MINE.length;
const LETTERS = ["x", "y", "z", "w"] as const;

/** Each vector of sums: by which vector and number of the left matrix, by which vector of the right one. */
const SUMS = MINE.flatMap((a) =>
  LETTERS.flatMap((letter) => MINE.map((b) => ({ a, letter, b, name: `s${a}${letter}${b}` })))
);

/** The source, with the entry point `multiply`. */
export function productSource({ turned, left, right, hasBias }: ProductStorage): string {
  return /* wgsl */ `
struct Call {
${MEMBERS.map((name) => `  ${name}: u32,`).join("\n")}
}
@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> left: array<${left === "f32" ? "f32" : "u32"}>;
@group(0) @binding(2) var<storage, read> right: array<${right === "f32" ? "f32" : "u32"}>;
@group(0) @binding(3) var<storage, read_write> product: array<f32>;
${hasBias ? "@group(0) @binding(4) var<storage, read> bias: array<f32>;" : ""}

const TILE: u32 = ${TILE}u;
const RUN: u32 = ${RUN}u;
const DEPTH: u32 = 16u;
const SLOTS: u32 = ${SLOTS}u;
const SIDE: u32 = ${SIDE}u;
const LANES: u32 = SIDE * SIDE;
/** One more than the slots, so that threads that write a slot of many steps do not meet in a bank. */
const PITCH: u32 = SLOTS + 1u;

var<workgroup> left_slab: array<vec4<f32>, DEPTH * PITCH>;
var<workgroup> right_slab: array<vec4<f32>, DEPTH * PITCH>;

${operand("left", left, turned.left)}
${operand("right", right, turned.right)}

fn begun(column: u32) -> f32 {
  return ${hasBias ? "bias[call.bias_first + column]" : "0.0"};
}

fn put_one(i: u32, column: u32, sum: f32, adds: bool, begins: bool) {
  if (column < call.rows) {
    var whole = sum;
    if (begins) { whole = begun(column) + sum; }
    if (adds) { whole += product[i + column]; }
    product[i + column] = whole;
  }
}

fn put(row: u32, columns: vec4<u32>, sum: vec4<f32>, adds: bool, begins: bool) {
  if (row < call.outer) {
    let i = call.product_first + row * call.product_stride;
${LETTERS.map((k) => `    put_one(i, columns.${k}, sum.${k}, adds, begins);`).join("\n")}
  }
}

@compute @workgroup_size(LANES)
fn multiply(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first_row = group.y * TILE;
  let first_column = group.x * TILE;
  let down = lane / SIDE;
  let along = lane % SIDE;
  let apart = vec4(0u, SLOTS, 2u * SLOTS, 3u * SLOTS);
  var adds = call.adds != 0u;
  var begins = call.begins != 0u;
  var start = 0u;
  loop {
${SUMS.map(({ name }) => `    var ${name} = vec4(0.0);`).join("\n")}
    let end = min(start + RUN, call.inner);
    for (; start < end; start += DEPTH) {
      workgroupBarrier();
      fill_left(first_row, start, lane);
      fill_right(first_column, start, lane);
      workgroupBarrier();
      for (var k = 0u; k < DEPTH; k++) {
${MINE.map((a) => `        let a${a} = left_slab[k * PITCH + down + ${a}u * SIDE];`).join("\n")}
${MINE.map((b) => `        let b${b} = right_slab[k * PITCH + along + ${b}u * SIDE];`).join("\n")}
${SUMS.map(({ a, letter, b, name }) => `        ${name} += a${a}.${letter} * b${b};`).join("\n")}
      }
    }
${
    SUMS.map(({ a, letter, b, name }) =>
      `    put(first_row + down + ${a}u * SIDE + apart.${letter}, first_column + along + ${b}u * SIDE + apart, ${name}, adds, begins);`
    ).join("\n")
  }
    adds = true;
    begins = false;
    if (start >= call.inner) { break; }
  }
}`;
}

/** How an operand is read, and how its slab is filled: threads side by side take what is side by side in memory. */
function operand(name: "left" | "right", dtype: DType, isTurned: boolean): string {
  const index = isTurned ? `k * call.${name}_stride + j` : `j * call.${name}_stride + k`;
  const [step, slot] = isTurned ? ["i / SLOTS", "i % SLOTS"] : ["i % DEPTH", "i / DEPTH"];
  return /* wgsl */ `
fn take_${name}(j: u32, k: u32) -> f32 {
  let i = call.${name}_first + ${index};
${element(name, dtype)}
}

fn fill_${name}(first: u32, start: u32, lane: u32) {
  for (var i = lane; i < DEPTH * SLOTS; i += LANES) {
    let step = ${step};
    let slot = ${slot};
    let j = first + slot;
    let k = start + step;
    var numbers = vec4(0.0);
    if (k < call.inner) {
      numbers = vec4(${[0, 1, 2, 3].map((n) => `take_${name}(j + ${n}u * SLOTS, k)`).join(", ")});
    }
    ${name}_slab[step * PITCH + slot] = numbers;
  }
}`;
}

function element(name: string, dtype: DType): string {
  if (dtype === "f32") return `  return ${name}[i];`;
  const code = `(${name}[i >> 1u] >> ((i & 1u) * 16u)) & 0xffffu`;
  return dtype === "f16" ? `  return unpack2x16float(${code}).x;` : `  return bitcast<f32>((${code}) << 16u);`;
}
