/**
 * The WGSL program of an operation: declarations, what it shares, its own source, and the entry points.
 *
 * All operations have the same passes, each over segments × rows of workgroups: a look or two that leave a partial a
 * segment, then one that gathers a row's partials, in an order that depends on the vocabulary alone, and writes. So one row of
 * 256,000 classes keeps as many workgroups busy as there are segments, and a row's bits do not depend on its batch. Where no
 * matrix is written, one workgroup a row does the last.
 *
 * @module
 */
import type { Operation } from "../operation.ts";
import { boundMatrices, declarations, type Storage, writtenMatrices } from "./declarations.ts";
import type { Source } from "./pipelines.ts";
import { type PartialSpec, SEGMENT, type Shader } from "./shader.ts";
import { ARITHMETIC } from "./wgsl/arithmetic.ts";
import { HALVES } from "./wgsl/halves.ts";
import { TRANSFORMATION } from "./wgsl/transformation.ts";

/** The program of an operation whose tensors are stored so. */
export function programOf(operation: Operation, shader: Shader, storage: Storage): Source {
  const emits = operation.outputs.some(({ name }) => storage.matrices.has(name));
  const written = writtenMatrices(operation, storage),
    partials = shader.partials.length + (shader.scratchWords ? 1 : 0);
  return {
    name: operation.name,
    code: codeOf(operation, shader, storage, emits),
    bindings: [
      "uniform",
      "read-only-storage",
      "storage",
      ...Array<GPUBufferBindingType>(partials).fill("storage"),
      ...boundMatrices(storage).map((name) => written.has(name) ? "storage" : "read-only-storage"),
    ],
    entryPoints: [...shader.partials.map((_, i) => `pass${i + 1}`), emits ? "write" : "conclude"],
  };
}

function codeOf(operation: Operation, shader: Shader, storage: Storage, emits: boolean): string {
  const names = shader.partials.map(({ name }) => name);
  return [
    GRID,
    ARITHMETIC,
    HALVES,
    declarations(operation, shader, storage),
    ...(Object.hasOwn(operation.params, "softcap") ? [TRANSFORMATION] : []),
    ...shader.uses,
    shader.source,
    LEVELS,
    ...shader.partials.map(reduction),
    ...names.map((name, i) => look(i, name, names)),
    emits ? last("write", names, EMIT) : last("conclude", names, "  finish(row, lane, state);"),
  ].join("\n");
}

/** Threads of a workgroup: few, so that what each does once a segment is little beside its classes. */
const LANES = 64;

const GRID = /* wgsl */ `
const SEGMENT: u32 = ${SEGMENT}u;
const LANES: u32 = ${LANES}u;
const TILE: u32 = 4u * LANES;
const RUN: u32 = 8u * TILE;

/** The classes that a thread looks at. */
fn classes(tile: u32, lane: u32) -> vec4<u32> {
  return tile + lane + vec4(0u, LANES, 2u * LANES, 3u * LANES);
}
`;

const HEAD = `(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y;
  let segment = group.x + call.first_segment;`;

/** The largest levels of the threads of a workgroup. */
const LEVELS = /* wgsl */ `
var<workgroup> levels: array<vec2<f32>, LANES>;
fn highest_levels(mine: vec2<f32>, lane: u32) -> vec2<f32> {
  levels[lane] = mine;
  for (var half = LANES / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { levels[lane] = max(levels[lane], levels[lane + half]); }
  }
  workgroupBarrier();
  return levels[0];
}`;

/** A reduction of a partial over the threads of a workgroup, all against the same levels. */
function reduction({ name, isLevelled }: PartialSpec): string {
  const raised = isLevelled ? `raise_${name}(mine, highest_levels(levels_${name}(mine), lane))` : "mine";
  return `
var<workgroup> board_${name}: array<${name}, LANES>;
fn reduce_${name}(mine: ${name}, lane: u32) -> ${name} {
  let raised = ${raised};
  workgroupBarrier();
  board_${name}[lane] = raised;
  for (var half = LANES / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { board_${name}[lane] = merge_${name}(board_${name}[lane], board_${name}[lane + half]); }
  }
  workgroupBarrier();
  return board_${name}[0];
}`;
}

/** The partials of a row's segments, of one look, as one. */
function gather(i: number, name: string): string {
  return `
fn gather${i + 1}(row: u32, lane: u32) -> ${name} {
  var mine = nothing_${name}();
  for (var s = lane; s < call.segments; s += LANES) {
    mine = merge_${name}(mine, partials${i + 1}[row * call.segments + s]);
  }
  return reduce_${name}(mine, lane);
}`;
}

function look(i: number, name: string, names: readonly string[]): string {
  const known = names.slice(0, i).map((_, k) => `gather${k + 1}(row, lane)`);
  return `${gather(i, name)}
@compute @workgroup_size(LANES)
fn pass${i + 1}${HEAD}
  let all = reduce_${name}(look${i + 1}(${["row", "segment", "lane", ...known].join(", ")}), lane);
  if (lane == 0u) { partials${i + 1}[row * call.segments + segment] = all; }
}`;
}

function last(entry: string, names: readonly string[], body: string): string {
  const gathered = names.map((_, k) => `  let known${k + 1} = gather${k + 1}(row, lane);`);
  return `
var<workgroup> settled: Row;
@compute @workgroup_size(LANES)
fn ${entry}${HEAD}
${gathered.join("\n")}
  if (lane == 0u) { settled = settle(${["row", ...names.map((_, k) => `known${k + 1}`)].join(", ")}); }
  let state = workgroupUniformLoad(&settled);
${body}
}`;
}

const EMIT = `  if (segment == 0u) { finish(row, lane, state); }
  let start = segment * SEGMENT;
  let end = min(start + SEGMENT, call.vocab);
  for (var tile = start; tile < end + SHIFT; tile += TILE) {
    let at = places(row, tile, lane);
    emit(row, at, at - start < vec4(end - start), state);
  }`;
