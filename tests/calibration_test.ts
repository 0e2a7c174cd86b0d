// calibration: against the definition in f64, bins, edges and bad input.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { calibration, type CalibrationOptions } from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import { onEachBackend } from "./backends.ts";
import { matrix, normalRows } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";

const [ROWS, VOCAB] = [60, 11], LOGITS = normalRows(new Random(3), ROWS, VOCAB, 2);
const TARGETS = Array.from(
  { length: ROWS },
  (_, row) => row % 3 === 0 ? LOGITS[row].indexOf(Math.max(...LOGITS[row])) : row % VOCAB,
);

onEachBackend("calibration() is within its bound of the definition", async (on) => {
  const result = await calibration(matrix(LOGITS), TARGETS, on), p = oracle.softmax(LOGITS).probabilities;
  let expected = 0;
  const gaps = new Float64Array(15);
  LOGITS.forEach((_, row) => {
    const own = p.subarray(row * VOCAB, (row + 1) * VOCAB), top = Math.max(...own);
    const brier = own.reduce((sum, x, k) => sum + (x - (k === TARGETS[row] ? 1 : 0)) ** 2, 0);
    assertAlmostEquals(result.confidence[row], top, 4e-6);
    assertAlmostEquals(result.brier[row], brier, 4e-6);
    assertEquals(result.correct[row], own[TARGETS[row]] === top ? 1 : 0);
    gaps[Math.ceil(top * 15) - 1] += result.correct[row] - top;
    expected += brier / ROWS;
  });
  assertAlmostEquals(result.brierScore, expected, 4e-6);
  assertAlmostEquals(result.expectedCalibrationError, gaps.reduce((sum, x) => sum + Math.abs(x), 0) / ROWS, 4e-6);
  assertEquals(result.bins.reduce((sum, { count }) => sum + count, 0), ROWS);
  const worst = Math.max(
    ...result.bins.filter(({ count }) => count > 0).map((b) => Math.abs(b.accuracy - b.confidence)),
  );
  assertAlmostEquals(result.maximumCalibrationError, worst, 1e-12);
});

onEachBackend(
  "calibration() leaves ignored rows unread, keeps to (a, b], and says NaN of rows without a distribution",
  async (on) => {
    const inf = Infinity, logits = matrix([[0, 0], [NaN, NaN], [0, -inf]]);
    const { bins, brier, confidence, correct, expectedCalibrationError } = await calibration(logits, [1, -100, 0], {
      ...on,
      bins: 2,
    });
    assertEquals([...confidence], [0.5, NaN, 1]);
    assertEquals([...brier], [0.5, NaN, 0]);
    assertEquals([...correct], [1, 0, 1]);
    assertEquals(bins.map(({ count }) => count), [1, 1]);
    assertEquals(expectedCalibrationError, 0.25);
    for (const row of [[NaN, 0], [-inf, -inf], [inf, 0]]) {
      const bad = await calibration(matrix([row, [0, 1]]), [0, 1], on);
      assertEquals(
        [bad.accuracy, bad.brierScore, bad.meanConfidence, bad.expectedCalibrationError, bad.maximumCalibrationError],
        [NaN, NaN, NaN, NaN, NaN],
      );
    }
    const far = await calibration(matrix([[0, 200]]), [0], on);
    assertEquals(far.brierScore, 2);
  },
);

Deno.test("calibration() without a promise, and of no rows", async () => {
  const result = synchronous.calibration(matrix(LOGITS), TARGETS, { backend: "wasm", temperature: 3 });
  const other = await calibration(matrix(LOGITS), TARGETS, { backend: "wasm", temperature: 3 });
  assertEquals(result.confidence, other.confidence);
  assert(result.meanConfidence < (await calibration(matrix(LOGITS), TARGETS)).meanConfidence);
  assertEquals((await calibration({ data: new Float32Array(), shape: [0, 3] }, [])).accuracy, NaN);
});

const BAD: readonly (readonly [object, unknown, ErrorConstructor, string])[] = [
  [{ bins: 0 }, TARGETS, RangeError, "bins is 0, less than 1"],
  [{ bins: 1.5 }, TARGETS, RangeError, "bins is 1.5, not an integer"],
  [{ bins: 1e7 }, TARGETS, RangeError, "bins is 10000000, more than 1000000"],
  [{ temperature: 2 ** -149 }, TARGETS, RangeError, "temperature / 2"],
  [{}, [0], TypeError, "targets has 1 elements"],
  [{ gradient: true }, TARGETS, TypeError, 'there is no option "gradient"'],
];

for (const [options, targets, error, problem] of BAD) {
  Deno.test(`calibration() refuses: ${problem}`, async () => {
    const call = () => calibration(matrix(LOGITS), targets as number[], options as CalibrationOptions);
    await assertRejects(call, error, `Cannot compute calibration: ${problem}`);
  });
}
