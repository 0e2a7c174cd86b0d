/** What sampling and clusters buy over all classes: loss and gradients of one batch, by the clock and by the model. */
import {
  adaptiveLogSoftmax,
  adaptiveShapes,
  allocate,
  linearCrossEntropy,
  type Matrix,
  sampledSoftmaxLoss,
} from "../../mod.ts";
import { bestCutoffs, deviceOf, type Head, type Machine, methodWork, roofline } from "../../src/cost/mod.ts";
import { measure } from "../harness.ts";
import { fill } from "./cases.ts";
import type { LinearShape } from "./linear.ts";

/** The head that methods are compared at: GPT-2's. */
export const METHODS_SHAPE: LinearShape = [512, 768, 50_257];

/** A method's loss and gradients. */
export interface MethodSpeed {
  readonly method: "linearChunks" | "sampled" | "adaptive";
  readonly seconds: number;
  readonly predictedSeconds: number;
}

/** Memory that is named once; a roofline of products and exponentials needs none. */
const MEMORY_BYTES = 16e9;

/** Times the methods in turns on all cores; targets follow Zipf's law, as the model expects. */
export async function compareMethods([rows, hidden, vocab]: LinearShape, machine: Machine): Promise<MethodSpeed[]> {
  const make = (shape: readonly [number, number], seed: number): Matrix => {
    const matrix = allocate(shape);
    fill(matrix, seed, 0.1);
    return matrix;
  };
  const states = make([rows, hidden], 0.618034), weight = make([vocab, hidden], 0.754878);
  const gradient = { hidden: true, weight: allocate([vocab, hidden]) } as const;
  const cutoffs = bestCutoffs({ vocab, hidden }), shapes = adaptiveShapes({ hidden, vocab, cutoffs });
  const tails = shapes.tails.map((tail) => ({
    projection: make(tail.projection, 0.3),
    weight: make(tail.weight, 0.7),
  }));
  const clustered = { head: make(shapes.head, 0.5), tails };
  // The quantiles of Zipf's law: class k has probability in proportion to 1 / (k + 1)
  const targets = Int32Array.from({ length: rows }, (_, i) => Math.floor(Math.pow(vocab + 1, (i + 0.5) / rows)) - 1);
  const samples = Math.ceil(vocab / 20), options = { threads: machine.cores };
  const runs = {
    linearChunks: () => linearCrossEntropy(states, weight, targets, { ...options, gradient }),
    sampled: () => sampledSoftmaxLoss(states, weight, targets, { ...options, samples, seed: 1, gradient: true }),
    adaptive: () => adaptiveLogSoftmax(states, clustered, targets, { ...options, gradient: true }),
  };
  const methods = Object.keys(runs) as (keyof typeof runs)[];
  const contenders = methods.map((name) => ({ name, bytes: 0, run: async () => void await runs[name]() }));
  const measured = await measure(contenders), device = deviceOf(machine, MEMORY_BYTES);
  const head: Head = { batch: rows, hidden, vocab, samples, cutoffs };
  return methods.map((method, i) => ({
    method,
    seconds: measured[i].medianSeconds,
    predictedSeconds: roofline(methodWork(method, head), device).seconds,
  }));
}
