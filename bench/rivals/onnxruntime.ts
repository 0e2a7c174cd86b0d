/** ONNX Runtime Web on its WebAssembly backend as a contender: one small graph an operation. */
import type { Formulate, Formulation, Library, OperationName, Problem } from "./contender.ts";
import { encodeModel, type Graph, type Node } from "./onnx_model.ts";
import { importPackage } from "./packages.ts";

/** A tensor of its own. */
export interface Tensor {
  /** The elements. */
  readonly data: Float32Array;
}

interface Session {
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
}

/** What is used of the package. */
export interface OnnxRuntime {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (type: "float32" | "int32", data: Float32Array | Int32Array, shape: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: { readonly executionProviders: readonly string[] }): Promise<Session>;
  };
}

/** Loads it; its number of threads is the process's. */
export async function importOnnxRuntime(threads: number): Promise<OnnxRuntime> {
  const runtime = await importPackage<OnnxRuntime>("onnxruntime");
  runtime.env.wasm.numThreads = threads;
  return runtime;
}

/** It as a contender. */
export async function openOnnxRuntime(threads: number): Promise<Library> {
  const runtime = await importOnnxRuntime(threads);
  return { load: (problem) => load(runtime, problem) };
}

/**
 * Its inputs are JavaScript arrays, copied into its memory by every run, and its outputs are copied out by every run:
 * there is no other way to call it, so both are on the clock.
 */
function load({ Tensor, InferenceSession }: OnnxRuntime, problem: Problem): Formulate {
  const { rows, vocab, targets } = problem;
  const tensors: Readonly<Record<string, Tensor>> = {
    x: new Tensor("float32", problem.p.slice(), [rows, vocab]),
    y: new Tensor("float32", problem.q.slice(), [rows, vocab]),
    classes: new Tensor("int32", targets, [rows, 1]),
  };
  return async (operation) => {
    const { how, outputs, nodes } = GRAPHS[operation];
    const graph = makeGraph(nodes, outputs, rows, vocab);
    const session = await InferenceSession.create(encodeModel(graph), { executionProviders: ["wasm"] });
    const feeds = Object.fromEntries(Object.keys(graph.inputs).map((name) => [name, tensors[name]]));
    const compute: Formulation["compute"] = async () => {
      const results = await session.run(feeds);
      return { read: () => outputs.split(" ").map((name) => results[name].data), free() {} };
    };
    return [{ how, compute }];
  };
}

/** A graph with the inputs and constants that its nodes mention. */
function makeGraph(nodes: readonly Node[], outputs: string, rows: number, vocab: number): Graph {
  const mentioned = new Set(nodes.flatMap(([, names]) => names.split(" ")));
  const only = <Value>(values: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => mentioned.has(name)));
  const inputs = only<Graph["inputs"][string]>({
    x: ["f32", rows, vocab],
    y: ["f32", rows, vocab],
    classes: ["i32", rows, 1],
  });
  const constants = only<Graph["constants"][string]>({
    axis: BigInt64Array.of(1n),
    one: Float32Array.of(1),
    share: Float32Array.of(1 / rows),
  });
  return { nodes, inputs, constants, outputs };
}

const AXIS = { axis: 1 };

/** The mean of a column as a scalar. */
function mean(column: string, result: string): Node {
  return ["ReduceMean", column, result, { keepdims: 0 }];
}

/** The fastest of the graphs that were tried, at 512 × 50,257, on one thread and on two. */
const GRAPHS: Readonly<Record<OperationName, { how: string; outputs: string; nodes: readonly Node[] }>> = {
  "log-sum-exp": { how: "ReduceLogSumExp", outputs: "lse", nodes: [["ReduceLogSumExp", "x axis", "lse"]] },
  "softmax": { how: "Softmax", outputs: "p", nodes: [["Softmax", "x", "p", AXIS]] },
  "CE forward": {
    how: "LogSoftmax, GatherElements",
    outputs: "loss",
    nodes: [
      ["LogSoftmax", "x", "logp", AXIS],
      ["GatherElements", "logp classes", "hit", AXIS],
      ["Neg", "hit", "losses"],
      mean("losses", "loss"),
    ],
  },
  "CE + gradient": {
    how: "Softmax, ScatterElements",
    outputs: "loss gradient",
    nodes: [
      ["Softmax", "x", "p", AXIS],
      ["GatherElements", "p classes", "hit", AXIS],
      ["Log", "hit", "loghit"],
      ["Neg", "loghit", "losses"],
      mean("losses", "loss"),
      ["Sub", "hit one", "update"],
      // Scaled after the scatter: with the product before it, two threads often never return under Deno on busy cores.
      ["ScatterElements", "p classes update", "difference", AXIS],
      ["Mul", "difference share", "gradient"],
    ],
  },
  "KL divergence": {
    how: "Softmax, ReduceSum, ReduceMax",
    outputs: "kl",
    nodes: [
      ["Softmax", "x", "p", AXIS],
      ["Softmax", "y", "q", AXIS],
      ["Sub", "x y", "difference"],
      ["Mul", "p difference", "terms"],
      ["ReduceSum", "terms axis", "sums"],
      // ln Σ e^y − ln Σ e^x, since ln Σ e^x = max x − ln max p.
      ["ReduceMax", "x axis", "maxx"],
      ["ReduceMax", "y axis", "maxy"],
      ["ReduceMax", "p axis", "maxp"],
      ["ReduceMax", "q axis", "maxq"],
      ["Sub", "maxy maxx", "maxima"],
      ["Div", "maxp maxq", "ratio"],
      ["Log", "ratio", "logratio"],
      ["Add", "maxima logratio", "normalisers"],
      ["Add", "sums normalisers", "divergences"],
      mean("divergences", "kl"),
    ],
  },
};
