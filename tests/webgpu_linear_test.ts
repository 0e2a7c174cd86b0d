// Composed calls on the GPU: their matrices wherever they lie, what they read back and how often, what goes wrong midway.

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { type AnyMatrix, linearCrossEntropy, type Matrix } from "../mod.ts";
import type { AnyTensor, CheckedCall, Operation, Tensor } from "../src/operation.ts";
import { record as logSumExp } from "../src/ops/log_sum_exp.ts";
import { record as softmax } from "../src/ops/softmax.ts";
import { vector } from "../src/tensors.ts";
import { compute } from "../src/webgpu/job.ts";
import { onGpu } from "./backends.ts";
import { countReads, download, elements, ownGpu, upload } from "./gpu.ts";
import { assertResults, expectLinear, type Head, linearLoss, randomHead } from "./linear_cases.ts";
import { blank, DTYPES, matrix, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame } from "./tolerance.ts";

const GPU = { backend: "webgpu" } as const;
const SEED = 20261203;

/** Options for one loss a row and all gradients. */
function all({ bias }: Head) {
  return { ...GPU, bias, reduction: "none", gradient: true, ignoreIndex: -1 } as const;
}

type Results = Awaited<ReturnType<typeof linearCrossEntropy>>;

/** Everything that two calls give is the same, to the bit, wherever it is. */
async function assertSameResults(actual: object, expected: object, what: string): Promise<void> {
  const { device } = await ownGpu(), [a, b] = [actual, expected] as readonly Results[];
  for (const name of ["loss", "logSumExp", "targetLogProbability", "gradientBias"] as const) {
    assertEquals(a[name], b[name], `${what}: ${name}`);
  }
  for (const name of ["gradientHidden", "gradientWeight"] as const) {
    const [found, wanted] = [a[name] as AnyMatrix, b[name] as AnyMatrix];
    assertSame(await elements(device, found), await elements(device, wanted), `${what}: ${name}`);
  }
}

onGpu("linearCrossEntropy() has the same bits for matrices in arrays and on the GPU", async () => {
  const { device, pool } = await ownGpu(), head = randomHead(new Random(SEED), 70, 35, 300), { targets } = head;
  for (const [i, dtype] of DTYPES.entries()) {
    const other = DTYPES[(i + 1) % 3], options = { ...all(head), labelSmoothing: 0.1, zLoss: 1e-3 };
    const hidden = matrix(head.hidden, dtype, 36 + i), weight = matrix(head.weight, other, 35 + i);
    const expected = await linearCrossEntropy(hidden, weight, targets, options);
    const [there, table] = [upload(device, hidden), upload(device, weight)];
    for (const [states, of] of [[there, table], [there, weight], [hidden, table]] as const) {
      await assertSameResults(await linearCrossEntropy(states, of, targets, options), expected, `${dtype}, ${other}`);
    }
    const left = await linearCrossEntropy(there, table, targets, { ...options, outputs: "gpu" });
    assert(left.gradientHidden?.data instanceof GPUBuffer && left.gradientWeight?.data instanceof GPUBuffer);
    await assertSameResults(left, expected, `${dtype}, ${other}, left there`);
    for (const { data } of [there, table]) data.destroy();
  }
  assertEquals(pool.lentBytes, 0);
});

onGpu(
  "linearCrossEntropy() sums gradients in the caller's buffers, and touches nothing between their rows",
  async () => {
    const { device } = await ownGpu(), head = randomHead(new Random(SEED), 9, 21, 100), { targets } = head;
    const [hidden, weight] = [upload(device, matrix(head.hidden)), upload(device, matrix(head.weight))];
    const expected = await linearCrossEntropy(hidden, weight, targets, all(head));
    const given = {
      hidden: upload(device, blank([9, 21], "f32", 24)),
      weight: upload(device, blank([100, 21], "f32", 30)),
    };
    const found = await linearCrossEntropy(hidden, weight, targets, {
      ...all(head),
      gradient: { ...given, bias: true },
    });
    assertStrictEquals(found.gradientHidden, given.hidden);
    assertEquals(found.gradientBias, expected.gradientBias);
    for (const [name, columns] of [["hidden", 24], ["weight", 30]] as const) {
      const whole = await download(device, given[name]);
      assertSame(
        valuesOf(whole),
        valuesOf(expected[name === "hidden" ? "gradientHidden" : "gradientWeight"] as Matrix),
        name,
      );
      assert(whole.data.every((x, i) => i % columns < 21 || Number.isNaN(x)), "what lies between rows");
    }
    for (const { data } of [hidden, weight]) data.destroy();
  },
);

onGpu("linearCrossEntropy() of many tiles and ignored rows on the GPU is crossEntropy of the logits", async () => {
  const { device } = await ownGpu();
  for (const [rows, hidden, vocab] of [[5, 6, 30_000], [4100, 2, 70], [67, 9, 8193]] as const) {
    const raw = randomHead(new Random(SEED), rows, hidden, vocab);
    const head = { ...raw, targets: raw.targets.map((target, row) => row % 4 === 1 ? -1 : target) };
    const states = upload(device, matrix(head.hidden)), weight = upload(device, matrix(head.weight));
    const { gradientHidden, gradientWeight, ...rest } = await linearCrossEntropy(
      states,
      weight,
      head.targets,
      all(head),
    );
    const gradients = {
      gradientHidden: valuesOf(gradientHidden as Matrix),
      gradientWeight: valuesOf(gradientWeight as Matrix),
    };
    assertResults({ ...rest, ...gradients }, expectLinear(head), `${rows} × ${hidden} × ${vocab}`);
    assert(
      gradients.gradientHidden.every((x, i) => head.targets[Math.floor(i / hidden)] >= 0 || x === 0),
      "ignored rows",
    );
    for (const { data } of [states, weight]) data.destroy();
  }
});

onGpu("linearCrossEntropy() of no rows, or of none that count, leaves zeros in gradients on the GPU", async () => {
  const { device } = await ownGpu(), head = randomHead(new Random(SEED), 3, 5, 8), weight = matrix(head.weight);
  const nothing: Matrix = { data: new Float32Array(0), shape: [0, 5] };
  for (const [hidden, targets] of [[nothing, []], [matrix(head.hidden), [-1, -1, -1]]] as const) {
    const gradient = { weight: upload(device, blank([8, 5], "f32", 7)) };
    const { loss } = await linearCrossEntropy(hidden, weight, targets, {
      ...GPU,
      gradient,
      ignoreIndex: -1,
      reduction: "sum",
    });
    const whole = await download(device, gradient.weight);
    assertEquals([loss, ...valuesOf(whole)], Array(41).fill(0));
    assert(whole.data.every((x, i) => i % 7 < 5 || Number.isNaN(x)), "what lies between rows");
  }
  const { gradientHidden, gradientWeight } = await linearCrossEntropy(nothing, weight, [], {
    ...GPU,
    gradient: true,
    outputs: "gpu",
  });
  assertEquals(gradientHidden?.shape, [0, 5]);
  gradientHidden?.data.destroy();
  assertEquals([...await elements(device, gradientWeight as AnyMatrix)], Array(40).fill(0));
});

onGpu("a composed call reads once for many tiles, and reports what the GPU took for all its steps", async () => {
  const { device } = await ownGpu(), head = randomHead(new Random(SEED), 3, 4, 30_000), { bias } = head;
  const hidden = upload(device, matrix(head.hidden)), weight = upload(device, matrix(head.weight));
  await linearCrossEntropy(hidden, weight, head.targets, { ...GPU, bias });
  const reads = countReads();
  try {
    const { report } = await linearCrossEntropy(hidden, weight, head.targets, { ...GPU, bias });
    assertLess(reads.count, 4, "two works a tile, four tiles");
    if (device.features.has("timestamp-query")) assertGreater(report.gpuSeconds ?? 0, 0);
    assertLess(report.gpuSeconds ?? 0, report.seconds);
  } finally {
    reads.restore();
  }
  const plain = await (await navigator.gpu.requestAdapter())?.requestDevice();
  assert(plain);
  const host = [matrix(head.hidden), matrix(head.weight), head.targets] as const;
  const { loss, report } = await linearCrossEntropy(...host, { ...GPU, device: plain, bias, gradient: true });
  assertEquals([loss, report.gpuSeconds], [(await linearCrossEntropy(...host, { ...GPU, bias })).loss, undefined]);
  plain.destroy();
  for (const { data } of [hidden, weight]) data.destroy();
});

onGpu("composed calls at the same time have the bits that they have alone", async () => {
  const { pool } = await ownGpu(), random = new Random(SEED);
  const heads = [[40, 12, 9000], [7, 30, 20_000], [600, 3, 100]].map(([rows, hidden, vocab]) =>
    randomHead(random, rows, hidden, vocab)
  );
  const alone = [];
  for (const head of heads) alone.push(await linearLoss(head, GPU));
  const together = await Promise.all(heads.map((head) => linearLoss(head, GPU)));
  assertEquals(together, alone);
  assertEquals(pool.lentBytes, 0);
});

/** A call of two steps, of which the second reads the array that the first writes. */
function twoSteps(rows: number, vocab: number) {
  const logits = vector(new Float32Array(rows * vocab), vocab), between = vector(new Float32Array(rows * vocab), vocab);
  const result = vector(new Float32Array(rows)), order: number[] = [];
  const step = (operation: Operation, tensors: Record<string, AnyTensor>): CheckedCall => {
    return { operation, dims: { rows, vocab }, tensors, params: operation.params, options: {} };
  };
  const compose: Operation["compose"] = function* () {
    yield { call: step(softmax, { logits, probabilities: between }), finish: () => order.push(1) };
    yield { call: step(logSumExp, { logits: between, logSumExp: result }), finish: () => order.push(2) };
  };
  const operation: Operation = { ...logSumExp, name: "both", compose };
  const call: CheckedCall = {
    operation,
    dims: { rows, vocab },
    tensors: { logits, logSumExp: result },
    params: {},
    options: {},
  };
  return { call, result: result as Tensor, order };
}

onGpu("a step that reads an array has what a step before it writes there; steps are finished in order", async () => {
  const gpu = await ownGpu(), { call, result, order } = twoSteps(5, 100);
  await compute(gpu, call);
  assertEquals(order, [1, 2]);
  assert(result.data.every((x) => Math.abs(x - Math.log(100) - 0.01) < 1e-6));
});

onGpu("a composed call stops at its signal between steps, and gives everything back", async () => {
  const { pool } = await ownGpu(),
    head = randomHead(new Random(SEED), 64, 8, 60_000),
    controller = new AbortController();
  const reason = new Error("enough"), call = linearLoss(head, { ...GPU, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 50);
  assertStrictEquals(await assertRejects(() => call), reason);
  assertEquals(pool.lentBytes, 0);
});

/** Counts the outputs that a device has made, and those of them that were not destroyed. */
function countOutputs(device: GPUDevice): { readonly counts: readonly [made: number, left: number]; restore(): void } {
  const { createBuffer } = GPUDevice.prototype, { destroy } = GPUBuffer.prototype, left = new Set<GPUBuffer>();
  let made = 0;
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(device, descriptor);
    if (descriptor.label === "surprisal output") made++, left.add(buffer);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    left.delete(this);
    return destroy.call(this);
  };
  return {
    get counts() {
      return [made, left.size] as const;
    },
    restore() {
      device.createBuffer = createBuffer;
      GPUBuffer.prototype.destroy = destroy;
    },
  };
}

onGpu(
  "a composed call that fails says what it was, destroys its outputs, and leaves the next one to work",
  async () => {
    const gpu = await ownGpu(),
      { device, pool } = gpu,
      head = randomHead(new Random(SEED), 5, 8, 100),
      { targets } = head;
    const theirs = await (await navigator.gpu.requestAdapter())?.requestDevice();
    assert(theirs);
    const [hidden, foreign] = [matrix(head.hidden), upload(theirs, matrix(head.weight))];
    const outputs = countOutputs(device);
    try {
      const call = () => linearCrossEntropy(hidden, foreign, targets, { ...GPU, gradient: true, outputs: "gpu" });
      const { message } = await assertRejects(call, Error, "must be of the device that is given as `device`");
      assertMatch(message, /^Cannot compute linearCrossEntropy \(a GPUBuffer/);
      assertEquals([...outputs.counts, pool.lentBytes], [2, 0, 0]);
    } finally {
      outputs.restore();
      theirs.destroy();
    }
    const expected = await linearLoss(head, GPU);
    const lost = assertRejects(
      () => linearLoss(randomHead(new Random(SEED), 64, 8, 60_000), GPU),
      Error,
      "the GPU's device was lost",
    );
    setTimeout(() => device.destroy(), 20);
    await lost;
    assertEquals(await linearLoss(head, GPU), expected);
  },
);
