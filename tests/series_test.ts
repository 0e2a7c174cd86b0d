// Operations that are computed as several calls, and what they report.

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { BackendName, Report } from "../mod.ts";
import type { CheckedCall } from "../src/operation.ts";
import { runSeries, runSeriesSync } from "../src/ops/linear/series.ts";
import { record } from "../src/ops/log_sum_exp.ts";
import { vector } from "../src/tensors.ts";

/** A log-sum-exp of two zeros, which goes to `result`. */
function callOn(backend: BackendName, result = new Float32Array(1), signal?: AbortSignal): CheckedCall {
  const tensors = { logits: vector(new Float32Array(2), 2), logSumExp: vector(result) };
  return {
    operation: record,
    dims: { rows: 1, vocab: 2 },
    tensors,
    params: record.params,
    options: { backend, signal },
  };
}

const series = (...backends: readonly BackendName[]) => () => ({
  calls: backends.map((backend) => callOn(backend)),
  finish: (report: Report) => report,
});

Deno.test("a series of calls reports the sums of all, where the first ran, and how many did not", async () => {
  const backends = ["reference", "wasm", "wasm"] as const;
  for (const report of [runSeriesSync(series(...backends)), await runSeries(series(...backends))]) {
    assertEquals([report.backend, report.bytesRead, report.bytesWritten], ["reference", 3 * 8, 3 * 4]);
    assertEquals(report.reason, "plain TypeScript in f64: asked for by name; 2 of 3 calls on wasm");
    const predicted = await Promise.all(backends.map((backend) => runSeries(series(backend))));
    assertEquals(report.predictedSeconds, predicted.reduce((sum, one) => sum + one.predictedSeconds, 0));
    assert(!("gpuSeconds" in report) && report.seconds > 0);
  }
});

Deno.test("a series asks for a call when the one before has been computed, and stops at its signal", async () => {
  const results: number[] = [], controller = new AbortController();
  function* calls(): Generator<CheckedCall> {
    const result = new Float32Array(1);
    for (let i = 0; i < 3; i++) {
      yield callOn("wasm", result, controller.signal);
      results.push(result[0]);
      result[0] = 0;
      if (i === 1) controller.abort(new Error("enough"));
    }
  }
  await assertRejects(() => runSeries(() => ({ calls: calls(), finish: () => 0 })), Error, "enough");
  assertEquals(results, [Math.fround(Math.LN2), Math.fround(Math.LN2)]);
});
