// What reading costs and nothing else, for calibration: a sum of the bits of each row. words [rows, vocab] → result [rows].
// Integer additions are the cheapest arithmetic that cannot be left out; four sums, so that none waits for another. A row is
// read in whole steps of 64 bytes; what a row has beyond them is not read.

import { View } from "./view";

export function probe(words: View, result: View, rows: i32, vocab: i32): void {
  for (let row = 0; row < rows; row++) {
    let address = words.row(row);
    const end = address + (<usize>vocab << 2 & ~63);
    let a = i32x4.splat(0), b = a, c = a, d = a;
    for (; address < end; address += 64) {
      a = i32x4.add(a, v128.load(address));
      b = i32x4.add(b, v128.load(address, 16));
      c = i32x4.add(c, v128.load(address, 32));
      d = i32x4.add(d, v128.load(address, 48));
    }
    const sum = i32x4.add(i32x4.add(a, b), i32x4.add(c, d));
    const even = i32x4.extract_lane(sum, 0) ^ i32x4.extract_lane(sum, 2);
    store<i32>(result.row(row), even ^ i32x4.extract_lane(sum, 1) ^ i32x4.extract_lane(sum, 3));
  }
}
