/**
 * What the tests of sampledSoftmaxLoss share: what it is to give, each draw a class of its own, row by row in f64
 * from what was drawn; and a call's results with gradients for all classes.
 *
 * @module
 */
import { sampledSoftmaxLoss, type SampledSoftmaxLossOptions, type Sampler } from "../mod.ts";
import { type Distribution, logUniform, uniform, unigram } from "../src/sampling/distribution.ts";
import { type Drawn, drawWithoutReplacement, drawWithReplacement } from "../src/sampling/draw.ts";
import { Random as Generator } from "../src/sampling/random.ts";
import { expectLinear, type Factors, type Head, randomHead } from "./linear_cases.ts";
import { matrix, valuesOf } from "./matrices.ts";
import { Random } from "./random.ts";
import { assertWithin, type Expected, productSlack } from "./tolerance.ts";

/** What decides a loss beside states, weights and targets; there is always a seed. */
export type Settings =
  & Pick<SampledSoftmaxLossOptions, "samples" | "sampler" | "replacement" | "temperature" | "gradientScale">
  & Pick<SampledSoftmaxLossOptions, "removeAccidentalHits" | "subtractLogQ">
  & { readonly seed: number };

/** Losses and gradients, these flat and of all classes. */
export type SampledResults<T> = Readonly<Record<"loss" | "gradientHidden" | "gradientWeight" | "gradientBias", T>>;

function distributionOf(sampler: Sampler | undefined, vocab: number): Distribution {
  if (sampler === "uniform") return uniform(vocab);
  if (sampler === undefined || sampler === "logUniform") return logUniform(vocab);
  return unigram(Float64Array.from(sampler.counts), sampler.distortion ?? 1);
}

/** What a call draws. */
export function drawnBy({ samples, sampler, replacement, seed }: Settings, vocab: number): Drawn {
  const draw = replacement ? drawWithReplacement : drawWithoutReplacement;
  return draw(distributionOf(sampler, vocab), samples, Generator.ofSeed(seed));
}

/** A row's classes: its target, then what was drawn; and what is added to their logits. */
function classesOf(target: number, drawn: Drawn, settings: Settings): { id: number; correction: number }[] {
  const { removeAccidentalHits = true, subtractLogQ = true } = settings;
  const others = Array.from(drawn.ids).filter((id) => !removeAccidentalHits || id !== target);
  return [target, ...others].map((id) => ({
    id,
    correction: subtractLogQ ? -Math.log(drawn.expectedCount(id)) : 0,
  }));
}

/** The loss of each row, by its formula; 0 for target −1. */
export function lossesOf({ hidden, weight, bias, targets }: Head, drawn: Drawn, settings: Settings): number[] {
  return targets.map((target, row) => {
    if (target < 0) return 0;
    const logits = classesOf(target, drawn, settings).map(({ id, correction }) => {
      const x = Array.from(hidden[row], (h, k) => h * weight[id][k]).reduce((a, b) => a + b, bias ? bias[id] : 0);
      return x / (settings.temperature ?? 1) + correction;
    });
    const max = Math.max(...logits);
    return max - logits[0] + Math.log(logits.reduce((sum, y) => sum + Math.exp(y - max), 0));
  });
}

/** Losses, and gradients of their sum times `scale`: those of linearCrossEntropy over each row's own classes. */
export function expectSampled(head: Head, settings: Settings, scale = 1): SampledResults<Expected> {
  const { hidden, weight, bias, targets } = head, vocab = weight.length, width = hidden[0].length;
  const { temperature = 1, gradientScale } = settings, drawn = drawnBy(settings, vocab);
  const sums = (length: number) => ({ values: new Float64Array(length), terms: new Float64Array(length) });
  const weights = sums(vocab * width), biases = sums(vocab), states = sums(hidden.length * width);
  const add = (to: ReturnType<typeof sums>, start: number, of: Expected, from: number, length: number) => {
    for (let i = 0; i < length; i++) {
      to.values[start + i] += of.values[from + i];
      to.terms[start + i] += productSlack(targets.length) * (of.terms ?? of.values)[from + i];
    }
  };
  const slack = targets.map((target, row) => {
    if (target < 0) return 0;
    const classes = classesOf(target, drawn, settings);
    const own: Head = {
      hidden: [hidden[row]],
      weight: classes.map(({ id }) => weight[id]),
      bias: classes.map(({ id, correction }) => (bias ? bias[id] : 0) + temperature * correction),
      targets: [0],
    };
    const factor = gradientScale === undefined ? scale : scale * gradientScale[row];
    const { loss, ...gradients } = expectLinear(own, { temperature, scale: factor });
    add(states, row * width, gradients.gradientHidden, 0, width);
    classes.forEach(({ id }, i) => {
      add(weights, id * width, gradients.gradientWeight, i * width, width);
      add(biases, id, gradients.gradientBias, i, 1);
    });
    return Number(loss.slack?.[0]);
  });
  return {
    loss: { rule: "reduction", values: lossesOf(head, drawn, settings), slack },
    gradientHidden: { rule: "sum", ...states },
    gradientWeight: { rule: "sum", ...weights },
    gradientBias: { rule: "sum", ...biases },
  };
}

/** Calls sampledSoftmaxLoss for one loss a row and all gradients unless `options` say otherwise. */
export async function sampledLoss(
  head: Head,
  options: SampledSoftmaxLossOptions,
  { hidden, weight }: Factors = { hidden: matrix(head.hidden), weight: matrix(head.weight) },
): Promise<SampledResults<Float32Array | Float64Array> & { readonly samples: Int32Array; readonly seed: number }> {
  const { bias, targets } = head, [vocab, width] = weight.shape;
  const settings = { reduction: "none", gradient: true, ignoreIndex: -1, bias, ...options } as const;
  const result = await sampledSoftmaxLoss(hidden, weight, targets, settings);
  const { loss, gradientHidden, gradientWeight, gradientBias, samples, seed } = result;
  return {
    loss: typeof loss === "number" ? Float64Array.of(loss) : loss,
    gradientHidden: gradientHidden ? valuesOf(gradientHidden) : new Float32Array(0),
    gradientWeight: dense(vocab, width, gradientWeight?.rows, gradientWeight?.values.data),
    gradientBias: dense(vocab, 1, gradientBias?.rows, gradientBias?.values),
    samples,
    seed,
  };
}

/** Rows of some classes as those of all, 0 by the others. */
function dense(
  vocab: number,
  width: number,
  rows: Int32Array = new Int32Array(0),
  values: Float32Array = new Float32Array(0),
): Float32Array {
  const all = new Float32Array(vocab * width);
  rows.forEach((id, i) => all.set(values.subarray(i * width, (i + 1) * width), id * width));
  return all;
}

/** Counts of 90 classes, every fifth of them 0. */
export const COUNTS = Float64Array.from({ length: 90 }, (_, id) => id % 5 === 4 ? 0 : 1 + id * 31 % 90);

/**
 * A head of 90 classes whose targets can be drawn by counts; some rows do not count, some targets are those of
 * others.
 */
export function headOf(seed: number): Head {
  const head = randomHead(new Random(seed), 23, 19, 90);
  const targets = head.targets.map((target, row) => row % 6 === 5 ? -1 : row % 4 === 1 ? 7 : target - target % 5);
  return { ...head, targets };
}

/** Asserts that everything is as near to what is expected as its rule asks. */
export function assertResults(found: object, expected: object, what: string): void {
  const results = new Map(Object.entries(found));
  for (const [name, value] of Object.entries(expected)) assertWithin(results.get(name), value, `${what}: ${name}`);
}
