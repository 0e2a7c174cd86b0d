/** The dispatches of a chunk: of each window its waves, of each wave all passes, of each pass all segments. */
import { rowsInFlight } from "../cost/waves.ts";
import type { CheckedCall } from "../operation.ts";
import { Calls, type Place, placesOf, SLOT_BYTES } from "./call.ts";
import { type Limits, type Span, type View, viewOf, type Window, windowsOf } from "./layout.ts";
import type { Program } from "./pipelines.ts";
import { segmentsOf } from "./shader.ts";
import { SHADERS } from "./shaders/index.ts";
import type { MatrixUse, Uses } from "./storage.ts";

/** A chunk cut up, and the sizes of what it needs meanwhile. */
export interface Plan {
  readonly call: CheckedCall;
  readonly matrices: readonly MatrixUse[];
  readonly limits: Limits;
  readonly windows: readonly Window[];
  /** Whether the last pass writes matrices; else it is over the first segment of each row only. */
  readonly emits: boolean;
  /** How many uniforms there are: one a wave and window of segments. */
  readonly slots: number;
  /** Bytes of each buffer of partials. */
  readonly partialBytes: readonly number[];
}

/** The buffers of a chunk. */
export interface Buffers {
  readonly uniform: GPUBuffer;
  /** Words in, words out, partials: in the order of their bindings. */
  readonly whole: readonly GPUBuffer[];
  /** Those of the matrices, and the chunk's first row of what each holds. */
  readonly matrices: readonly { readonly buffer: GPUBuffer; readonly firstRow: number }[];
  /** Where the vectors lie in words in and out. */
  readonly places: ReadonlyMap<string, Place>;
}

/** Cuts a chunk up. */
export function planOf(call: CheckedCall, { matrices }: Uses, rows: number, limits: Limits): Plan {
  const { vocab } = call.dims, { partials, scratchWords } = SHADERS[call.operation.name];
  const emits = matrices.some(({ output }) => output), looks = partials.length + (emits ? 1 : 0);
  const rowBytes = matrices.reduce((sum, { input, width }) => sum + (input ? width * vocab : 0), 0);
  const ofSegment = partials.map(({ bytes }) => bytes);
  if (scratchWords) ofSegment.push(4 * scratchWords({ top: 0, ...call.dims }));
  const cached = rowsInFlight(rows, rowBytes, looks);
  const windows = windowsOf(rows, vocab, matrices, limits, Math.max(0, ...ofSegment), cached);
  const waveRows = Math.max(...windows.flatMap(({ waves }) => waves.map(({ first, end }) => end - first)));
  return {
    call,
    matrices,
    limits,
    windows,
    emits,
    slots: windows.reduce((sum, { waves, segments }) => sum + waves.length * segments.length, 0),
    partialBytes: ofSegment.map((bytes) => bytes * waveRows * segmentsOf(vocab)),
  };
}

/** Encodes a chunk's dispatches; returns what its uniforms are. */
export function encode(
  device: GPUDevice,
  pass: GPUComputePassEncoder,
  { layout, passes }: Program,
  plan: Plan,
  buffers: Buffers,
): ArrayBuffer {
  const { call, emits } = plan, segments = segmentsOf(call.dims.vocab), calls = new Calls(call, plan.slots);
  for (const window of plan.windows) {
    const shown = window.segments.map((span) => show(device, layout, plan, buffers, window.rows, span));
    for (const wave of window.waves) {
      const slots = shown.map(({ span, views }) =>
        calls.add(placesIn(plan, buffers, views, wave, window), wave, span, segments)
      );
      passes.forEach((pipeline, k) => {
        pass.setPipeline(pipeline);
        const isConclusion = k === passes.length - 1 && !emits;
        for (const [i, { span, group }] of (isConclusion ? shown.slice(0, 1) : shown).entries()) {
          pass.setBindGroup(0, group, [slots[i]]);
          pass.dispatchWorkgroups(isConclusion ? 1 : span.end - span.first, wave.end - wave.first);
        }
      });
    }
  }
  return calls.bytes;
}

/** Binds what a window shows of rows and segments. */
function show(
  device: GPUDevice,
  layout: GPUBindGroupLayout,
  { call, matrices, limits }: Plan,
  buffers: Buffers,
  rows: Span,
  span: Span,
): { readonly span: Span; readonly views: readonly View[]; readonly group: GPUBindGroup } {
  const views = matrices.map((use, i) =>
    viewOf(use, call.dims.vocab, rows, span, buffers.matrices[i].firstRow, limits)
  );
  const resources: GPUBufferBinding[] = [
    { buffer: buffers.uniform, size: SLOT_BYTES },
    ...buffers.whole.map((buffer) => ({ buffer })),
    ...views.map(({ offset, bytes }, i) => ({ buffer: buffers.matrices[i].buffer, offset, size: bytes })),
  ];
  const entries = resources.map((resource, binding) => ({ binding, resource }));
  return { span, views, group: device.createBindGroup({ layout, entries }) };
}

/** Where every tensor lies for a wave. */
function placesIn(
  { matrices }: Plan,
  { places }: Buffers,
  views: readonly View[],
  wave: Span,
  window: Window,
): Map<string, Place> {
  const vectors = Array.from(places, ([name, [first, stride]]): [string, Place] => {
    return [name, [first + wave.first * stride, stride]];
  });
  const others = matrices.flatMap(({ names, stride }, i) => {
    const first = (views[i].base + (wave.first - window.rows.first) * stride) >>> 0;
    return names.map((name): [string, Place] => [name, [first, stride]]);
  });
  return placesOf([...vectors, ...others]);
}
