// Matrices that lie in buffers of the GPU: the same bits as of arrays, nothing copied, results where they were wanted.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as surprisal from "../mod.ts";
import type { DType, Matrix } from "../mod.ts";
import { logSumExp as logSumExpSync } from "../src/sync.ts";
import { onGpu } from "./backends.ts";
import { countReads, elements, makeBuffer, ownGpu, upload } from "./gpu.ts";
import { blank, DTYPES, masked, matrix, normalRows } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertSame } from "./tolerance.ts";

const { crossEntropy, jsDivergence, klDivergence, logSoftmax, logSumExp, softmax, tokenStatistics } = surprisal;

const ROWS = 3, VOCAB = 9001;
const random = new Random(26);
const P = masked(normalRows(random, ROWS, VOCAB, 5), 9, 2), Q = normalRows(random, ROWS, VOCAB, 5);
const TARGETS = [7, -100, VOCAB - 1];
const GPU = { backend: "webgpu" } as const;

/** Matrices of every dtype, packed and with a stride that gives rows odd beginnings. */
function places(rows: readonly Float32Array[]): Matrix[] {
  return DTYPES.flatMap((dtype) => [matrix(rows, dtype), matrix(rows, dtype, VOCAB + 4)]);
}

/** Everything but how it ran. */
function rest<T extends { readonly report: unknown }>({ report: _, ...result }: T): Omit<T, "report"> {
  return result;
}

onGpu("operations have the same bits for logits in arrays and on the GPU", async () => {
  const { device } = await ownGpu();
  for (const [i, host] of places(P).entries()) {
    const other = places(Q)[i];
    const [p, q] = [upload(device, host), upload(device, other)];
    const options = { ...GPU, reduction: "none" } as const;
    const smooth = { ...options, labelSmoothing: 0.1, gradient: true } as const;
    assertEquals(rest(await logSumExp(p, GPU)), rest(await logSumExp(host, GPU)));
    assertEquals(rest(await surprisal.entropy(p, GPU)), rest(await surprisal.entropy(host, GPU)));
    assertEquals<unknown>(rest(await softmax(p, GPU)), rest(await softmax(host, GPU)));
    assertEquals<unknown>(
      rest(await crossEntropy(p, TARGETS, smooth)),
      rest(await crossEntropy(host, TARGETS, smooth)),
    );
    assertEquals<unknown>(rest(await crossEntropy(p, q, options)), rest(await crossEntropy(host, other, options)));
    assertEquals<unknown>(
      rest(await klDivergence(p, q, { ...options, gradient: "both" })),
      rest(await klDivergence(host, other, { ...options, gradient: "both" })),
    );
    assertEquals<unknown>(rest(await jsDivergence(p, q, options)), rest(await jsDivergence(host, other, options)));
    assertEquals<unknown>(
      rest(await surprisal.distillationLoss(p, q, TARGETS, { ...options, gradient: true, temperature: 2 })),
      rest(await surprisal.distillationLoss(host, other, TARGETS, { ...options, gradient: true, temperature: 2 })),
    );
    const list = { ...GPU, top: 5 }, classes = TARGETS.map(Math.abs);
    assertEquals(rest(await tokenStatistics(p, classes, list)), rest(await tokenStatistics(host, classes, list)));
    assertEquals(
      await surprisal.klDivergencePartial(p, q, GPU),
      await surprisal.klDivergencePartial(host, other, GPU),
    );
    for (const { data } of [p, q]) data.destroy();
  }
});

onGpu("outputs go in place of logits on the GPU, into another buffer, or stay where they were made", async () => {
  const { device } = await ownGpu();
  const reads = countReads();
  for (const host of places(P)) {
    const expected = await elements(
      device,
      (await softmax(host, { ...GPU, out: { ...host, data: host.data.slice() } })).probabilities,
    );
    const inPlace = upload(device, host);
    reads.count = 0;
    const { probabilities, report } = await softmax(inPlace, { ...GPU, out: inPlace });
    assertStrictEquals(probabilities, inPlace);
    assertEquals([reads.count, report.gpuSeconds], [0, undefined], "nothing is read back");
    assertSame(await elements(device, probabilities), expected, "in place");
  }
  for (const [from, to] of DTYPES.flatMap((from) => DTYPES.map((to): [DType, DType] => [from, to]))) {
    const logits = upload(device, matrix(P, from)), out = upload(device, blank([ROWS, VOCAB], to, VOCAB + 2));
    const host = blank([ROWS, VOCAB], to, VOCAB + 2);
    await logSoftmax(matrix(P, from), { ...GPU, out: host });
    const { logProbabilities } = await logSoftmax(logits, { ...GPU, out });
    assertStrictEquals(logProbabilities, out);
    assertSame(await elements(device, out), await elements(device, host), `${from} to ${to}`);
    logits.data.destroy();
  }
  reads.restore();
});

onGpu("a gradient in place of logits on the GPU leaves one number a row to read", async () => {
  const { device } = await ownGpu();
  for (const host of places(P)) {
    const copy = { ...host, data: host.data.slice() };
    const expected = await crossEntropy(copy, TARGETS, { ...GPU, gradient: "inPlace", zLoss: 1e-3 });
    const logits = upload(device, host);
    const found = await crossEntropy(logits, TARGETS, { ...GPU, gradient: "inPlace", zLoss: 1e-3 });
    assertEquals([found.loss, found.logSumExp], [expected.loss, expected.logSumExp]);
    assertStrictEquals(found.gradient?.data, logits.data);
    assertSame(await elements(device, logits), await elements(device, copy), "gradient");
  }
});

onGpu("a distilled student becomes its gradient on the GPU, padding and all", async () => {
  const { device } = await ownGpu();
  const options = { ...GPU, vocab: VOCAB - 300, temperature: 2, gradient: "inPlace" } as const;
  for (const [i, host] of places(P).entries()) {
    const copy = { ...host, data: host.data.slice() }, teacher = places(Q)[i], targets = [7, -100, 8000];
    const expected = await surprisal.distillationLoss(copy, teacher, targets, options);
    const student = upload(device, host);
    const found = await surprisal.distillationLoss(student, upload(device, teacher), targets, options);
    assertEquals([found.loss, found.hard, found.soft], [expected.loss, expected.hard, expected.soft]);
    assertStrictEquals(found.gradient, student);
    assertSame(await elements(device, student), await elements(device, copy), "gradient");
  }
  const { gradient } = await surprisal.distillationLoss(upload(device, matrix(P)), matrix(Q), undefined, {
    ...GPU,
    gradient: true,
    outputs: "gpu",
  });
  const host = await surprisal.distillationLoss(matrix(P), matrix(Q), undefined, { ...GPU, gradient: true });
  assert(gradient && host.gradient);
  assertSame(await elements(device, gradient), await elements(device, host.gradient), "left on the device");
  const tokens = { top: 1, tokens: [0, 0, 0], logProbabilities: [-1, -1, -1] };
  await assertRejects(
    () => surprisal.distillationLoss(upload(device, matrix(P)), tokens as never),
    TypeError,
    "student.data is a GPUBuffer",
  );
});

onGpu('outputs: "gpu" are made on the device, and can be computed with', async () => {
  const { device } = await ownGpu();
  const on = { ...GPU, outputs: "gpu" } as const;
  const { probabilities } = await softmax(matrix(P), on);
  const { divergence } = await klDivergence(probabilities, probabilities, { input: "probabilities" });
  assertEquals(divergence, 0);
  assertSame(
    await elements(device, probabilities),
    await elements(device, (await softmax(matrix(P), GPU)).probabilities),
    "softmax",
  );
  const { loss, gradient } = await crossEntropy(matrix(P), TARGETS, { ...on, gradient: true });
  assert(gradient);
  const expected = await crossEntropy(matrix(P), TARGETS, { ...GPU, gradient: true });
  assertEquals(loss, expected.loss);
  assertSame(await elements(device, gradient), await elements(device, expected.gradient as Matrix), "gradient");
  const { gradientP, gradientQ } = await jsDivergence(matrix(P), matrix(Q), { ...on, gradient: "both" });
  for (const made of [gradientP, gradientQ]) assert(made?.data instanceof GPUBuffer), made.data.destroy();
  const none = await softmax({ data: new Float32Array(0), shape: [0, 5] }, on);
  assertEquals([none.probabilities.shape, none.probabilities.data instanceof GPUBuffer], [[0, 5], true]);
  none.probabilities.data.destroy();
});

onGpu("a device of the caller's computes with the least that WebGPU promises", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter?.requestDevice();
  assert(device);
  const logits = upload(device, matrix(P)), other = upload(device, matrix(Q));
  const { loss, report } = await crossEntropy(logits, TARGETS, { device, gradient: "inPlace" });
  assertEquals(loss, (await crossEntropy(matrix(P), TARGETS, GPU)).loss);
  assertEquals([report.backend, report.gpuSeconds], ["webgpu", undefined]);
  await klDivergence(other, other, { device, gradient: "both" });
  await tokenStatistics(other, undefined, { device, top: 3 });
  await assertRejects(() => logSumExp(other, GPU), Error, "must be of the device that is given as `device`");
  other.data.destroy();
  await assertRejects(() => logSumExp(other, { device }), Error, "and not destroyed");
  device.destroy();
});

onGpu("what is wrong with a matrix on the GPU is named", async () => {
  const { device } = await ownGpu();
  const data = makeBuffer(device, 24), shape = [2, 3] as const;
  const wrong: [Matrix<GPUBuffer>, ErrorConstructor, string][] = [
    [{ data, shape }, TypeError, 'logits.data is a GPUBuffer: dtype must say "f32", "f16" or "bf16"'],
    [{ data, shape: [3, 3], dtype: "f32" }, TypeError, "logits.data has 24 bytes, shape [3, 3] needs 36"],
    [{ data, shape, dtype: "f32", rowStride: 4 }, TypeError, "logits.data has 24 bytes, shape [2, 3] needs 28"],
    [{ data, shape: [1, 13], dtype: "bf16" }, TypeError, "logits.data has 24 bytes, shape [1, 13] needs 28"],
  ];
  const mapped = device.createBuffer({ size: 24, usage: GPUBufferUsage.STORAGE, mappedAtCreation: true });
  const useless = device.createBuffer({ size: 24, usage: GPUBufferUsage.COPY_DST });
  wrong.push([{ data: mapped, shape, dtype: "f32" }, TypeError, "logits.data is mapped, not unmapped"]);
  wrong.push([{ data: useless, shape, dtype: "f32" }, TypeError, "logits.data lacks GPUBufferUsage.STORAGE"]);
  for (const [logits, type, problem] of wrong) {
    await assertRejects(() => logSumExp(logits, GPU), type, `Cannot compute logSumExp: ${problem}`);
  }
  const logits = { data, shape, dtype: "f32" } as const;
  await assertRejects(
    () => softmax(logits, { ...GPU, out: { ...logits, dtype: "bf16" } }),
    RangeError,
    "overlaps logits",
  );
  await assertRejects(
    () => crossEntropy(logits, logits, { ...GPU, gradient: "inPlace" }),
    RangeError,
    "overlaps targetProbabilities",
  );
  const both = { ...GPU, gradient: "inPlace", outputs: "gpu" } as const;
  await assertRejects(() => crossEntropy(logits, [0, 1], both), TypeError, "gradient says where else");
  const problem = "Cannot compute logSumExp on wasm: logits is on the GPU";
  await assertRejects(() => logSumExp(logits, { backend: "wasm" }), surprisal.BackendUnavailableError, problem);
  const sync = logSumExpSync as unknown as typeof logSumExp;
  assertThrows(() => sync(logits), surprisal.BackendUnavailableError, "a GPU answers through promises only");
  for (const buffer of [data, mapped, useless]) buffer.destroy();
});
