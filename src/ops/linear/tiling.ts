/**
 * A call on hidden·weightᵀ, or on several such products of the same rows, cut into chunks of rows and spans of classes,
 * and the room that a chunk computes in.
 *
 * @module
 */
import { isOnDevice } from "../../arguments.ts";
import { type Tile, tileOf } from "../../cost/tiles.ts";
import type { AnyTensor, CheckedCall, Room, Tensor } from "../../operation.ts";
import { writeRow } from "../../reference/row.ts";
import { rowsOf } from "../../tensors.ts";
import { clearRows, gather } from "./rows.ts";

/** A product of states and weights, by the names of a call's tensors, and the name of the room of its logits. */
export interface Head {
  readonly hidden: string;
  readonly weight: string;
  readonly bias: string;
  readonly logits: string;
}

/** The one that gradients are by. */
export const HEAD: Head = { hidden: "hidden", weight: "weight", bias: "bias", logits: "logits" };

/** The one that is learnt from. */
export const TEACHER: Head = {
  hidden: "teacherHidden",
  weight: "teacherWeight",
  bias: "teacherBias",
  logits: "teacherLogits",
};

/** Some rows of a head at work. */
export interface Part {
  readonly head: Head;
  /** [rows, hidden]. */
  readonly hidden: AnyTensor;
  /** The tile, as [rows, classes]. */
  logits(classes: number): AnyTensor;
}

/** Some rows of a call at work. */
export interface Chunk extends Part {
  /** Which rows of the call they are. */
  readonly rows: readonly number[];
  /** Whether no gradient by weights or bias has been begun before. */
  readonly isFirst: boolean;
  /** [rows, hidden], if it is wanted. */
  readonly gradient?: AnyTensor;
  /** The same rows of the other heads. */
  readonly others: readonly Part[];
  /** Where the targets are among some classes: −2 elsewhere, −1 for an ignored row. */
  targets(first: number, classes: number): Int32Array;
  /** [1, rows] of ones. */
  ones(): AnyTensor;
}

/** Some classes. */
export interface Span {
  readonly first: number;
  readonly classes: number;
}

/** How a call is cut. */
export class Tiling {
  readonly #call: CheckedCall;
  readonly #room: Room;
  readonly #others: readonly Head[];
  readonly #tile: Tile;
  readonly #rows: number[];
  readonly #isMoved: boolean;

  constructor(call: CheckedCall, room: Room, others: readonly Head[] = []) {
    const { hidden, gradientHidden, gradientWeight } = call.tensors as Readonly<Record<string, AnyTensor>>;
    this.#call = call;
    this.#room = room;
    this.#others = others;
    // Where states or their gradient are on a GPU no row is left out: ignored ones are computed and come to nothing
    this.#isMoved = isInArray(hidden) && (gradientHidden === undefined || isInArray(gradientHidden));
    const all = Array.from({ length: call.dims.rows }, (_, row) => row);
    const counted = this.#isMoved ? all.filter((row) => this.#target(row) >= 0) : all;
    // What no row adds to is cleared, or, on a GPU, computed from rows that come to nothing
    this.#rows = counted.length > 0 || gradientWeight === undefined || isInArray(gradientWeight) ? counted : all;
    // Rows of a chunk then have few classes of their own
    if (this.#isMoved && call.params.forAll !== undefined) this.#rows.sort((a, b) => this.#target(a) - this.#target(b));
    const heads = [HEAD, ...others], { limitBytes, mostRows } = room;
    const width = heads.reduce((sum, head) => sum + this.#tensor(head.hidden).columns, 0);
    const sizes = { rows: this.#rows.length, vocab: call.dims.vocab, width, heads: heads.length };
    this.#tile = tileOf({ ...sizes, limitBytes, mostRows });
  }

  /**
   * Runs of classes, in order. A head has all classes of a run or none. Beyond those that are for all rows only those that some
   * rows' targets are among: gradients by these must be 0 before.
   */
  *spans(rows: readonly number[] = []): Generator<Span> {
    const { forAll = this.#call.dims.vocab } = this.#call.params;
    const sizes = [HEAD, ...this.#others].map((head) => this.#tensor(head.weight).rows);
    const ends = [...sizes.filter((size) => size < forAll), forAll].sort((a, b) => a - b);
    let first = 0;
    for (const end of ends) {
      yield* this.#cut(first, end);
      first = end;
    }
    const own = rows.map((row) => this.#target(row)).filter((target) => target >= forAll);
    if (own.length > 0) yield* this.#cut(Math.min(...own), Math.max(...own) + 1);
  }

  /** Runs of the classes that have weights and take no part. */
  *padding(): Generator<Span> {
    yield* this.#cut(this.#call.dims.vocab, this.#tensor(HEAD.weight).rows);
  }

  *#cut(first: number, end: number): Generator<Span> {
    const { classes } = this.#tile;
    for (; first < end; first += classes) yield { first, classes: Math.min(classes, end - first) };
  }

  /** The chunks, in order: each has the room of the one before. */
  *chunks(): Generator<Chunk> {
    const { rows: most } = this.#tile;
    for (let first = 0; first < this.#rows.length; first += most) {
      yield this.#chunk(this.#rows.slice(first, first + most), first === 0);
    }
    this.#clear();
  }

  #chunk(rows: readonly number[], isFirst: boolean): Chunk {
    const room = this.#room, gradient = this.#call.tensors.gradientHidden;
    return {
      ...this.#part(HEAD, rows),
      rows,
      isFirst,
      gradient: isInArray(gradient)
        ? room.matrix("gradientHidden", rows.length, gradient.columns)
        : gradient && rowsOf(gradient, rows[0], rows.length),
      others: this.#others.map((head) => this.#part(head, rows)),
      targets: (first, classes) => Int32Array.from(rows, (row) => place(this.#target(row), first, classes)),
      ones: () => room.matrix("ones", 1, rows.length, new Float32Array(rows.length).fill(1)),
    };
  }

  #part(head: Head, rows: readonly number[]): Part {
    const room = this.#room, hidden = this.#tensor(head.hidden);
    const tile = room.matrix(head.logits, this.#tile.rows, this.#tile.classes);
    return {
      head,
      hidden: isInArray(hidden)
        ? room.matrix(head.hidden, rows.length, hidden.columns, gather(hidden, rows))
        : rowsOf(hidden, rows[0], rows.length),
      logits: (classes) => ({ ...tile, rows: rows.length, columns: classes }),
    };
  }

  /** Whether a chunk's gradient by states is to be read and scattered. */
  get isScattered(): boolean {
    return isInArray(this.#call.tensors.gradientHidden);
  }

  /** Writes a chunk's gradient by states to the call's rows. */
  scatter(rows: readonly number[], elements: Float32Array): void {
    const columns = this.#call.dims.hidden, gradient = this.#call.tensors.gradientHidden as Tensor;
    rows.forEach((row, i) => writeRow(gradient, row, elements.subarray(i * columns, (i + 1) * columns)));
  }

  /** Clears the gradients of rows that were not computed, and, if there were none, what is a sum over rows. */
  #clear(): void {
    const { gradientHidden, gradientWeight } = this.#call.tensors;
    if (this.#rows.length > 0 && this.#rows.length === this.#call.dims.rows) return;
    if (isInArray(gradientHidden)) clearRows(gradientHidden, (row) => this.#target(row) < 0);
    if (this.#rows.length === 0 && isInArray(gradientWeight)) clearRows(gradientWeight);
  }

  /** The target of a row that has one, and else some class. */
  #target(row: number): number {
    return (this.#call.tensors.targets as Tensor | undefined)?.data[row] ?? 0;
  }

  #tensor(name: string): AnyTensor {
    return this.#call.tensors[name] as AnyTensor;
  }
}

function isInArray(tensor: AnyTensor | undefined): tensor is Tensor {
  return tensor !== undefined && !isOnDevice(tensor);
}

/** Where a target is among some classes. */
function place(target: number, first: number, classes: number): number {
  if (target < 0) return -1;
  return target >= first && target < first + classes ? target - first : -2;
}
