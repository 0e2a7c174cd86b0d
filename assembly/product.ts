// Matrix products: product [outer, rows] (+)= left·right in f32, by panels of eight columns.
// productNT: left [outer, inner], right [rows, inner], bias? [rows] → Σ_k left[m, k]·right[n, k] + bias[n].
// productNN: left [outer, inner], right [inner, rows]. productTN: left [inner, outer], right [inner, rows].
// Left and product are f32, right is of any dtype. With `previous`, which is the product's place, sums are added to it. `sparse`:
// pieces of the left matrix that are all 0 are looked for, and add nothing, not even 0·∞.
//
// The product's columns are the call's rows: threads share them, and each packs what it needs of the right matrix once. A panel
// is eight columns by up to DEPTH steps in the first-level cache. A tile of 6 × 8 sums stays in twelve registers: a step loads
// two vectors of the panel, spreads six numbers of the left matrix from where they lie and takes twelve multiply-adds. What is
// missing of the last tile is computed and not written. Each sum goes in order of k by runs of DEPTH, so that its bits depend
// on the inner size alone.

import { View, scratch } from "./view";
import { widen } from "./convert";
import { madd } from "./math";
import { DEPTH, HEIGHT, canExamine, examine, isNothing } from "./pieces";

/** Where a thread has its panel: scratch blocks 0 and 1. */
@inline
function panelAt(): usize {
  return scratch(0);
}

/** Room for four pieces of rows, widened: scratch block 4. */
@inline
function spareAt(): usize {
  return scratch(4);
}

export function productNT(
  left: View,
  right: View,
  bias: View,
  previous: View,
  product: View,
  outer: i32,
  inner: i32,
  rows: i32,
): void {
  multiply(left, right, bias, previous, product, outer, inner, rows, false, false, true);
}

export function productNN(
  left: View,
  right: View,
  previous: View,
  product: View,
  outer: i32,
  inner: i32,
  rows: i32,
  sparse: i32,
): void {
  multiply(left, right, changetype<View>(0), previous, product, outer, inner, rows, sparse != 0, false, false);
}

export function productTN(
  left: View,
  right: View,
  previous: View,
  product: View,
  inner: i32,
  outer: i32,
  rows: i32,
  sparse: i32,
): void {
  multiply(left, right, changetype<View>(0), previous, product, outer, inner, rows, sparse != 0, true, false);
}

function multiply(
  left: View,
  right: View,
  bias: View,
  previous: View,
  product: View,
  outer: i32,
  inner: i32,
  rows: i32,
  isSparse: bool,
  isLeftTurned: bool,
  isRightTurned: bool,
): void {
  const isExamined = isSparse && canExamine(outer, inner);
  if (isExamined) examine(left, outer, inner, isLeftTurned);
  for (let column = 0; column < rows; column += 8) {
    const columns = min(8, rows - column);
    if (bias.present) spread(bias, column, columns, product, outer, previous.present);
    for (let start = 0; start < inner; start += DEPTH) {
      const depth = min(DEPTH, inner - start);
      if (isRightTurned) packRows(right, column, columns, start, depth);
      else packColumns(right, start, depth, column, columns);
      const adds = start > 0 || previous.present || bias.present;
      for (let row = 0; row < outer; row += HEIGHT) {
        const skips = isExamined && isNothing(outer, row, start);
        if (skips && adds) continue;
        const height = min(HEIGHT, outer - row), steps = skips ? 0 : depth, to = product.row(row) + (<usize>column << 2);
        if (isLeftTurned) {
          const at = left.row(start) + (<usize>row << 2);
          tile(at, 4, left.stride, steps, height, to, product.stride, columns, adds);
        } else {
          const at = left.row(row) + (<usize>start << 2);
          tile(at, left.stride, 4, steps, height, to, product.stride, columns, adds);
        }
      }
    }
  }
}

/** Begins columns of the product with their bias, or adds it. */
function spread(bias: View, column: i32, columns: i32, product: View, outer: i32, adds: bool): void {
  for (let row = 0; row < outer; row++) {
    const to = product.row(row) + (<usize>column << 2);
    for (let j = 0; j < columns; j++) {
      const at = to + (<usize>j << 2), value = load<f32>(bias.row(column + j));
      store<f32>(at, adds ? load<f32>(at) + value : value);
    }
  }
}

/** A panel of a right matrix whose columns are in rows: element [k][j] is right[column + j, start + k]. */
function packRows(right: View, column: i32, columns: i32, start: i32, depth: i32): void {
  for (let half = 0; half < 8; half += 4) {
    const count = min(4, columns - half), to = panelAt() + (<usize>half << 2);
    const a = piece(right, column + half, 0, count, start, depth), b = piece(right, column + half, 1, count, start, depth);
    const c = piece(right, column + half, 2, count, start, depth), d = piece(right, column + half, 3, count, start, depth);
    turn(a, b, c, d, to, depth);
  }
}

/** Where `depth` elements of row `index` of `count` are as f32, or those of a row before if there is no such. */
function piece(view: View, first: i32, index: i32, count: i32, start: i32, depth: i32): usize {
  const row = first + (index < count ? index : min(0, count - 1));
  if (view.dtype == 0) return view.row(row) + (<usize>start << 2);
  const target = spareAt() + <usize>index * (DEPTH << 2), padded = (depth + 7) & ~7;
  let source = view.row(row) + (<usize>start << 1);
  if (padded != depth) {
    const copy = target + (DEPTH << 1); // widening from the upper half never overtakes itself
    memory.copy(copy, source, <usize>depth << 1);
    source = copy;
  }
  widen(source, target, padded, view.dtype, padded != depth);
  return target;
}

/** Four rows of `depth` numbers into steps of a panel, eight lanes each. */
function turn(a: usize, b: usize, c: usize, d: usize, to: usize, depth: i32): void {
  let k = 0;
  for (; k + 4 <= depth; k += 4, a += 16, b += 16, c += 16, d += 16, to += 128) {
    const va = v128.load(a), vb = v128.load(b), vc = v128.load(c), vd = v128.load(d);
    const ab = v128.shuffle<f32>(va, vb, 0, 4, 1, 5), cd = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5);
    const ef = v128.shuffle<f32>(va, vb, 2, 6, 3, 7), gh = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2));
    v128.store(to, v128.shuffle<f64>(ab, cd, 1, 3), 32);
    v128.store(to, v128.shuffle<f64>(ef, gh, 0, 2), 64);
    v128.store(to, v128.shuffle<f64>(ef, gh, 1, 3), 96);
  }
  for (; k < depth; k++, a += 4, b += 4, c += 4, d += 4, to += 32) {
    store<f32>(to, load<f32>(a));
    store<f32>(to, load<f32>(b), 4);
    store<f32>(to, load<f32>(c), 8);
    store<f32>(to, load<f32>(d), 12);
  }
}

/** A panel of a right matrix as it lies: element [k][j] is right[start + k, column + j]. */
function packColumns(right: View, start: i32, depth: i32, column: i32, columns: i32): void {
  const width = right.dtype == 0 ? 2 : 1, spare = spareAt();
  let source = right.row(start) + (<usize>column << width), to = panelAt();
  for (let k = 0; k < depth; k++, source += right.stride, to += 32) {
    let from = source;
    if (columns < 8) {
      memory.copy(spare, source, <usize>columns << width);
      from = spare;
    }
    if (width == 1) widen(from, to, 8, right.dtype, false);
    else {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
    }
  }
}

/** Adds up to six rows of the left matrix times the panel to a tile of the product, or begins it. */
@inline
function tile(
  left: usize,
  down: usize,
  along: usize,
  depth: i32,
  height: i32,
  product: usize,
  stride: usize,
  columns: i32,
  adds: bool,
): void {
  let a = left;
  let b = a + (height > 1 ? down : 0);
  let c = b + (height > 2 ? down : 0);
  let d = c + (height > 3 ? down : 0);
  let e = d + (height > 4 ? down : 0);
  let f = e + (height > 5 ? down : 0);
  let a0 = f32x4.splat(0), a1 = a0;
  let b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0, e0 = a0, e1 = a0, f0 = a0, f1 = a0;
  let panel = panelAt();
  for (const end = panel + (<usize>depth << 5); panel < end; panel += 32) {
    let x: v128;
    const low = v128.load(panel), high = v128.load(panel, 16);
    x = v128.load32_splat(a);
    a0 = madd(x, low, a0), a1 = madd(x, high, a1);
    x = v128.load32_splat(b);
    b0 = madd(x, low, b0), b1 = madd(x, high, b1);
    x = v128.load32_splat(c);
    c0 = madd(x, low, c0), c1 = madd(x, high, c1);
    x = v128.load32_splat(d);
    d0 = madd(x, low, d0), d1 = madd(x, high, d1);
    x = v128.load32_splat(e);
    e0 = madd(x, low, e0), e1 = madd(x, high, e1);
    x = v128.load32_splat(f);
    f0 = madd(x, low, f0), f1 = madd(x, high, f1);
    a += along, b += along, c += along, d += along, e += along, f += along;
  }
  put(product, a0, a1, columns, adds);
  if (height > 1) put(product + stride, b0, b1, columns, adds);
  if (height > 2) put(product + 2 * stride, c0, c1, columns, adds);
  if (height > 3) put(product + 3 * stride, d0, d1, columns, adds);
  if (height > 4) put(product + 4 * stride, e0, e1, columns, adds);
  if (height > 5) put(product + 5 * stride, f0, f1, columns, adds);
}

/** Writes the sums of a row of a tile, or adds them. */
@inline
function put(at: usize, low: v128, high: v128, columns: i32, adds: bool): void {
  if (columns == 8) {
    v128.store(at, adds ? f32x4.add(v128.load(at), low) : low);
    v128.store(at, adds ? f32x4.add(v128.load(at, 16), high) : high, 16);
    return;
  }
  const spare = spareAt();
  v128.store(spare, low);
  v128.store(spare, high, 16);
  for (let i: usize = 0, end = <usize>columns << 2; i < end; i += 4) {
    store<f32>(at + i, adds ? load<f32>(at + i) + load<f32>(spare + i) : load<f32>(spare + i));
  }
}
