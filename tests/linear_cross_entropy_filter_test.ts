// The filter: what it leaves out, and by how much gradients are off for it.

import { assert, assertGreater } from "@std/assert";
import type { LinearCrossEntropyOptions } from "../mod.ts";
import { onEachBackend } from "./backends.ts";
import { assertResults, type Head, linearLoss, randomHead, same } from "./linear_cases.ts";
import { Random } from "./random.ts";
import { EPSILON } from "./tolerance.ts";

const VOCAB = 3000, HIDDEN = 24;

/** The bias gives most of the mass to the first 300 classes; the rest of the classes is spread over what is left. */
function peaked(rows: number): Head {
  const { bias = [], ...head } = randomHead(new Random(20261205), rows, HIDDEN, VOCAB);
  return { ...head, bias: Float32Array.from(bias, (x, i) => i < 300 ? x : x - 12) };
}

const OPTIONS: readonly LinearCrossEntropyOptions[] = [
  {},
  { zLoss: 0.01 },
  { labelSmoothing: 0.1 },
  { gradientScale: [-3] },
  { softcap: 30 },
];

onEachBackend("linearCrossEntropy() with a filter that nothing falls below is that without one", async (on) => {
  const head = randomHead(new Random(20261206), 5, HIDDEN, VOCAB);
  for (const options of [{}, { labelSmoothing: 0.1, temperature: 2 }]) {
    const exact = await linearLoss(head, { ...on, ...options });
    const found = await linearLoss(head, { ...on, ...options, filter: 1e-30 });
    assertResults(found, same(exact), JSON.stringify(options));
  }
});

/** The gradient by the bias of a single row is that by its logits. */
onEachBackend("linearCrossEntropy() is off by no more than the filter says, and leaves classes out", async (on) => {
  const head = peaked(1), [target] = head.targets;
  for (const options of OPTIONS) {
    const { labelSmoothing = 0, zLoss = 0, gradientScale: [scale] = [1] } = options as
      & { gradientScale?: number[] }
      & typeof options;
    const exact = await linearLoss(head, { ...on, ...options });
    for (const filter of [1e-7, 1e-4, 0.5]) {
      const found = await linearLoss(head, { ...on, ...options, filter }),
        what = `${JSON.stringify(options)}, ${filter}`;
      const { loss, logSumExp, targetLogProbability } = exact;
      assertResults(found, same({ loss, logSumExp, targetLogProbability }), what);
      const size = Math.abs(scale) * (1 + 2 * zLoss * Math.abs(logSumExp[0]));
      const bound = filter * size + Math.abs(scale) * labelSmoothing / VOCAB;
      const errors = Array.from(found.gradientBias, (x, i) => Math.abs(x - exact.gradientBias[i]));
      assert(errors.every((error) => error <= bound), `${what}: off by ${Math.max(...errors)}, more than ${bound}`);
      const left = found.gradientBias.filter((x, i) => x === 0 && exact.gradientBias[i] !== 0).length;
      assertGreater(left, filter > 1e-7 ? 256 : -1, `${what}: left out`);
      assert(found.gradientBias[target] === exact.gradientBias[target], `${what}: the target is kept`);
      const sizes = Array.from(
        { length: HIDDEN },
        (_, k) => head.weight.reduce((sum, row) => sum + Math.abs(row[k]), 0),
      );
      const off = Array.from(found.gradientHidden, (x, k) => Math.abs(x - exact.gradientHidden[k]) - bound * sizes[k]);
      assert(off.every((excess) => excess <= EPSILON), `${what}: gradientHidden is off by too much`);
    }
  }
});

onEachBackend("linearCrossEntropy() gives gradients with a filter that are those of what it keeps", async (on) => {
  const head = peaked(7), options = { ...on, filter: 1e-4 };
  const exact = await linearLoss(head, on), found = await linearLoss(head, options);
  let isLess = false;
  for (let i = 0; i < VOCAB; i++) {
    const error = Math.abs(found.gradientBias[i] - exact.gradientBias[i]), bound = 7 * 1e-4 + EPSILON;
    assert(error <= bound, `class ${i} is off by ${error}`);
    const row = found.gradientWeight.subarray(i * HIDDEN, (i + 1) * HIDDEN);
    const isOut = row.every((x) => x === 0);
    assert(isOut === (found.gradientBias[i] === 0), `class ${i}`);
    isLess ||= isOut;
  }
  assert(isLess, "nothing was left out");
});
