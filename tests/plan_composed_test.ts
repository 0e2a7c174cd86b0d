// The planner where a call is composed of products: its tiles, what they take, and how predictions grow.

import { assert, assertAlmostEquals, assertEquals, assertLess, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import { linearCrossEntropy } from "../mod.ts";
import { type Candidate, type Machine, machine, plan, type PlannedInputs, useMachine } from "../src/cost/mod.ts";
import { MOST_ROWS, ROOM_BYTES } from "../src/cost/tiles.ts";
import type { CheckedCall, Room, Tensor } from "../src/operation.ts";
import { RECORDS } from "../src/ops/records.ts";
import { shared, vector } from "../src/tensors.ts";
import "./backends.ts";

/** The machine of the table, with four cores whatever there are. */
const FOUR: Machine = { ...machine(), cores: 4, speedup: 3.6 };

interface Sizes extends Record<string, number> {
  readonly rows: number;
  readonly hidden: number;
  readonly vocab: number;
}

const HEAD: Sizes = { rows: 512, hidden: 768, vocab: 50_257 };

const BOTH = ["gradientHidden", "gradientWeight"];

/** The candidates of a call, by backend and threads. */
function ways(sizes: Sizes, inputs: PlannedInputs = {}): ReadonlyMap<string, Candidate> {
  const { candidates } = plan("linearCrossEntropy", sizes, { machine: FOUR, inputs: { written: "given", ...inputs } });
  return new Map(candidates.map((one) => [`${one.backend} ${one.threads}`, one]));
}

/** One of them. */
function way(name: string, sizes: Sizes, inputs?: PlannedInputs): Candidate {
  const found = ways(sizes, inputs).get(name);
  if (found === undefined) throw new Error(`${name} is no candidate`);
  return found;
}

Deno.test("plan() of a loss of hidden states counts its tensors by the shapes of its record", () => {
  const sizes = { rows: 3, hidden: 5, vocab: 7 };
  const bytes = (outputs: readonly string[], inputs: PlannedInputs = {}) => {
    const { bytesRead, bytesWritten, peakBytes } = way("wasm 1", sizes, { outputs, place: "wasm", ...inputs });
    return [bytesRead, bytesWritten, peakBytes];
  };
  const states = 4 * 3 * 5, weights = 4 * 7 * 5, vectors = 4 * 4 * 3, tile = 4 * 3 * 7;
  assertEquals(bytes([]), [states + weights + 12, vectors, tile + states]);
  assertEquals(bytes([], { dtype: "bf16" }), [(states + weights) / 2 + 12, vectors, tile + states]);
  assertEquals(bytes(["gradientHidden"]), [states + weights + 12, vectors + states, tile + 2 * states]);
  assertEquals(bytes(["gradientWeight"]), [states + weights + 12, vectors + weights, tile + states]);
  assertEquals(
    bytes(["gradientBias"]),
    [states + weights + 4 * 7 + 12, vectors + 4 * 7, tile + states],
    "and the bias",
  );
  const [, , made] = bytes(BOTH, { written: "new" });
  assertEquals(made, tile + 2 * states + 2 * weights + states, "new gradients, and a copy of that by the weights");
});

Deno.test("a gradient costs three products more, or two, and a product its arithmetic", () => {
  const only = { ...FOUR.arithmetic.wasm, secondsPerExp: 0, secondsPerFlop: 0 };
  const bare = { ...FOUR, arithmetic: { ...FOUR.arithmetic, wasm: only } };
  const seconds = (outputs: readonly string[]) => {
    const { candidates } = plan("linearCrossEntropy", HEAD, { machine: bare, inputs: { outputs } });
    return candidates.find(({ backend, threads }) => backend === "wasm" && threads === 1)?.computeSeconds ?? NaN;
  };
  const forward = seconds([]), { rows, hidden, vocab } = HEAD;
  const flops = 2 * rows * hidden * vocab;
  assertAlmostEquals(forward / (flops * only.secondsPerMatrixFlop), 1, 0.03);
  const wanted = [["gradientHidden"], ["gradientWeight"], ["gradientBias"], BOTH];
  // Fewer columns of larger tiles, but as many rows: the products take the same
  assertEquals(wanted.map((outputs) => Math.round(1000 * seconds(outputs) / forward)), [3000, 3000, 2000, 4000]);
});

Deno.test("rows come in tiles of six, and the fewer there are the more the weights cost each", () => {
  const perRow = (rows: number) => way("wasm 1", { ...HEAD, rows }, { place: "wasm" }).computeSeconds / rows;
  assertAlmostEquals(perRow(1), 6 * perRow(6), 0.01 * perRow(1));
  assertLess(perRow(6), 0.2 * perRow(1));
  assertLess(perRow(512), 0.6 * perRow(6));
});

Deno.test("predictions of a loss of hidden states grow with every size, and nearly add up over rows", () => {
  const size = (most: number) => fc.integer({ min: 1, max: most }), more = fc.integer({ min: 1, max: 100 });
  const sizes = fc.record({ rows: size(2000), hidden: size(1000), vocab: size(60_000) });
  const places = fc.constantFrom("array" as const, "shared" as const, "wasm" as const, "gpu" as const);
  const outputs = fc.subarray(["gradientHidden", "gradientWeight", "gradientBias"]);
  fc.assert(fc.property(sizes, more, places, outputs, (sizes, more, place, outputs) => {
    const inputs = { place, outputs }, base = ways(sizes, inputs);
    for (const name of ["rows", "hidden", "vocab"] as const) {
      const larger = ways({ ...sizes, [name]: sizes[name] + more }, inputs);
      for (const [way, { bytesRead, bytesWritten, computeSeconds, memorySeconds, copySeconds }] of base) {
        const other = larger.get(way);
        if (other === undefined) continue;
        assert(other.bytesRead >= bytesRead && other.bytesWritten >= bytesWritten, `${way}: bytes, more ${name}`);
        assert(
          other.memorySeconds >= memorySeconds && other.copySeconds >= copySeconds,
          `${way}: copies, more ${name}`,
        );
        // Of several threads, one may have less to do where a tile is shared out more evenly
        if (other.threads === 1) assert(other.computeSeconds >= computeSeconds, `${way}: arithmetic, more ${name}`);
      }
    }
    const twice = ways({ ...sizes, rows: 2 * sizes.rows }, inputs);
    for (const [way, once] of base) {
      const { computeSeconds, memorySeconds, copySeconds } = twice.get(way) ?? once;
      // Tiles of six rows may be filled better, or there is one more that is not
      if (once.threads === 1) assert(computeSeconds <= 2.1 * once.computeSeconds, way);
      // Weights are read again for each chunk of rows, of which there may be one more than twice as many
      assert(memorySeconds <= 3 * once.memorySeconds && copySeconds <= 3 * once.copySeconds, way);
    }
  }));
});

Deno.test("threads help where there is much to multiply, and only there", () => {
  const large = [1, 2, 4].map((threads) => way(`wasm ${threads}`, HEAD).seconds);
  assert(large[1] < 0.6 * large[0] && large[2] < 0.4 * large[0], String(large));
  const { winner } = plan("linearCrossEntropy", { rows: 2, hidden: 8, vocab: 100 }, { machine: FOUR });
  assertEquals([winner.backend, winner.threads], ["wasm", 1]);
});

Deno.test("beside new gradients a loss of hidden states takes no more than its room, whatever its sizes", () => {
  const size = (most: number) => fc.integer({ min: 1, max: most });
  const sizes = fc.record({ rows: size(100_000), hidden: size(8192), vocab: size(300_000) });
  const places = fc.constantFrom("array" as const, "wasm" as const, "gpu" as const);
  fc.assert(fc.property(sizes, places, fc.subarray(BOTH), (sizes, place, outputs) => {
    for (const { backend, peakBytes } of ways(sizes, { place, outputs }).values()) {
      if (backend !== "reference") assertLessOrEqual(peakBytes, ROOM_BYTES[backend], backend);
    }
  }));
});

/** The rows and classes of the tile that a call is really composed of, from its first step. */
function composedTile({ rows, hidden, vocab }: Sizes, outputs: readonly string[]): [rows: number, classes: number] {
  const { compose } = RECORDS.linearCrossEntropy, tile: [number, number] = [0, 0];
  const matrix = (rows: number): Tensor => ({ ...shared(new Float32Array(hidden)), rows, rowStride: 0 });
  const numbers = () => vector(new Float32Array(rows));
  const room: Room = {
    limitBytes: ROOM_BYTES.wasm,
    mostRows: MOST_ROWS.wasm,
    matrix(name, rows, columns) {
      if (name === "logits") tile.splice(0, 2, rows, columns);
      return { data: new Float32Array(columns), dtype: "f32", rows, columns, rowStride: 0 };
    },
  };
  const call: CheckedCall = {
    operation: RECORDS.linearCrossEntropy,
    dims: { rows, hidden, vocab },
    tensors: {
      ...{ hidden: matrix(rows), weight: matrix(vocab), targets: vector(new Int32Array(rows)) },
      ...{ loss: numbers(), logSumExp: numbers(), targetLogProbability: numbers(), hit: vector(new Int32Array(rows)) },
      gradientHidden: outputs.includes("gradientHidden") ? matrix(rows) : undefined,
      gradientWeight: outputs.includes("gradientWeight") ? matrix(vocab) : undefined,
    },
    params: RECORDS.linearCrossEntropy.params,
    options: {},
  };
  for (const _ of compose?.(call, room) ?? []) break;
  return tile;
}

Deno.test("the tiles of a plan are those that a call is composed of", () => {
  const cases: readonly Sizes[] = [
    HEAD,
    ...[{ rows: 1, hidden: 1, vocab: 1 }, { rows: 700, hidden: 5000, vocab: 9000 }, { rows: 40, hidden: 3, vocab: 65 }],
  ];
  for (const sizes of cases) {
    for (const outputs of [[], ["gradientHidden"], ["gradientWeight"], BOTH]) {
      const [rows, classes] = composedTile(sizes, outputs),
        count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
      const expected = `tiles of ${count(rows, "row", "rows")} by ${count(classes, "class", "classes")}`;
      assertEquals(way("wasm 1", sizes, { outputs }).chunking, expected, `${JSON.stringify(sizes)} ${outputs}`);
    }
  }
});

Deno.test("linearCrossEntropy() reports the bytes and the seconds that are planned of it", async () => {
  const former = machine(), [rows, hidden, vocab] = [5, 12, 300];
  useMachine(FOUR);
  try {
    const matrix = (rows: number) => ({
      data: new Float32Array(rows * hidden).fill(0.5),
      shape: [rows, hidden] as const,
    });
    const options = { backend: "wasm", gradient: { hidden: true, weight: true } } as const;
    const { report } = await linearCrossEntropy(matrix(rows), matrix(vocab), new Int32Array(rows), options);
    const planned = way("wasm 1", { rows, hidden, vocab }, { outputs: BOTH, written: "new" });
    assertEquals(report.threads, 1);
    assertEquals([report.bytesRead, report.bytesWritten], [planned.bytesRead, planned.bytesWritten]);
    assertEquals(report.predictedSeconds, planned.seconds);
  } finally {
    useMachine(former);
  }
});

Deno.test("no rows take a call and nothing else", () => {
  const { seconds, computeSeconds, memorySeconds } = way("wasm 1", { ...HEAD, rows: 0 }, { place: "wasm" });
  assertEquals([seconds, computeSeconds, memorySeconds], [FOUR.callSeconds, 0, 0]);
});

Deno.test("plan() refuses absurd arguments of a loss of hidden states by name and value", () => {
  const dims = { rows: 2, hidden: 3, vocab: 4 };
  const faults: readonly (readonly [unknown[], typeof TypeError | typeof RangeError, string])[] = [
    [[{ rows: 2, vocab: 4 }], TypeError, "hidden is undefined, not a number"],
    [[{ ...dims, hidden: 0 }], RangeError, "hidden is 0, less than 1"],
    [[{ ...dims, hidden: 2 ** 31 }], RangeError, "hidden is 2147483648, more than 2147483647"],
    [[{ ...dims, hidden: 1.5 }], RangeError, "hidden is 1.5, not an integer"],
    [[{ ...dims, vocab: 0 }], RangeError, "vocab is 0, less than 1"],
    [[{ ...dims, rows: -1 }], RangeError, "rows is -1, less than 0"],
    [[{ ...dims, top: 1 }], TypeError, 'there is no dimension "top"'],
    [
      [dims, { inputs: { outputs: ["gradient"] } }],
      RangeError,
      'inputs.outputs[0] is "gradient", linearCrossEntropy has',
    ],
    [[dims, { inputs: { written: "inPlace" } }], RangeError, 'inputs.written is "inPlace", not one of "new", "given"'],
    [[dims, { inputs: { writtenDtype: "bf16" } }], RangeError, 'inputs.writtenDtype is "bf16", not one of "f32"'],
  ];
  for (const [args, type, message] of faults) {
    const wrong = ["linearCrossEntropy", ...args] as unknown as Parameters<typeof plan>;
    assertThrows(() => plan(...wrong), type, `Cannot plan: ${message}`);
  }
});
