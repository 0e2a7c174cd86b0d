/** TensorFlow.js on its WebAssembly backend as a contender. */
import type { Formulate, Formulation, Library, OperationName, Outputs, Problem } from "./contender.ts";
import { importPackage } from "./packages.ts";

/** A tensor of its own. */
export interface Tensor {
  dataSync(): Float32Array;
  dispose(): void;
}

/** What is used of the package. */
export interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  tidy<Result>(compute: () => Result): Result;
  tensor2d(data: Float32Array | Int32Array, shape: readonly number[], dtype?: "int32"): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor;
  softmax(x: Tensor): Tensor;
  logSumExp(x: Tensor, axis: number): Tensor;
  gatherND(x: Tensor, indices: Tensor): Tensor;
  tensorScatterUpdate(x: Tensor, indices: Tensor, updates: Tensor): Tensor;
  max(x: Tensor, axis: number): Tensor;
  sum(x: Tensor, axis: number): Tensor;
  mean(x: Tensor): Tensor;
  log(x: Tensor): Tensor;
  neg(x: Tensor): Tensor;
  add(a: Tensor, b: Tensor): Tensor;
  sub(a: Tensor, b: Tensor | number): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
}

/** Loads it. */
export async function importTensorFlow(): Promise<TensorFlow> {
  const tf = await importPackage<TensorFlow>("tensorflow");
  await importPackage("tensorflowWasm");
  if (!await tf.setBackend("wasm")) throw new Error("TensorFlow.js has no WebAssembly backend here");
  return tf;
}

/** It as a contender. */
export async function openTensorFlow(threads: number): Promise<Library> {
  const tf = await importTensorFlow();
  // Its package for Node asks for no threads; made to, it fails to start them (ERR_WORKER_PATH).
  const note = threads === 1 ? undefined : "one thread: outside a browser it has no others";
  return { note, load: (problem) => load(tf, problem) };
}

/**
 * Its softmax is one fast kernel, its exp and log are not: formulas that need no other exponential of a matrix win over
 * logSumExp, logSoftmax, the losses (which want one-hot targets) and its automatic gradients.
 */
function load(tf: TensorFlow, { rows, vocab, p, q, targets }: Problem): Formulate {
  const x = tf.tensor2d(p, [rows, vocab]), y = tf.tensor2d(q, [rows, vocab]);
  const places = Int32Array.from({ length: 2 * rows }, (_, i) => i % 2 === 0 ? i / 2 : targets[(i - 1) / 2]);
  const indices = tf.tensor2d(places, [rows, 2], "int32");
  const logSumExp = (x: Tensor, softmax: Tensor) => tf.sub(tf.max(x, 1), tf.log(tf.max(softmax, 1)));
  const loss = (targetProbabilities: Tensor) => tf.neg(tf.mean(tf.log(targetProbabilities)));

  const formulations: Record<OperationName, Record<string, () => Tensor[]>> = {
    "log-sum-exp": {
      "max − log(max(softmax))": () => [logSumExp(x, tf.softmax(x))],
      "logSumExp": () => [tf.logSumExp(x, 1)],
    },
    "softmax": { "softmax": () => [tf.softmax(x)] },
    "CE forward": { "log(gatherND(softmax))": () => [loss(tf.gatherND(tf.softmax(x), indices))] },
    "CE + gradient": {
      "softmax, tensorScatterUpdate": () => {
        const probabilities = tf.softmax(x), hit = tf.gatherND(probabilities, indices);
        const scaled = tf.mul(probabilities, 1 / rows);
        probabilities.dispose();
        return [loss(hit), tf.tensorScatterUpdate(scaled, indices, tf.mul(tf.sub(hit, 1), 1 / rows))];
      },
    },
    "KL divergence": {
      "softmax, sum, max": () => {
        const probabilities = tf.softmax(x), others = tf.softmax(y);
        const normalisers = tf.sub(logSumExp(y, others), logSumExp(x, probabilities));
        others.dispose();
        // Summed by row: its sum of a whole matrix, one running f32, is wrong in the second digit.
        return [tf.mean(tf.add(tf.sum(tf.mul(probabilities, tf.sub(x, y)), 1), normalisers))];
      },
    },
  };
  return (operation) =>
    Promise.resolve(
      Object.entries(formulations[operation]).map(([how, make]): Formulation => ({
        how,
        compute: () => run(tf, make),
      })),
    );
}

/** Its WebAssembly kernels have run when a function returns: nothing is left to wait for. */
function run(tf: TensorFlow, make: () => Tensor[]): Outputs {
  const tensors = tf.tidy(make);
  return {
    read: () => tensors.map((tensor) => tensor.dataSync()),
    free: () => tensors.forEach((tensor) => tensor.dispose()),
  };
}
