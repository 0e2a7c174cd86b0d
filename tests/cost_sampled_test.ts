// The arithmetic of sampled softmax.

import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertLess, assertLessOrEqual, assertThrows } from "@std/assert";
import { type SampledOptions, sampledSoftmax } from "../src/cost/sampled.ts";

const SIZES = fc.record({
  vocab: fc.integer({ min: 2, max: 1_000_000 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  rows: fc.integer({ min: 1, max: 100_000 }),
  hidden: fc.option(fc.integer({ min: 1, max: 8192 }), { nil: undefined }),
  dtype: fc.constantFrom("f32", "f16", "bf16"),
  fixedShare: fc.double({ min: 0, max: 1, noNaN: true }).map((share) => Math.fround(share)),
}).map(({ share, ...sizes }) => ({ ...sizes, samples: 1 + Math.floor(share * (sizes.vocab - 1)) }));

Deno.test("sampledSoftmax() gains what can be counted by hand", () => {
  const cost = sampledSoftmax({ vocab: 1000, samples: 10, rows: 30, hidden: 20, dtype: "f16", fixedShare: 0.25 });
  const weights = 2 * 20 * (10 + 30), full = 2 * (30 + 20) * 1000;
  assertEquals([cost.gatheredBytes, cost.drawnBytes], [2 * weights, 10 * 16]);
  assertEquals([cost.speedupInLogits, cost.logitsPerRow, cost.fullLogitsPerRow], [100, 11, 1000]);
  const sampled = 2 * 30 * 11 + 3 * weights + 10 * 16;
  assertAlmostEquals(cost.speedup, full / (0.25 * full + 0.75 * sampled), 1e-12);
  assertAlmostEquals(
    sampledSoftmax({ vocab: 1000, samples: 10, rows: 30 }).speedup,
    4 * 30 * 1000 / (4 * 30 * 11 + 160),
    1e-12,
  );
});

Deno.test("sampledSoftmax() gains less than the textbook says, and never more than Amdahl allows", () => {
  fc.assert(fc.property(SIZES, (sizes) => {
    const { speedup, speedupInLogits } = sampledSoftmax(sizes);
    assertLessOrEqual(speedup * sizes.fixedShare, 1 + 1e-12);
    if (sizes.hidden === undefined) assertLessOrEqual(speedup, speedupInLogits * (1 + 1e-12));
    assertAlmostEquals(sampledSoftmax({ ...sizes, fixedShare: 1 }).speedup, 1, 1e-12);
  }));
  assertLess(sampledSoftmax({ vocab: 1000, samples: 1000, rows: 64, hidden: 64 }).speedup, 1);
});

Deno.test("sampledSoftmax() gains less with more samples, and changes less where more of a step is fixed", () => {
  fc.assert(fc.property(SIZES, (sizes) => {
    const { speedup } = sampledSoftmax({ ...sizes, fixedShare: 0 });
    const half = sampledSoftmax({ ...sizes, fixedShare: 0.5 }).speedup;
    assert(speedup >= 1 ? half >= 1 && half <= speedup : half <= 1 && half >= speedup, `${speedup}, ${half}`);
    const more = { ...sizes, fixedShare: 0, samples: Math.min(sizes.vocab, sizes.samples + 1) };
    assertLessOrEqual(sampledSoftmax(more).speedup, speedup);
  }));
});

Deno.test("sampledSoftmax() adds up over batches", () => {
  fc.assert(fc.property(SIZES, fc.integer({ min: 1, max: 1000 }), (sizes, rows) => {
    const [one, other, both] = [sizes.rows, rows, sizes.rows + rows].map((rows) => sampledSoftmax({ ...sizes, rows }));
    assertEquals(one.logitsBytes + other.logitsBytes, both.logitsBytes);
    assertEquals(one.sampledLogitsBytes + other.sampledLogitsBytes, both.sampledLogitsBytes);
    assertEquals(one.drawnBytes, both.drawnBytes);
  }));
});

Deno.test("sampledSoftmax() names what it refuses", () => {
  const wrong: readonly (readonly [options: object, kind: typeof RangeError | typeof TypeError, named: string])[] = [
    [{ vocab: 0, samples: 1 }, RangeError, "vocab is 0"],
    [{ vocab: 10, samples: 11 }, RangeError, "samples is 11"],
    [{ vocab: 10, samples: 0 }, RangeError, "samples is 0"],
    [{ vocab: 10, samples: 2.5 }, RangeError, "samples is 2.5"],
    [{ vocab: 10, samples: 2, rows: 0 }, RangeError, "rows is 0"],
    [{ vocab: 10, samples: 2, rows: 2 ** 53 }, RangeError, "rows is 9007199254740992"],
    [{ vocab: 10, samples: 2, hidden: 0 }, RangeError, "hidden is 0"],
    [{ vocab: 10, samples: 2, fixedShare: 1.5 }, RangeError, "fixedShare is 1.5"],
    [{ vocab: 10, samples: 2, fixedShare: NaN }, RangeError, "fixedShare is NaN"],
    [{ vocab: 10, samples: 2, dtype: "f64" }, RangeError, 'dtype is "f64"'],
    [{ vocab: 2 ** 30, samples: 2, rows: 2 ** 30 }, RangeError, "the bytes of logits and weights is"],
    [{ vocab: 3, samples: 2, rows: 2 ** 26, hidden: 2 ** 26 }, RangeError, "the bytes of gathered weights is"],
    [{ vocab: 10 }, TypeError, "samples is undefined"],
    [{ vocab: "10", samples: 2 }, TypeError, 'vocab is "10"'],
    [{ vocab: 10, sample: 2 }, TypeError, 'there is no option "sample"'],
  ];
  for (const [options, kind, named] of wrong) {
    assertThrows(() => sampledSoftmax(options as SampledOptions), kind, `Cannot compute sampledSoftmax: ${named}`);
  }
});
