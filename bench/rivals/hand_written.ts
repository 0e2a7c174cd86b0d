/** The loops of bench/loops.ts as a contender. */
import * as loops from "../loops.ts";
import type { Formulate, Library, OperationName, Outputs, Problem } from "./contender.ts";

/** Nothing to load. */
export function openHandWritten(): Library {
  return { note: "one thread by nature", load };
}

function load(problem: Problem): Formulate {
  const { rows, vocab, targets } = problem, p = problem.p.slice(), q = problem.q.slice();
  let matrix: Float32Array | undefined;
  const out = () => matrix ??= new Float32Array(rows * vocab);
  const computations: Record<OperationName, () => readonly Float32Array[]> = {
    "log-sum-exp": () => [loops.logSumExp(p, rows, vocab)],
    "softmax": () => [loops.softmax(p, rows, vocab, out())],
    "CE forward": () => [Float32Array.of(loops.crossEntropy(p, rows, vocab, targets))],
    "CE + gradient": () => [Float32Array.of(loops.crossEntropyGradient(p, rows, vocab, targets, out())), out()],
    "KL divergence": () => [Float32Array.of(loops.klDivergence(p, q, rows, vocab))],
  };
  return (operation) => {
    const compute = (): Outputs => {
      const arrays = computations[operation]();
      return { read: () => arrays, free() {} };
    };
    return Promise.resolve([{ how: "f64 over a Float32Array", compute }]);
  };
}
