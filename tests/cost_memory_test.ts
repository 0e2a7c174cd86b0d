// Memory and work by method: exact figures, and what must hold at any size.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Budget,
  formatBinaryBytes,
  formatBytes,
  formatSeconds,
  type Head,
  logitsBytes,
  maxBatch,
  memory,
  METHODS,
  methodWork,
  parseBytes,
  plan,
} from "../src/cost/mod.ts";

Deno.test("formatBytes() and formatBinaryBytes() never give one unit's name to the other", () => {
  const bytes = [0, 999, 1000, 1023, 1024, 999_994, 999_999, 1e6, 1_048_575, 3_293_642_752, 1e15];
  assertEquals(bytes.map(formatBytes), [
    ...["0 B", "999 B", "1.00 kB", "1.02 kB", "1.02 kB", "999.99 kB", "1.00 MB", "1.00 MB", "1.05 MB", "3.29 GB"],
    "1.00 PB",
  ]);
  assertEquals(bytes.map(formatBinaryBytes), [
    ...["0 B", "999 B", "1,000 B", "1,023 B", "1.00 KiB", "976.56 KiB", "976.56 KiB", "976.56 KiB", "1.00 MiB"],
    ...["3.07 GiB", "909.49 TiB"],
  ]);
});

Deno.test("formatSeconds() takes the unit that leaves one to three digits", () => {
  const seconds = [0, 1, 59.94, 90, 0.9999, 0.1, 8.6e-3, 1e-3, 9.999e-4, 1.6e-7, 5e-10, 86_400];
  assertEquals(seconds.map(formatSeconds), [
    ...["0.00 s", "1.00 s", "59.9 s", "90.0 s", "1.00 s", "100 ms", "8.60 ms", "1.00 ms", "1.00 ms", "160 ns"],
    ...["0.500 ns", "86400 s"],
  ]);
});

Deno.test("parseBytes() reads what formatBytes() and formatBinaryBytes() print", () => {
  assertEquals(["0", "512", "80 GB", "24GiB", "1.5 tb", " 7 kib "].map(parseBytes), [
    ...[0, 512, 80e9, 24 * 2 ** 30, 1.5e12, 7168],
  ]);
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => {
    for (const format of [formatBytes, formatBinaryBytes]) {
      const back = parseBytes(format(bytes).replaceAll(",", ""));
      assert(Math.abs(back - bytes) <= 0.0051 * Math.max(bytes, 1), `${format(bytes)} is ${back}, not ${bytes}`);
    }
  }));
  for (const text of ["", "GB", "-1 GB", "1e9", "1 Gb/s", "1 XB", "0x10"]) {
    assertThrows(() => parseBytes(text), TypeError, `Cannot parse bytes: "${text}" is not a number and a unit`);
  }
  assertThrows(() => parseBytes("9999999 PB"), RangeError, "the number is");
  for (const [format, value] of [[formatBytes, -1], [formatBinaryBytes, NaN], [formatSeconds, Infinity]] as const) {
    assertThrows(() => format(value), RangeError, String(value));
  }
});

const GPT2 = { batch: 16, sequence: 1024, vocab: 50_257, dtype: "f16" } as const;

Deno.test("memory() adds up what each method holds", () => {
  const logits = 16 * 1024 * 50_257 * 2, rows = 16 * 1024;
  assertEquals(logitsBytes(GPT2), logits);
  const peaks = (head: Head) => Object.fromEntries(METHODS.map((method) => [method, memory(method, head).peakBytes]));
  const { adaptive, ...exact } = peaks({ ...GPT2, hidden: 768, samples: 8192, top: 32, chunkBytes: 5e6 });
  assertEquals(exact, {
    textbook: 3 * logits,
    fused: 2 * logits + 8 * rows,
    inPlace: logits + 8 * rows,
    linearChunks: 4 * 325 * 256 + 8 * rows,
    sampled: 2 * 2 * rows * 8193 + 2 * (rows + 8192) * 768 + 4 * 8192,
    topK: 5e6 + rows * 32 * (2 + 4) + 4 * rows,
  });
  assert(adaptive > 4 * rows && adaptive < exact.inPlace / 2);
  const { savedBytes, tensors } = memory("textbook", GPT2);
  assertEquals([savedBytes, tensors.map(({ name }) => name).join()], [logits, "logits,softmax,gradient"]);
  // A chunk is never less than a row, a tile never less than one class of one, and neither more than all
  const [chunk, tile] = (["topK", "linearChunks"] as const).map((method) => (sizes: Partial<Head>) =>
    memory(method, { batch: 3, vocab: 1000, top: 1, ...sizes }).tensors[0].bytes
  );
  assertEquals([chunk({ chunkBytes: 1 }), chunk({}), chunk({ batch: 0 })], [4000, 12_000, 0]);
  assertEquals([tile({ chunkBytes: 1 }), tile({}), tile({ batch: 0 })], [4, 12_000, 0]);
  assertEquals(memory("fused", { batch: 0, vocab: 1000 }).peakBytes, 0);
});

Deno.test("methodWork() counts each matrix as often as it goes through memory", () => {
  const head = { batch: 8, vocab: 1000 }, cells = 8000, perRow = 8 * 8;
  const none = { matrixFlops: 0, launches: 1 }, four = { ...none, launches: 4 };
  assertEquals(methodWork("textbook", head), {
    bytesRead: 16 * cells,
    bytesWritten: 8 * cells + perRow,
    exps: 2 * cells,
    flops: 5 * cells,
    ...four,
  });
  const once = { bytesRead: 4 * cells, bytesWritten: 4 * cells + perRow, exps: 2 * cells, flops: 5 * cells, ...none };
  assertEquals([methodWork("fused", head), methodWork("inPlace", head)], [once, once]);
  const twice = { bytesRead: 2 * 4 * cells, launches: 2 };
  assertEquals(methodWork("linearChunks", head), { ...once, ...twice });
  assertEquals(methodWork("sampled", { ...head, samples: 99 }).exps, 2 * 8 * 100);
  assertEquals(methodWork("topK", { ...head, top: 10 }), {
    bytesRead: 4 * cells,
    bytesWritten: perRow + 8 * (10 * 8 + 4),
    exps: cells,
    flops: 7 * cells,
    ...none,
  });
  // The product's share: 2 operations forward and 4 backward a multiplication
  const hidden = 64, withProduct = methodWork("inPlace", { ...head, hidden });
  assertEquals(withProduct.matrixFlops, 6 * cells * hidden);
  const factors = 4 * hidden * (8 + 1000);
  assertEquals(withProduct.bytesRead - once.bytesRead, 2 * factors + 8 * cells);
  assertEquals(withProduct.bytesWritten - once.bytesWritten, factors + 4 * cells);
  // Made again for the gradient, tiles are read four times and written three times
  const tiled = methodWork("linearChunks", { ...head, hidden }), states = 4 * 8 * hidden, weights = 4 * 1000 * hidden;
  assertEquals(tiled, {
    ...once,
    bytesRead: 4 * 4 * cells + 3 * (states + weights),
    bytesWritten: 3 * 4 * cells + perRow + states + weights,
    matrixFlops: 8 * cells * hidden,
    launches: 6,
  });
  // Four chunks of two rows, in spans of five classes, read the weights as often, and add to their gradient
  const chunked = methodWork("linearChunks", { ...head, hidden, chunkBytes: 3832 });
  assertEquals(memory("linearChunks", { ...head, hidden, chunkBytes: 3832 }).tensors[0].bytes, 4 * 2 * 5);
  assertEquals([chunked.matrixFlops, chunked.launches], [tiled.matrixFlops, 4 * 200 * 6]);
  assertEquals(chunked.bytesRead - tiled.bytesRead, 3 * 3 * weights + 3 * weights);
  assertEquals(chunked.bytesWritten - tiled.bytesWritten, 3 * weights);
});

Deno.test("linearChunks takes what linearCrossEntropy is planned to", () => {
  const hidden = 64, outputs = ["gradientHidden", "gradientWeight"];
  for (const [rows, vocab] of [[3, 70], [100, 9000], [512, 8192], [5000, 50_257]]) {
    const { winner } = plan("linearCrossEntropy", { rows, hidden, vocab }, { inputs: { place: "gpu", outputs } });
    assertEquals(memory("linearChunks", { batch: rows, vocab, hidden }).tensors[0].bytes, winner.peakBytes);
  }
});

const SIZE = fc.integer({ min: 1, max: 4000 });
const HEADS = fc.record({
  batch: SIZE,
  sequence: fc.integer({ min: 1, max: 64 }),
  vocab: fc.integer({ min: 8, max: 4000 }),
  hidden: SIZE,
  dtype: fc.constantFrom("f32" as const, "f16" as const, "bf16" as const),
});

Deno.test("memory and work grow with every size, and f32 takes no less than half precision", () => {
  fc.assert(fc.property(HEADS, fc.constantFrom(...METHODS), fc.integer({ min: 1, max: 999 }), (head, method, more) => {
    const amounts = (head: Head) => {
      const { peakBytes, savedBytes } = memory(method, head);
      return { peakBytes, savedBytes, ...methodWork(method, head) };
    };
    const base = amounts(head);
    const larger = (["batch", "sequence", "vocab", "hidden"] as const).map((size) => ({
      ...head,
      [size]: head[size] + more,
    }));
    for (const other of [...larger, { ...head, dtype: "f32" as const }]) {
      for (const [name, amount] of Object.entries(amounts(other))) {
        // The clusters are those of the fewest logits: what else they take may fall where a cutoff moves
        if (method === "adaptive" && other.vocab > head.vocab && name !== "peakBytes") continue;
        // What wider states leave of the limit is another tile
        if (method === "linearChunks" && other.hidden > head.hidden && /peak|launches/.test(name)) continue;
        // Expectations are sums of floats
        assert(
          amount >= base[name as keyof typeof base] * (1 - 1e-9),
          `${name} of ${method}: ${JSON.stringify(other)}`,
        );
      }
    }
  }));
});

Deno.test("memory and work of twice the rows are twice as much, but for what all rows share", () => {
  fc.assert(fc.property(HEADS, fc.constantFrom("textbook", "fused", "inPlace"), ({ hidden: _, ...head }, method) => {
    const twice = { ...head, batch: 2 * head.batch };
    assertEquals(memory(method, twice).peakBytes, 2 * memory(method, head).peakBytes);
    const { launches, ...once } = methodWork(method, head);
    const doubled = Object.fromEntries(Object.entries(once).map(([name, amount]) => [name, 2 * amount]));
    assertEquals({ ...methodWork(method, twice) } as Record<string, number>, { ...doubled, launches });
  }));
});

Deno.test("maxBatch() is the largest batch that fits", () => {
  assertEquals(maxBatch({ budgetBytes: 10e9, sequence: 1024, vocab: 50_257, dtype: "f32", method: "textbook" }), 16);
  fc.assert(
    fc.property(
      HEADS,
      fc.constantFrom(...METHODS),
      fc.integer({ min: 0, max: 10 ** 9 }),
      ({ batch: _, ...head }, method, budgetBytes) => {
        const budget: Budget = { ...head, method, budgetBytes, fraction: 0.9, reservedBytes: 1000 };
        const most = maxBatch(budget), room = 0.9 * budgetBytes - 1000;
        const peak = (batch: number) => memory(method, { ...head, batch }).peakBytes;
        if (most > 0) assert(peak(most) <= room, `${most} do not fit`);
        assert(peak(most + 1) > room, `one more than ${most} fits`);
      },
    ),
  );
});

Deno.test("memory(), methodWork(), logitsBytes() and maxBatch() refuse absurd sizes by name and value", () => {
  const absurd: readonly (readonly [Record<string, unknown>, typeof TypeError | typeof RangeError, string])[] = [
    [{ batch: -1 }, RangeError, "batch is -1, less than 0"],
    [{ batch: 1.5 }, RangeError, "batch is 1.5, not an integer"],
    [{ batch: NaN }, RangeError, "batch is NaN, not finite"],
    [{ batch: 2 ** 53 }, RangeError, "batch is 9007199254740992, beyond"],
    [{ batch: 2 ** 40 }, RangeError, "the bytes of logits and weights is"],
    [{ batch: "16" }, TypeError, 'batch is "16", not a number'],
    [{ vocab: undefined }, TypeError, "vocab is undefined, not a number"],
    [{ vocab: 0 }, RangeError, "vocab is 0, less than 1"],
    [{ sequence: 0 }, RangeError, "sequence is 0, less than 1"],
    [{ hidden: -3 }, RangeError, "hidden is -3, less than 1"],
    [{ dtype: "f64" }, RangeError, 'dtype is "f64", not one of "f32", "f16", "bf16"'],
    [{ samples: 50_258 }, RangeError, "samples is 50258, more than 50257"],
    [{ top: 0 }, RangeError, "top is 0, less than 1"],
    [{ chunkBytes: 0.5 }, RangeError, "chunkBytes is 0.5, not an integer"],
    [{ cutoffs: 7 }, TypeError, "cutoffs is not an array"],
    [{ cutoffs: [10, 10] }, RangeError, "cutoffs[1] is 10, less than 11"],
    [{ cutoffs: [50_257] }, RangeError, "cutoffs[0] is 50257, not below 50257"],
    [{ vocabulary: 5 }, TypeError, 'there is no size "vocabulary"'],
  ];
  for (const [sizes, type, message] of absurd) {
    const head = { ...GPT2, ...sizes } as Head;
    for (const compute of [() => memory("fused", head), () => methodWork("fused", head), () => logitsBytes(head)]) {
      assertThrows(compute, type, message);
    }
  }
  const budget = { budgetBytes: 1e9, vocab: 1000 };
  assertThrows(() => maxBatch({ ...budget, budgetBytes: -1 }), RangeError, "budgetBytes is -1, less than 0");
  assertThrows(() => maxBatch({ ...budget, fraction: 1.1 }), RangeError, "fraction is 1.1, more than 1");
  assertThrows(() => maxBatch({ ...budget, reservedBytes: NaN }), RangeError, "reservedBytes is NaN, not finite");
  assertThrows(() => maxBatch({ ...budget, method: "magic" as "fused" }), RangeError, 'method is "magic", not one of');
  assertThrows(() => memory("magic" as "fused", GPT2), RangeError, 'method is "magic", not one of');
});
