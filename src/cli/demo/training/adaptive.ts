/** Adaptive softmax (Grave et al., arXiv:1609.04309): rare classes in clusters that see less of the hidden states. */
import { adaptiveLogSoftmax, adaptiveShapes, allocate, type AllocatedMatrix } from "../../../../mod.ts";
import { Adam } from "./adam.ts";
import { type Floats, zeros } from "./matrices.ts";
import { type Beginning, type OutputLayer, WEIGHT_RANGE } from "./output_layer.ts";

type Weight = AllocatedMatrix<Float32Array>;

interface Tail {
  readonly projection: Weight;
  readonly weight: Weight;
}

/**
 * Learns by the loss of this softmax, which is another model: clusters end at the cutoffs that are below the
 * vocabulary.
 *
 * Its clusters have no biases, so hidden states get a last number that is always 1.
 */
export function adaptiveSoftmax(beginning: Beginning, cutoffs: readonly number[]): OutputLayer {
  const { logUnigram, backend } = beginning, vocab = logUnigram.length, ends = cutoffs.filter((end) => end < vocab);
  const shapes = adaptiveShapes({ hidden: beginning.hidden + 1, vocab, cutoffs: ends });
  const head = allocate(shapes.head);
  const tails = shapes.tails.map((tail) => ({ projection: allocate(tail.projection), weight: allocate(tail.weight) }));
  begin(beginning, ends, head, tails);

  const all = [head, ...tails.flatMap(({ projection, weight }) => [projection, weight])];
  const learners = all.map(({ data, shape: [, columns] }) => new Adam(data, columns));
  return {
    async study(hidden, targets) {
      const options = { backend, gradient: true };
      const { loss, report, ...found } = await adaptiveLogSoftmax(withOne(hidden), { head, tails }, targets, options);
      const { head: byHead, tails: byTails } = found.gradientWeights!;
      const gradients = [byHead, ...byTails.flatMap(({ projection, weight }) => [projection, weight])];
      return {
        loss,
        report,
        gradientHidden: withoutLast(found.gradientHidden!),
        learn: (learningRate) => learners.forEach((learner, i) => learner.step(gradients[i].data, learningRate)),
      };
    },
    async score(hidden, targets) {
      const options = { backend, reduction: "sum" } as const;
      return await adaptiveLogSoftmax(withOne(hidden), { head, tails }, targets, options);
    },
    [Symbol.dispose]: () => all.forEach((weight) => weight[Symbol.dispose]()),
  };
}

/** Lets weights begin close to the unigram distribution: what is multiplied by 1 is the logarithm of probabilities. */
function begin({ logUnigram, random }: Beginning, ends: readonly number[], head: Weight, tails: readonly Tail[]): void {
  const vocab = logUnigram.length, starts = [0, ...ends];
  random.fill(head.data, WEIGHT_RANGE);
  setColumn(head, head.shape[1] - 1, [
    ...logUnigram.subarray(0, ends[0] ?? vocab),
    ...ends.map((start, i) => Math.log(sumOfExp(logUnigram.subarray(start, starts[i + 2] ?? vocab)))),
  ]);
  tails.forEach(({ projection, weight }, i) => {
    const [size, hidden] = projection.shape, first = ends[i];
    random.fill(projection.data, Math.sqrt(6 / (size + hidden)));
    random.fill(weight.data, WEIGHT_RANGE);
    // The projection's first number is the 1
    projection.data.fill(0, 0, hidden - 1).fill(1, hidden - 1, hidden);
    setColumn(weight, 0, logUnigram.subarray(first, first + weight.shape[0]).map((value) => value - logUnigram[first]));
  });
}

function sumOfExp(values: Float32Array): number {
  return values.reduce((sum, value) => sum + Math.exp(value), 0);
}

function setColumn({ data, shape: [rows, columns] }: Weight, column: number, values: ArrayLike<number>): void {
  for (let row = 0; row < rows; row++) data[row * columns + column] = values[row];
}

function withOne({ data, shape: [rows, columns] }: Floats): Floats {
  const wider = zeros(rows, columns + 1);
  for (let row = 0; row < rows; row++) {
    wider.data.set(data.subarray(row * columns, (row + 1) * columns), row * (columns + 1));
    wider.data[(row + 1) * (columns + 1) - 1] = 1;
  }
  return wider;
}

function withoutLast({ data, shape: [rows, columns] }: Floats): Floats {
  const narrower = zeros(rows, columns - 1);
  for (let row = 0; row < rows; row++) {
    narrower.data.set(data.subarray(row * columns, (row + 1) * columns - 1), row * (columns - 1));
  }
  return narrower;
}
