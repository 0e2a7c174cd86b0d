// fitTemperature: against a scan of the oracle, known scalings, bounds and bad input.

import { assert, assertAlmostEquals, assertEquals, assertLess, assertRejects } from "@std/assert";
import { calibration, fitTemperature, type FitTemperatureOptions } from "../mod.ts";
import * as synchronous from "../src/sync.ts";
import { onEachBackend } from "./backends.ts";
import { matrix, normalRows } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";

const [ROWS, VOCAB] = [400, 7], RANDOM = new Random(11), LOGITS = normalRows(RANDOM, ROWS, VOCAB, 1.5);
/** Drawn from the logits' own softmax, which is therefore calibrated. */
const TARGETS = LOGITS.map((row) => {
  const p = oracle.softmax([row]).probabilities;
  let left = RANDOM.integer(2 ** 30) / 2 ** 30, k = 0;
  while (k < VOCAB - 1 && (left -= p[k]) > 0) k++;
  return k;
});

function lossAt(temperature: number): number {
  const { loss } = oracle.crossEntropy(LOGITS, { targets: TARGETS, temperature });
  return loss.reduce((sum, x) => sum + x, 0) / ROWS;
}

onEachBackend("fitTemperature() finds the least loss of a scan, and undoes a scaling", async (on) => {
  const { temperature, loss, lossBefore, iterations } = await fitTemperature(matrix(LOGITS), TARGETS, on);
  for (let i = -60; i <= 60; i++) assert(lossAt(temperature) <= lossAt(temperature * Math.exp(i / 20)) + 1e-12);
  assert(lossAt(temperature * 1.002) > lossAt(temperature) && lossAt(temperature / 1.002) > lossAt(temperature));
  assertAlmostEquals(loss, lossAt(temperature), 2e-6);
  assertAlmostEquals(lossBefore, lossAt(1), 2e-6);
  assertLess(iterations, 40);
  const tripled = matrix(LOGITS.map((row) => row.map((x) => 3 * x)));
  const scaled = await fitTemperature(tripled, TARGETS, on);
  assertAlmostEquals(scaled.temperature / (3 * temperature), 1, 1e-4);
  assertAlmostEquals(scaled.temperature, 3, 0.5);
  const [before, after] = await Promise.all(
    [1, scaled.temperature].map((temperature) => calibration(tripled, TARGETS, { ...on, temperature })),
  );
  assertLess(after.expectedCalibrationError, before.expectedCalibrationError);
});

onEachBackend("fitTemperature() returns a bound where the loss falls towards it, and ignores rows", async (on) => {
  const right = matrix([[2, 0], [NaN, NaN], [0, 2]]), bounds = { ...on, least: 0.5, most: 8 };
  assertEquals((await fitTemperature(right, [0, -100, 1], bounds)).temperature, 0.5);
  assertEquals((await fitTemperature(right, [1, -100, 0], bounds)).temperature, 8);
  for (const targets of [[0, 0, 1], [-100, -100, -100]]) {
    assertEquals((await fitTemperature(right, targets, on)).temperature, NaN);
  }
  const impossible = await fitTemperature(matrix([[-Infinity, 0]]), [0], on);
  assertEquals([impossible.temperature, impossible.loss], [NaN, Infinity]);
});

Deno.test("fitTemperature() without a promise", async () => {
  const one = synchronous.fitTemperature(matrix(LOGITS), TARGETS, { backend: "wasm" });
  assertEquals(one.temperature, (await fitTemperature(matrix(LOGITS), TARGETS, { backend: "wasm" })).temperature);
});

const BAD: readonly (readonly [object, unknown, ErrorConstructor, string])[] = [
  [{ least: 0 }, TARGETS, RangeError, "least is 0, not above 0"],
  [{ least: 2, most: 1 }, TARGETS, RangeError, "most is 1, less than 2"],
  [{ softcap: -1 }, TARGETS, RangeError, "softcap is -1"],
  [{}, [0], TypeError, "targets has 1 elements"],
  [{ temperature: 2 }, TARGETS, TypeError, 'there is no option "temperature"'],
];

for (const [options, targets, error, problem] of BAD) {
  Deno.test(`fitTemperature() refuses: ${problem}`, async () => {
    const call = () => fitTemperature(matrix(LOGITS), targets as number[], options as FitTemperatureOptions);
    await assertRejects(call, error, `Cannot compute fitTemperature: ${problem}`);
  });
}
