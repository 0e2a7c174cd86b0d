// The functions without promises, and what all functions report.

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import * as asynchronous from "../mod.ts";
import * as sync from "../src/sync.ts";
import { onEachBackend, onEachSyncBackend } from "./backends.ts";
import { matrix, normalRows } from "./matrices.ts";
import { Random } from "./random.ts";

const VOCAB = 1500;
const random = new Random(18);
const [ROWS, OTHERS] = [normalRows(random, 200, VOCAB, 3), normalRows(random, 200, VOCAB, 3)];
const TARGETS = ROWS.map((_, row) => row % 7 === 0 ? -100 : row % VOCAB);
const CLASSES = TARGETS.map(Math.abs);
const p = matrix(ROWS), q = matrix(OTHERS);

onEachSyncBackend("the functions without promises give the same as those with", async (on) => {
  const smoothed = { ...on, labelSmoothing: 0.1, gradient: true } as const;
  const pairs = [
    [sync.logSumExp(p, on), await asynchronous.logSumExp(p, on)],
    [sync.softmax(p, on), await asynchronous.softmax(p, on)],
    [sync.logSoftmax(p, { ...on, softcap: 9 }), await asynchronous.logSoftmax(p, { ...on, softcap: 9 })],
    [sync.entropy(p, { ...on, base: 2 }), await asynchronous.entropy(p, { ...on, base: 2 })],
    [sync.crossEntropy(p, TARGETS, smoothed), await asynchronous.crossEntropy(p, TARGETS, smoothed)],
    [
      sync.tokenStatistics(p, CLASSES, { ...on, top: 3 }),
      await asynchronous.tokenStatistics(p, CLASSES, { ...on, top: 3 }),
    ],
    [
      sync.klDivergence(p, q, { ...on, gradient: "q" }),
      await asynchronous.klDivergence(p, q, { ...on, gradient: "q" }),
    ],
    [
      sync.distillationLoss(p, q, TARGETS, { ...on, gradient: true }),
      await asynchronous.distillationLoss(p, q, TARGETS, { ...on, gradient: true }),
    ],
    [sync.jsDivergence(p, q, { ...on, beta: 0.3 }), await asynchronous.jsDivergence(p, q, { ...on, beta: 0.3 })],
  ] as const;
  for (const [{ report: here, ...found }, { report: there, ...expected }] of pairs) {
    assertEquals<unknown>(found, expected);
    assertEquals([here.backend, here.bytesRead], [there.backend, there.bytesRead]);
  }
});

onEachBackend("every report says which backend ran and why", async (on) => {
  const { report } = await asynchronous.logSumExp(p, on);
  assertEquals(report.backend, on.backend);
  assertMatch(report.reason, /asked for by name/);
  assertGreater(report.seconds, 0);
  assertEquals([report.bytesRead, report.bytesWritten], [4 * 200 * VOCAB, 4 * 200]);
});

Deno.test("without a wish the fastest backend runs, and the report says so", async () => {
  const { report } = await asynchronous.logSumExp(p);
  assertMatch(report.reason, /predicted .* [mµn]s, a GPU .* ms/);
});
