/**
 * The classes that a sampled softmax is over: those that were drawn, once each and for all rows, and after them
 * targets that count only where they are the target.
 *
 * A class that was drawn m times is there once, with ln m added to its logit. A target that was drawn once is itself
 * among the drawn, where they are not to be counted beside their like.
 *
 * @module
 */
import type { Tensor } from "../../operation.ts";
import type { Drawn } from "../../sampling/draw.ts";

/** The classes of a call, and what they are for its rows. */
export interface Candidates {
  /** The classes, of which the first `forAll` are for all rows. */
  readonly ids: Int32Array;
  readonly forAll: number;
  /** Where each row's target is among them; −1 where it has none. */
  readonly targets: Int32Array;
  /** Where it is among them once more, as one that was drawn and is not to be counted; −1 where it is not. */
  readonly hits: Int32Array;
  /** What is added to their logits. */
  readonly corrections: Float64Array;
}

/** What is made of the drawn. */
export interface Treatment {
  /** Whether those that are a row's target are left out for that row. */
  readonly removeAccidentalHits: boolean;
  /** Whether the logarithms of expected counts are subtracted from the logits. */
  readonly subtractLogQ: boolean;
}

/** The classes of rows with these targets, −1 for none. */
export function candidatesOf(
  { ids: drawn, expectedCount }: Drawn,
  targets: Int32Array,
  { removeAccidentalHits, subtractLogQ }: Treatment,
): Candidates {
  const copies = new Map<number, number>();
  for (const id of drawn) copies.set(id, (copies.get(id) ?? 0) + 1);
  const isItself = (target: number) => removeAccidentalHits && copies.get(target) === 1;
  const own = new Set(targets.filter((target) => target >= 0 && !isItself(target)));
  const forAll = copies.size, ids = Int32Array.from([...copies.keys(), ...[...own].sort((a, b) => a - b)]);
  const places = Array.from(ids, (id, place) => [id, place] as const);
  const drawnAt = new Map(places.slice(0, forAll)), ownAt = new Map(places.slice(forAll));
  return {
    ids,
    forAll,
    targets: targets.map((target) => ownAt.get(target) ?? drawnAt.get(target) ?? -1),
    hits: targets.map((target) => removeAccidentalHits && own.has(target) ? drawnAt.get(target) ?? -1 : -1),
    corrections: Float64Array.from(ids, (id, place) => {
      const count = place < forAll ? copies.get(id) ?? 1 : 1;
      return Math.log(count) - (subtractLogQ ? Math.log(expectedCount(id)) : 0);
    }),
  };
}

/** Some rows of a matrix as a matrix of the same type. */
export function gatherRows({ data, dtype, columns, rowStride }: Tensor, ids: Int32Array): Tensor {
  const length = ids.length * columns;
  const gathered = data instanceof Float32Array
    ? new Float32Array(length)
    : data instanceof Float16Array
    ? new Float16Array(length)
    : new Uint16Array(length);
  ids.forEach((id, row) => gathered.set(data.subarray(id * rowStride, id * rowStride + columns), row * columns));
  return { data: gathered, dtype, rows: ids.length, columns, rowStride: columns };
}
