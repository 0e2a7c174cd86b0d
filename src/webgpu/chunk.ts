/** Some rows of a call on the device. */
import type { CheckedCall } from "../operation.ts";
import { type Place, SLOT_BYTES } from "./call.ts";
import { setRows, wordsOfRows } from "./copies.ts";
import { wordsOf } from "./declarations.ts";
import type { Gpu } from "./device.ts";
import { type Buffers, encode, planOf } from "./encode.ts";
import type { Span } from "./layout.ts";
import { bringMatrix } from "./matrices.ts";
import type { Program } from "./pipelines.ts";
import { STORAGE, UNIFORM } from "./pool.ts";
import type { Submission } from "./submission.ts";
import { hasRows, type Uses, type VectorUse, wordsOfRow } from "./storage.ts";

/** Copies rows to the device and has them computed. */
export function submitChunk(
  gpu: Gpu,
  work: Submission,
  call: CheckedCall,
  uses: Uses,
  program: Program,
  rows: Span,
): void {
  const { device } = gpu, { first, end } = rows;
  const { maxStorageBufferBindingSize: bindingBytes, minStorageBufferOffsetAlignment: alignment } = device.limits;
  const plan = planOf(call, uses, end - first, { bindingBytes, alignment });
  const places = new Map<string, Place>();
  const vectors = [bringVectors(work, uses, rows, true, places), bringVectors(work, uses, rows, false, places)];
  const partials = plan.partialBytes.map((bytes) => work.take(bytes, STORAGE));
  const buffers: Buffers = {
    uniform: work.take(plan.slots * SLOT_BYTES, UNIFORM),
    whole: [...vectors, ...partials],
    matrices: uses.matrices.map((use) => bringMatrix(work, use, rows)),
    places,
  };
  work.compute((pass) => work.write(buffers.uniform, 0, encode(device, pass, program, plan, buffers)));
}

/** All vectors that are read, or written, in one buffer. */
function bringVectors(
  work: Submission,
  { vectors }: Uses,
  { first, end }: Span,
  input: boolean,
  places: Map<string, Place>,
): GPUBuffer {
  const uses = vectors.filter((use) => use.input === input);
  let words = 0;
  const offsets = uses.map((use) => {
    const offset = words, stride = hasRows(use.spec) ? wordsOfRow(use) : 0;
    places.set(use.spec.name, [offset, stride]);
    // Read back from a multiple of eight bytes on
    words += Math.ceil((stride === 0 ? use.tensor.columns : stride * (end - first)) / 2) * 2;
    return offset;
  });
  const buffer = work.take(4 * words, STORAGE, !input);
  uses.forEach((use, i) => bringVector(work, use, { first, end }, buffer, 4 * offsets[i]));
  return buffer;
}

function bringVector(
  work: Submission,
  { spec, tensor, input }: VectorUse,
  { first, end }: Span,
  buffer: GPUBuffer,
  offset: number,
): void {
  const [from, rows] = hasRows(spec) ? [first, end - first] : [0, 1];
  if (input) return work.write(buffer, offset, wordsOfRows(tensor, from, rows));
  const bytes = 4 * wordsOf(spec) * tensor.columns * rows;
  work.read({ buffer, offset, bytes }, (part) => setRows(spec, tensor, from, part));
}
