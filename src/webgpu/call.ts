/** The uniform `call` of each wave: where the tensors lie for it, the scalars, the sizes. */
import type { CheckedCall } from "../operation.ts";
import { callMembers, columnsOf, placeOf } from "./declarations.ts";
import type { Span } from "./layout.ts";

/** Bytes from one to the next. */
export const SLOT_BYTES = 256;

/** Where a tensor begins for the first row, and how far its rows are apart, in elements or words. */
export type Place = readonly [first: number, stride: number];

/** Writes the uniforms of one chunk one after the other. */
export class Calls {
  readonly #call: CheckedCall;
  readonly #members: ReturnType<typeof callMembers>;
  readonly #columns: ReadonlyMap<string, number>;
  readonly #view: DataView<ArrayBuffer>;
  #count = 0;

  /** Room for `count` of them. */
  constructor(call: CheckedCall, count: number) {
    this.#call = call;
    this.#members = callMembers(call.operation);
    this.#columns = new Map(
      Object.entries(call.tensors).map(([name, tensor]) => [columnsOf(name), tensor?.columns ?? 0]),
    );
    this.#view = new DataView(new ArrayBuffer(count * SLOT_BYTES));
  }

  /** All of them. */
  get bytes(): ArrayBuffer {
    return this.#view.buffer;
  }

  /** Writes the next; returns its offset. */
  add(places: ReadonlyMap<string, Place>, rows: Span, segments: Span, segmentsOfRow: number): number {
    const { params, dims } = this.#call, view = this.#view, offset = this.#count++ * SLOT_BYTES;
    let at = offset;
    for (const name of this.#members.pairs) {
      if (Object.hasOwn(params, name)) {
        const high = Math.fround(params[name]);
        view.setFloat32(at, high, true);
        view.setFloat32(at + 4, Number.isFinite(high) ? params[name] - high : 0, true);
      } else {
        const [first, stride] = places.get(name) ?? [0, 0];
        view.setUint32(at, first, true);
        view.setUint32(at + 4, stride, true);
      }
      at += 8;
    }
    const sizes = { ...dims, rows: rows.end - rows.first, segments: segmentsOfRow, first_segment: segments.first };
    for (const name of this.#members.words) {
      view.setUint32(at, sizes[name as keyof typeof sizes] ?? this.#columns.get(name) ?? 0, true);
      at += 4;
    }
    return offset;
  }
}

/** The key of a tensor's place. */
export function placesOf(entries: Iterable<readonly [name: string, place: Place]>): Map<string, Place> {
  return new Map(Array.from(entries, ([name, place]) => [placeOf(name), place]));
}
