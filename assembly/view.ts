// What a kernel is told of a tensor, and where it may scribble.
//
// The host writes one View a tensor and passes its address; an absent tensor is address 0.
// A workspace belongs to each instance of the module (one a thread), so the globals here are never shared.

/** Elements of a block: 4 KiB of f32, so that a block and everything computed from it stay in the first-level cache. */
export const BLOCK: i32 = 1024;

/** Elements of a segment. Segments are summed from nothing and merged in order, whoever computes them. */
export const SEGMENT: i32 = 8 * BLOCK;

/** Bytes of a block of f32. */
export const BLOCK_BYTES: usize = 4096;

/**
 * Rows `stride` bytes apart, of `columns` elements of type `dtype` (matrices: 0 f32, 1 f16, 2 bf16; vectors have one type
 * each). A matrix may have fewer columns than there are classes.
 */
@unmanaged
export class View {
  address: usize;
  stride: usize;
  dtype: i32;
  columns: i32;

  @inline
  row(index: i32): usize {
    return this.address + <usize>index * this.stride;
  }

  @inline
  get present(): bool {
    return changetype<usize>(this) != 0;
  }
}

let base: usize = 0;

/** Gives this instance its workspace: address of eight blocks, two partials and 2048 bases, 64-byte aligned. */
export function workspace(address: usize): void {
  base = address;
}

/** Address of scratch block `index`, 0 to 7; 8 is one past them. */
@inline
export function scratch(index: i32): usize {
  return base + <usize>index * BLOCK_BYTES;
}

/** Address of this thread's partial `index`, 0 or 1, past its scratch blocks. */
@inline
export function ownPartial(index: i32): usize {
  return scratch(8) + (<usize>index << 6);
}

/** Elements of the block that begins at element `start` of a row, at most BLOCK. */
@inline
export function blockLength(start: i32, vocab: i32): i32 {
  return min(BLOCK, vocab - start);
}

/** The vector loops work on sixteen elements at a time; blocks are padded up to that. */
@inline
export function padded(length: i32): i32 {
  return (length + 15) & ~15;
}
