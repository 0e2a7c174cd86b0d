import { assertEquals, assertThrows } from "@std/assert";
import {
  crossEntropyPartial,
  finishPartials,
  klDivergencePartial,
  logSumExpPartial,
  type Matrix,
  mergePartials,
} from "../mod.ts";
import { onEachBackend } from "./backends.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { assertWithin } from "./tolerance.ts";

const VOCAB = 4321;
const ROWS = 3;

/** Rows of noise; the last row's first half is masked, so that the first shards have nothing of it. */
function sample(seed: number): Float32Array[] {
  const random = new Random(seed);
  const rows = Array.from({ length: ROWS }, () => Float32Array.from(random.normals(VOCAB, 5)));
  rows[ROWS - 1].fill(-Infinity, 0, VOCAB / 2);
  return rows;
}

/** Where each of `count` shards of unequal size begins, and the end. */
function cuts(count: number): number[] {
  return Array.from({ length: count + 1 }, (_, i) => Math.floor(VOCAB * (i / count) ** 1.5));
}

function shard(rows: readonly Float32Array[], start: number, end: number): Matrix {
  return {
    data: Float32Array.from(rows.flatMap((row) => [...row.subarray(start, end)])),
    shape: [rows.length, end - start],
  };
}

/** Calls `partialOf` for every shard of a split. */
function split<P>(count: number, partialOf: (start: number, end: number) => Promise<P>): Promise<P[]> {
  const at = cuts(count);
  return Promise.all(at.slice(1).map((end, i) => partialOf(at[i], end)));
}

for (const shards of [1, 2, 3, 7]) {
  onEachBackend(`logSumExpPartial() over ${shards} shards merges to the unsplit result`, async (choice) => {
    const rows = sample(1);
    const options = { ...choice, temperature: 0.5 };
    const parts = await split(shards, (start, end) => logSumExpPartial(shard(rows, start, end), options));
    const { logSumExp } = finishPartials(mergePartials(...parts));
    const expected = oracle.logSumExp(rows, { temperature: 0.5 }).logSumExp;
    assertWithin(logSumExp, { rule: "reduction", values: expected }, "logSumExp");
  });

  onEachBackend(`crossEntropyPartial() over ${shards} shards merges to the unsplit result`, async (choice) => {
    const rows = sample(2);
    const targets = [7, -100, VOCAB - 1];
    const parts = await split(shards, (firstClass, end) =>
      crossEntropyPartial(shard(rows, firstClass, end), targets, {
        ...choice,
        firstClass,
        vocab: VOCAB,
        labelSmoothing: 0.1,
      }));
    const { loss, logSumExp, hit } = finishPartials(mergePartials(...parts));
    const local = targets.map((target) => Math.max(-1, target));
    const expected = oracle.crossEntropy(rows, { targets: local, confidence: 0.9, smoothing: 0.1 / VOCAB });
    assertWithin(loss, { rule: "reduction", values: expected.loss }, "loss");
    assertWithin(logSumExp, { rule: "reduction", values: expected.logSumExp }, "logSumExp");
    assertEquals([...hit], [...expected.hit]);
  });

  onEachBackend(`klDivergencePartial() over ${shards} shards merges to the unsplit result`, async (choice) => {
    const p = sample(3), noise = new Random(4);
    const q = p.map((row, i) => row.map((x) => i === 0 ? x + 1e-4 * noise.normal() : x + noise.normal()));
    const parts = await split(
      shards,
      (start, end) => klDivergencePartial(shard(p, start, end), shard(q, start, end), choice),
    );
    const { divergence, logSumExpP } = finishPartials(mergePartials(...parts));
    const expected = oracle.klDivergence(p, q).divergence;
    assertWithin(divergence, { rule: "divergence", values: expected }, "divergence");
    assertWithin(logSumExpP, { rule: "reduction", values: oracle.logSumExp(p).logSumExp }, "logSumExpP");
  });
}

onEachBackend("partials keep the edges of the contract", async (choice) => {
  const of = (...values: number[]): Matrix => ({ data: new Float32Array(values), shape: [1, values.length] });
  const none = of(-Infinity), one = of(0), nan = of(NaN), many = of(Infinity);
  const lse = async (...parts: Matrix[]) => {
    const partials = await Promise.all(parts.map((part) => logSumExpPartial(part, choice)));
    return finishPartials(mergePartials(...partials)).logSumExp[0];
  };
  assertEquals([await lse(none, none), await lse(none, one), await lse(one, none, one)], [-Infinity, 0, Math.log(2)]);
  assertEquals([await lse(one, nan), await lse(many, one), await lse(one, many)], [NaN, Infinity, Infinity]);
  const kl = async (...pairs: (readonly [Matrix, Matrix])[]) => {
    const partials = await Promise.all(pairs.map(([p, q]) => klDivergencePartial(p, q, choice)));
    return finishPartials(mergePartials(...partials)).divergence[0];
  };
  assertEquals([await kl([one, none], [none, one]), await kl([none, none], [one, one])], [Infinity, 0]);
  assertWithin([await kl([none, one], [one, one])], { rule: "divergence", values: [Math.LN2] }, "divergence");
  assertEquals([await kl([none, one], [none, none]), await kl([nan, one], [one, one])], [NaN, NaN]);
});

Deno.test("mergePartials() leaves its arguments as they are", async () => {
  const part = await logSumExpPartial({ data: new Float32Array([1, 2]), shape: [2, 1] });
  const before = part.values.slice();
  mergePartials(part, part);
  assertEquals(part.values, before);
});

Deno.test("mergePartials() refuses what does not belong together", async () => {
  const one = await logSumExpPartial({ data: new Float32Array(1), shape: [1, 1] });
  const two = await logSumExpPartial({ data: new Float32Array(2), shape: [2, 1] });
  assertThrows(() => mergePartials(), TypeError, "there is none");
  assertThrows(() => mergePartials(one, two), RangeError, "partials[1].rows is 2, partials[0].rows is 1");
  const other = await klDivergencePartial({ data: new Float32Array(1), shape: [1, 1] }, single());
  assertThrows(() => mergePartials<"logSumExp" | "klDivergence">(one, other), TypeError, "partials[1].kind is kl");
});

function single(): Matrix {
  return { data: new Float32Array(1), shape: [1, 1] };
}
