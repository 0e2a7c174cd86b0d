/**
 * From the options of a draw to a distribution, a seed and what was drawn.
 *
 * @module
 */
import { type Distribution, logUniform, uniform, unigram } from "../../sampling/distribution.ts";
import { type Drawn, drawWithoutReplacement, drawWithReplacement } from "../../sampling/draw.ts";
import { Random } from "../../sampling/random.ts";
import { type Checker, MAX_SIZE } from "../../validate.ts";

/** How often each class occurs. */
export interface UnigramSampler {
  /**
   * [vocab], none negative and not all 0; they are read when the object is first given to a function, and then no
   * more.
   */
  readonly counts: ArrayLike<number>;
  /**
   * The power of the counts that classes are drawn in proportion to, 0 or more: 1 unless given. A count of 0 stays 0.
   */
  readonly distortion?: number;
}

/**
 * "uniform"; "logUniform", by Zipf's law for classes in order of falling frequency: P(k) = ln((k + 2) / (k + 1)) /
 * ln(vocab + 1); or by counts. The table for counts is made when their object is first given: keep it from call to
 * call.
 */
export type Sampler = "uniform" | "logUniform" | UnigramSampler;

/** Options of a draw. */
export interface DrawOptions {
  /** How many classes are drawn; without replacement at most as many as there are to be drawn. */
  readonly samples: number;
  /** Where from: "logUniform" unless given. */
  readonly sampler?: Sampler;
  /** Whether a class may be drawn more than once: `false` unless given. */
  readonly replacement?: boolean;
  /** A whole number below 2³² that decides what is drawn, on every machine and backend: a random one unless given. */
  readonly seed?: number;
}

/** Their names. */
export const DRAW_OPTIONS: readonly string[] = ["samples", "sampler", "replacement", "seed"];

/** Tables by what they were made from. */
const known = new WeakMap<UnigramSampler, Distribution>();

/** Checks the options of a draw, and draws. */
export function draw(check: Checker, options: DrawOptions, vocab: number): Drawn & { readonly seed: number } {
  const distribution = distributionOf(check, options.sampler, vocab);
  const isReplaced = check.flag("replacement", options.replacement);
  const most = isReplaced ? MAX_SIZE : vocab;
  const samples = check.number("samples", options.samples, { least: 1, most, integer: true });
  const { possible } = distribution;
  if (!isReplaced && samples > possible) {
    throw check.rangeError(`samples is ${samples}, and no more than ${possible} classes have a count above 0`);
  }
  const seed = check.number("seed", options.seed, {
    fallback: crypto.getRandomValues(new Uint32Array(1))[0],
    least: 0,
    below: 2 ** 32,
    integer: true,
  });
  const drawer = isReplaced ? drawWithReplacement : drawWithoutReplacement;
  return { ...drawer(distribution, samples, Random.ofSeed(seed)), seed };
}

function distributionOf(check: Checker, sampler: unknown, vocab: number): Distribution {
  if (typeof sampler !== "object" || sampler === null) {
    const name = check.choice("sampler", sampler, ["uniform", "logUniform"], "logUniform");
    return name === "uniform" ? uniform(vocab) : logUniform(vocab);
  }
  const bag = sampler as UnigramSampler, found = known.get(bag);
  if (found?.vocab === vocab) return found;
  const distribution = unigramOf(check, bag, vocab);
  known.set(bag, distribution);
  return distribution;
}

function unigramOf(check: Checker, sampler: UnigramSampler, vocab: number): Distribution {
  const { counts, distortion } = check.bag<UnigramSampler>(
    sampler,
    ["counts", "distortion"],
    "sampler is",
    "sampler option",
  );
  check.numbers("sampler.counts", counts, vocab, "class");
  const power = check.number("sampler.distortion", distortion, { fallback: 1, least: 0 });
  const values = Float64Array.from(counts as ArrayLike<number>);
  const negative = values.findIndex((count) => count < 0);
  if (negative >= 0) throw check.rangeError(`sampler.counts[${negative}] is ${values[negative]}, less than 0`);
  if (values.every((count) => count === 0)) throw check.rangeError("sampler.counts are all 0");
  return unigram(values, power);
}
