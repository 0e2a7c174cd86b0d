/** What is measured: each operation against the loops, checked before it is timed. */
import { allocate, crossEntropy, klDivergence, logSumExp, softmax } from "../src/sync.ts";
import type { Contender } from "./harness.ts";
import * as loops from "./loops.ts";

/** Rows and classes. */
export type Shape = readonly [rows: number, vocab: number];

/** The shapes: batches over real vocabularies, and one token of a server. */
export const SHAPES: readonly Shape[] = [[512, 32_000], [512, 50_257], [256, 128_256], [64, 256_000], [1, 128_256]];

/** The shapes that a command line names; all of them if it names none. */
export function parseShapes(texts: readonly string[]): readonly Shape[] {
  if (texts.length === 0) return SHAPES;
  return texts.map((text) => {
    const [rows, vocab] = text.split("x").map(Number);
    if (rows > 0 && vocab > 0 && Number.isInteger(rows * vocab)) return [rows, vocab];
    throw new RangeError(`"${text}" is not ROWSxVOCAB, such as 512x50257`);
  });
}

/** Fills two matrices of logits with numbers in [−10, 10) that look random. */
export function fillLogits(p: Float32Array, q: Float32Array): void {
  for (let i = 0; i < p.length; i++) {
    p[i] = 20 * fraction(i * 0.618034) - 10;
    q[i] = 20 * fraction(i * 0.754878) - 10;
  }
}

/** A target for each row. */
export function makeTargets([rows, vocab]: Shape): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => (row * 7919) % vocab);
}

/** An operation with its rival: the rival first. */
export interface Case {
  /** The operation and where its logits lie. */
  readonly name: string;
  /** The loops, then ours. */
  readonly contenders: readonly [Contender, ...Contender[]];
}

/** The cases of one shape; dispose of it when they have been measured. */
export interface Cases extends Disposable {
  readonly cases: readonly Case[];
}

/** One thread, like the loops. */
const ONE = { threads: 1 } as const;

/** Makes inputs for a shape, checks every operation against the loops, and returns what to time. */
export function prepare([rows, vocab]: Shape): Cases {
  const p = allocate([rows, vocab]), q = allocate([rows, vocab]), out = allocate([rows, vocab]);
  fillLogits(p.data, q.data);
  const plain = { data: Float32Array.from(p.data), shape: p.shape }, scratch = new Float32Array(rows * vocab);
  const targets = makeTargets([rows, vocab]);
  const bytes = p.data.byteLength;

  const a = p.data, b = q.data;
  agree("log-sum-exp", logSumExp(p).logSumExp[0], loops.logSumExp(a, rows, vocab)[0]);
  agree("cross-entropy", crossEntropy(p, targets).loss, loops.crossEntropy(a, rows, vocab, targets));
  const loss = loops.crossEntropyGradient(a, rows, vocab, targets, scratch);
  agree("loss with gradient", crossEntropy(p, targets, { gradient: out }).loss, loss);
  for (const i of [0, targets[0], vocab - 1]) agree(`gradient[${i}]`, out.data[i], scratch[i]);
  agree("softmax", softmax(p, { out }).probabilities.data[7], loops.softmax(a, rows, vocab, scratch)[7]);
  agree("KL divergence", klDivergence(p, q).divergence, loops.klDivergence(a, b, rows, vocab));

  const contender = (name: string, bytes: number, run: () => void): Contender => ({ name, bytes, run });
  const hand = (passes: number, run: () => void) => contender("hand-written loops", passes * bytes, run);
  const cases: Case[] = [
    {
      name: "log-sum-exp",
      contenders: [
        hand(1, () => loops.logSumExp(a, rows, vocab)),
        contender("allocated", bytes, () => logSumExp(p, ONE)),
      ],
    },
    {
      name: "softmax",
      contenders: [
        hand(2, () => loops.softmax(a, rows, vocab, scratch)),
        contender("allocated", 2 * bytes, () => softmax(p, { ...ONE, out })),
      ],
    },
    {
      name: "CE forward",
      contenders: [
        hand(1, () => loops.crossEntropy(a, rows, vocab, targets)),
        contender("allocated", bytes, () => crossEntropy(p, targets, ONE)),
        contender("allocated, plain SIMD", bytes, () => crossEntropy(p, targets, { ...ONE, deterministic: true })),
        contender("Float32Array", bytes, () => crossEntropy(plain, targets, ONE)),
        contender("allocated, all cores", bytes, () => crossEntropy(p, targets)),
      ],
    },
    {
      name: "CE + gradient",
      contenders: [
        hand(2, () => loops.crossEntropyGradient(a, rows, vocab, targets, scratch)),
        contender("allocated", 2 * bytes, () => crossEntropy(p, targets, { ...ONE, gradient: out })),
      ],
    },
    {
      name: "KL divergence",
      contenders: [
        hand(2, () => loops.klDivergence(a, b, rows, vocab)),
        contender("allocated", 2 * bytes, () => klDivergence(p, q, ONE)),
      ],
    },
  ];
  return { cases, [Symbol.dispose]: () => [p, q, out].forEach((matrix) => matrix[Symbol.dispose]()) };
}

export function fraction(x: number): number {
  return x - Math.floor(x);
}

/** Refuses to time what is wrong. */
function agree(what: string, ours: number, theirs: number): void {
  if (Math.abs(ours - theirs) <= 1e-5 * Math.abs(theirs) + 1e-7) return;
  throw new Error(`${what}: ours is ${ours}, the loops' ${theirs}`);
}
