/** Who computes a head's logits, losses and gradients, and how. */
import { allocate, linear, linearCrossEntropy } from "../../../src/sync.ts";
import { encodeModel, type Node } from "../onnx_model.ts";
import { importOnnxRuntime } from "../onnxruntime.ts";
import { importTensorFlow } from "../tensorflow.ts";
import type { Head } from "./problem.ts";

/** What is computed: all logits and nothing else, one loss a row, or that and the gradients by states and weights. */
export type HeadOperation = "logits" | "loss" | "loss + gradients";

/** Products of rows × hidden × vocab that an operation takes at least of who does not keep the logits. */
export const PRODUCTS: Readonly<Record<HeadOperation, number>> = { logits: 1, loss: 1, "loss + gradients": 4 };

/** A way to compute an operation. */
export interface HeadContender {
  /** The library, and how. */
  readonly name: string;
  readonly operation: HeadOperation;
  /** Makes what it reads and writes, so that it is there before a run. */
  prepare?(): void;
  /** One run to the end; the losses, if it computes any. */
  run(): Float32Array | undefined | Promise<Float32Array | undefined>;
}

/** Our own name in the table. */
export const OWN = "surprisal";

/** Ours, from wasm memory and from ordinary arrays. */
export function ours({ rows, hidden, vocab, states, weight, targets }: Head, threads: number): HeadContender[] {
  const left = { data: states, shape: [rows, hidden] as const }, options = { threads, backend: "wasm" } as const;
  const resident = once(() => {
    const matrix = allocate([vocab, hidden]);
    matrix.data.set(weight);
    return matrix;
  });
  const array = { data: weight, shape: [vocab, hidden] as const };
  const out = once(() => allocate([rows, vocab])), gradient = once(() => allocate([vocab, hidden]));
  const arrayGradient = once(() => ({ data: new Float32Array(vocab * hidden), shape: [vocab, hidden] as const }));
  const losses = { ...options, reduction: "none" } as const;
  return [
    {
      name: `${OWN}, product alone`,
      operation: "logits",
      prepare: () => void [resident(), out()],
      run: () => void linear(left, resident(), { ...options, out: out() }),
    },
    {
      name: OWN,
      operation: "loss",
      prepare: () => void resident(),
      run: () => linearCrossEntropy(left, resident(), targets, losses).loss,
    },
    {
      name: `${OWN}, ordinary arrays`,
      operation: "loss",
      run: () => linearCrossEntropy(left, array, targets, losses).loss,
    },
    {
      name: OWN,
      operation: "loss + gradients",
      prepare: () => void [resident(), gradient()],
      run: () =>
        linearCrossEntropy(left, resident(), targets, { ...losses, gradient: { hidden: true, weight: gradient() } })
          .loss,
    },
    {
      name: `${OWN}, ordinary arrays`,
      operation: "loss + gradients",
      prepare: () => void arrayGradient().data.fill(1),
      run: () =>
        linearCrossEntropy(left, array, targets, { ...losses, gradient: { hidden: true, weight: arrayGradient() } })
          .loss,
    },
  ];
}

/** ONNX Runtime Web: states and weights are copied into its memory by every run, logits or losses out of it. */
export async function onnxRuntime(head: Head, threads: number): Promise<HeadContender[]> {
  const { Tensor, InferenceSession } = await importOnnxRuntime(threads);
  const { rows, hidden, vocab, states, weight, targets } = head;
  const tensors = {
    x: new Tensor("float32", states, [rows, hidden]),
    w: new Tensor("float32", weight, [vocab, hidden]),
    classes: new Tensor("int32", targets, [rows, 1]),
  };
  const contender = async (operation: HeadOperation, how: string, outputs: string, nodes: readonly Node[]) => {
    const inputs = { x: ["f32", rows, hidden], w: ["f32", vocab, hidden] } as const;
    const named = operation === "logits" ? inputs : { ...inputs, classes: ["i32", rows, 1] as const };
    const model = encodeModel({ nodes, inputs: named, constants: {}, outputs });
    const session = await InferenceSession.create(model, { executionProviders: ["wasm"] });
    const { classes, ...matrices } = tensors, feeds = operation === "logits" ? matrices : { ...matrices, classes };
    const run = async () => {
      const results = await session.run(feeds);
      return operation === "logits" ? undefined : results[outputs].data;
    };
    return { name: `onnxruntime-web, ${how}`, operation, run };
  };
  const product: Node = ["Gemm", "x w", "logits", { transB: 1 }];
  return [
    await contender("logits", "Gemm", "logits", [product]),
    await contender("loss", "Gemm, LogSoftmax, GatherElements", "losses", [
      product,
      ["LogSoftmax", "logits", "logp", { axis: 1 }],
      ["GatherElements", "logp classes", "hit", { axis: 1 }],
      ["Neg", "hit", "losses"],
    ]),
  ];
}

/** TensorFlow.js on WebAssembly: one thread, with all tensors in its memory. */
export async function tensorFlow({ rows, hidden, vocab, states, weight, targets }: Head): Promise<HeadContender[]> {
  const tf = await importTensorFlow();
  const x = tf.tensor2d(states, [rows, hidden]), w = tf.tensor2d(weight, [vocab, hidden]);
  const places = Int32Array.from({ length: 2 * rows }, (_, i) => i % 2 === 0 ? i / 2 : targets[(i - 1) / 2]);
  const indices = tf.tensor2d(places, [rows, 2], "int32");
  return [
    {
      name: "TensorFlow.js, matMul",
      operation: "logits",
      run: () => tf.matMul(x, w, false, true).dispose() as undefined,
    },
    {
      name: "TensorFlow.js, matMul, log(gatherND(softmax))",
      operation: "loss",
      run() {
        const losses = tf.tidy(() => {
          const logits = tf.matMul(x, w, false, true), probabilities = tf.softmax(logits);
          logits.dispose();
          return tf.neg(tf.log(tf.gatherND(probabilities, indices)));
        });
        const values = losses.dataSync();
        losses.dispose();
        return values;
      },
    },
  ];
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
