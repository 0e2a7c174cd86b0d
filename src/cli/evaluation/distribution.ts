/** Percentiles of a number a row: exact up to ten million rows, and to half a thousandth beyond. */
import { cellOf, isCell, middleOf } from "./coarse.ts";
import { Extreme } from "./count.ts";
import { readList, readObject, readText, readWhole, wrong } from "./json.ts";
import type { Accumulator } from "./state.ts";

/** Numbers that are all kept: 40 MB, 53 MB in a file. Six times as much is still a text that one string can be. */
const MOST_KEPT = 1e7;

/** A number and how often it came. */
export type Occurrence = readonly [value: number, times: number];

/**
 * f32 numbers, NaN left out: all of them up to a limit, above it how many lie in each of cells 2⁻¹⁰ of a number wide. Which
 * of the two, and every bit of it, follows from the numbers alone, whatever their order and however they came together.
 */
export class Distribution implements Accumulator {
  readonly #limit: number;
  readonly #min = new Extreme(Math.min);
  readonly #max = new Extreme(Math.max);
  #count = 0;
  #kept = new Float32Array(64);
  #isSorted = true;
  #cells: Map<number, number> | undefined;

  /** A distribution that keeps up to `limit` numbers. */
  constructor(limit = MOST_KEPT) {
    this.#limit = limit;
  }

  /** How many numbers there are. */
  get count(): number {
    return this.#count;
  }

  /** Whether all numbers are kept. */
  get isExact(): boolean {
    return this.#cells === undefined;
  }

  /** Adds numbers. */
  add(values: Float32Array): void {
    for (const value of values) if (!Number.isNaN(value)) this.#enter(value + 0); // −0 is 0
  }

  /** Below which number a share of them lies, between the two nearest as far as it is between their ranks. NaN of none. */
  quantile(share: number): number {
    if (this.#count === 0) return NaN;
    const rank = share * (this.#count - 1), below = Math.floor(rank), part = rank - below;
    const low = this.#at(below), high = part === 0 ? low : this.#at(below + 1);
    // Infinite numbers have no differences
    return low === high ? low : low * (1 - part) + high * part;
  }

  /** The numbers in rising order; where not all are kept, the middles of their cells. */
  *occurrences(): Generator<Occurrence> {
    if (this.#cells === undefined) { for (const value of this.#sorted()) yield [value, 1]; }
    else for (const [cell, times] of this.#ordered(this.#cells)) yield [middleOf(cell), times];
  }

  absorb(json: unknown, where: string): void {
    const { values, cells, counts, min, max } = readObject(json, where);
    if (values !== undefined) return this.add(readFloats(values, `${where}.values`));
    const keys = readList(cells, `${where}.cells`), times = readList(counts, `${where}.counts`);
    if (keys.length !== times.length) throw wrong(times.length, `${where}.counts.length`, String(keys.length));
    this.#min.absorb(min, `${where}.min`);
    this.#max.absorb(max, `${where}.max`);
    const into = this.#coarse();
    keys.forEach((key, i) => {
      if (typeof key !== "number" || !isCell(key)) throw wrong(key, `${where}.cells[${i}]`, "a cell");
      const added = readWhole(times[i], `${where}.counts[${i}]`);
      into.set(key, (into.get(key) ?? 0) + added);
      this.#count += added;
    });
  }

  toJSON(): unknown {
    if (this.#cells === undefined) return { values: writeFloats(this.#sorted()) };
    const ordered = this.#ordered(this.#cells);
    return { cells: ordered.map(([cell]) => cell), counts: ordered.map(([, n]) => n), min: this.#min, max: this.#max };
  }

  #enter(value: number): void {
    this.#min.add(value);
    this.#max.add(value);
    if (this.#count === this.#limit) this.#coarse();
    if (this.#cells !== undefined) count(this.#cells, value);
    else {
      if (this.#count === this.#kept.length) {
        const wider = new Float32Array(2 * this.#count);
        wider.set(this.#kept);
        this.#kept = wider;
      }
      this.#kept[this.#count] = value;
      this.#isSorted = false;
    }
    this.#count++;
  }

  /** The cells, which replace the numbers. */
  #coarse(): Map<number, number> {
    if (this.#cells !== undefined) return this.#cells;
    const cells = new Map<number, number>();
    for (const value of this.#kept.subarray(0, this.#count)) count(cells, value);
    this.#kept = new Float32Array();
    return this.#cells = cells;
  }

  #sorted(): Float32Array {
    const values = this.#kept.subarray(0, this.#count);
    if (!this.#isSorted) values.sort();
    this.#isSorted = true;
    return values;
  }

  #ordered(cells: ReadonlyMap<number, number>): Occurrence[] {
    return [...cells].sort(([a], [b]) => a - b);
  }

  /** The number of a rank, from 0. */
  #at(rank: number): number {
    if (rank === 0) return this.#min.value;
    if (rank === this.#count - 1) return this.#max.value;
    if (this.#cells === undefined) return this.#sorted()[rank];
    let seen = 0;
    for (const [value, times] of this.occurrences()) if ((seen += times) > rank) return value;
    return this.#max.value;
  }
}

function count(cells: Map<number, number>, value: number): void {
  const cell = cellOf(value);
  cells.set(cell, (cells.get(cell) ?? 0) + 1);
}

/** f32 numbers in base64, each with its lowest byte first, as every machine that runs this has them. */
function writeFloats(values: Float32Array): string {
  return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength).toBase64();
}

function readFloats(json: unknown, where: string): Float32Array {
  try {
    return new Float32Array(Uint8Array.fromBase64(readText(json, where)).buffer);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    throw wrong(json, where, "f32 numbers in base64");
  }
}
