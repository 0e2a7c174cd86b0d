// Rows whose blocks lie far apart: where a count begins anew, and what it has left in the output is brought down.

import { allocate, crossEntropy, entropy, logSumExp, softmax } from "../mod.ts";
import { onEachBackend } from "./backends.ts";
import { fill, matrix, normalRows, valuesOf } from "./matrices.ts";
import * as oracle from "./oracle.ts";
import { Random } from "./random.ts";
import { assertWithin } from "./tolerance.ts";

const BLOCK = 1024;

/** The level of each block of a row. The kernels count anew where one lies more than 40 above the first of its segment. */
const LEVELS: Readonly<Record<string, (block: number) => number>> = {
  "a step up": (block) => block < 3 ? -60 : 0,
  "many steps up": (block) => 45 * block,
  "many small steps up": (block) => 15 * block,
  "steps down": (block) => -45 * block,
  "up and down": (block) => block % 2 === 0 ? -70 : 0,
  "nothing, then far down, then up": (block) => block < 2 ? -Infinity : block < 4 ? -500 : 20,
  "a step in every segment": (block) => block % 8 < 4 ? -50 : 3,
};

const random = new Random(24);
const VOCAB = 19 * BLOCK + 100;
const ROWS = Object.values(LEVELS).map((level) =>
  normalRows(random, 1, VOCAB, 2)[0].map((x, i) => x + level(Math.floor(i / BLOCK)))
);
const TARGETS = ROWS.map((_, row) => [100, 5 * BLOCK, VOCAB - 1][row % 3]);

onEachBackend("rows whose blocks lie far apart have their sums", async (on) => {
  const logits = matrix(ROWS);
  const { logSumExp: expected } = oracle.logSumExp(ROWS);
  assertWithin((await logSumExp(logits, on)).logSumExp, { rule: "reduction", values: expected }, "logSumExp");
  const { entropy: values } = oracle.entropy(ROWS);
  assertWithin((await entropy(logits, on)).entropy, { rule: "reduction", values }, "entropy");
});

onEachBackend("rows whose blocks lie far apart have their probabilities and gradients, in place too", async (on) => {
  const { probabilities } = oracle.softmax(ROWS);
  const { loss, gradient } = oracle.crossEntropy(ROWS, { targets: TARGETS });
  const each = { ...on, reduction: "none" } as const;
  for (const place of ["fresh", "in place", "in wasm memory"]) {
    using resident = allocate([ROWS.length, VOCAB]);
    const put = () => {
      if (place !== "in wasm memory") return matrix(ROWS);
      fill(resident, ROWS);
      return resident;
    };
    const p = put();
    const soft = await softmax(p, place === "fresh" ? on : { ...on, out: p });
    assertWithin(valuesOf(soft.probabilities), { rule: "element", values: probabilities }, `softmax, ${place}`);
    const x = put();
    const result = await crossEntropy(x, TARGETS, { ...each, gradient: place === "fresh" ? true : "inPlace" });
    assertWithin(result.loss, { rule: "reduction", values: loss }, `loss, ${place}`);
    const terms = Array.from(probabilities, (p, i) => i % VOCAB === TARGETS[Math.floor(i / VOCAB)] ? p + 1 : p);
    assertWithin(valuesOf(result.gradient), { rule: "element", values: gradient, terms }, `gradient, ${place}`);
  }
});
