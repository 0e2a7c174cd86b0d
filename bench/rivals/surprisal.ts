/** This package as a contender: logits in allocated memory, results into memory that is reused. */
import { allocate, type AllocatedMatrix, crossEntropy, klDivergence, logSumExp, softmax } from "../../src/sync.ts";
import type { Formulate, Library, OperationName, Outputs, Problem } from "./contender.ts";

/** Ours on a number of threads. */
export function openSurprisal(threads: number): Library {
  return { load: (problem) => load(problem, { threads }) };
}

function load(problem: Problem, options: { readonly threads: number }): Formulate {
  const { rows, vocab, targets } = problem;
  const p = allocate([rows, vocab]), q = allocate([rows, vocab]);
  p.data.set(problem.p);
  q.data.set(problem.q);
  let matrix: AllocatedMatrix<Float32Array> | undefined;
  const out = () => matrix ??= allocate([rows, vocab]);
  const computations: Record<OperationName, () => readonly Float32Array[]> = {
    "log-sum-exp": () => [logSumExp(p, options).logSumExp],
    "softmax": () => (softmax(p, { ...options, out: out() }), [out().data]),
    "CE forward": () => [Float32Array.of(crossEntropy(p, targets, options).loss)],
    "CE + gradient": () => {
      const { loss } = crossEntropy(p, targets, { ...options, gradient: out() });
      return [Float32Array.of(loss), out().data];
    },
    "KL divergence": () => [Float32Array.of(klDivergence(p, q, options).divergence)],
  };
  return (operation) => {
    const compute = (): Outputs => {
      const arrays = computations[operation]();
      return { read: () => arrays, free() {} };
    };
    return Promise.resolve([{ how: "allocated", compute }]);
  };
}
