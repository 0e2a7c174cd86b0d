// Pieces of the left matrix of a product, a tile's rows by a panel's steps, and which of them are nothing but zeros.

import { View, scratch } from "./view";

/** Steps of a panel, which takes 8 KiB. */
export const DEPTH: i32 = 256;

/** Rows of a tile. */
export const HEIGHT: i32 = 6;

/** Bytes of marks, one a piece: scratch blocks 5 to 7. */
const MARKS: i32 = 3 * 4096;
@inline
function marksAt(): usize {
  return scratch(5);
}

/** Columns whose bits are gathered at a time: whole tiles and whole vectors, in scratch block 4. */
const GATHERED: i32 = 1020;

@inline
function tilesOf(outer: i32): i32 {
  return (outer + HEIGHT - 1) / HEIGHT;
}

/** Whether there are marks enough. */
export function canExamine(outer: i32, inner: i32): bool {
  return tilesOf(outer) * ((inner + DEPTH - 1) / DEPTH) <= MARKS;
}

/** Whether an examined piece, from a row and a step on, has nothing in it. */
@inline
export function isNothing(outer: i32, row: i32, start: i32): bool {
  return load<u8>(marksAt() + <usize>(start / DEPTH * tilesOf(outer) + row / HEIGHT)) == 0;
}

/** Marks the pieces of the left matrix, a tile's rows by a panel's steps, in which anything is not 0. */
export function examine(left: View, outer: i32, inner: i32, isTurned: bool): void {
  const tiles = tilesOf(outer);
  for (let start = 0; start < inner; start += DEPTH) {
    const depth = min(DEPTH, inner - start), marks = marksAt() + <usize>(start / DEPTH * tiles);
    if (isTurned) examineColumns(left, outer, start, depth, marks);
    else {
      for (let row = 0; row < outer; row += HEIGHT) {
        let found: u32 = 0;
        for (let r = row, end = min(outer, row + HEIGHT); r < end && found == 0; r++) {
          found = anything(left.row(r) + (<usize>start << 2), depth);
        }
        store<u8>(marks + <usize>(row / HEIGHT), found != 0 ? 1 : 0);
      }
    }
  }
}

/** The bits that any of some numbers has. */
function anything(at: usize, count: i32): u32 {
  let bits = i32x4.splat(0), rest: u32 = 0;
  const end = at + (<usize>count << 2);
  for (; at + 16 <= end; at += 16) bits = v128.or(bits, v128.load(at));
  for (; at < end; at += 4) rest |= load<u32>(at);
  return v128.any_true(bits) ? 1 : rest;
}

/** The same where a tile's rows are columns: the bits of a few hundred of them are gathered row by row. */
function examineColumns(left: View, outer: i32, start: i32, depth: i32, marks: usize): void {
  for (let first = 0; first < outer; first += GATHERED) {
    const count = min(GATHERED, outer - first), bytes = <usize>count << 2, bits = scratch(4);
    memory.fill(bits, 0, bytes);
    for (let k = start; k < start + depth; k++) {
      const row = left.row(k) + (<usize>first << 2);
      let i: usize = 0;
      for (; i + 16 <= bytes; i += 16) v128.store(bits + i, v128.or(v128.load(bits + i), v128.load(row + i)));
      for (; i < bytes; i += 4) store<u32>(bits + i, load<u32>(bits + i) | load<u32>(row + i));
    }
    for (let i = 0; i < count; i += HEIGHT) {
      const found = anything(bits + (<usize>i << 2), min(HEIGHT, count - i));
      store<u8>(marks + <usize>((first + i) / HEIGHT), found != 0 ? 1 : 0);
    }
  }
}
