/** Three ways to learn the same model, or almost the same. */
import { adaptiveSoftmax } from "./adaptive.ts";
import { fullSoftmax } from "./full.ts";
import type { Beginning, OutputLayer } from "./output_layer.ts";
import { sampledSoftmax } from "./sampled.ts";

/** Classes that the sampled softmax draws for a batch. */
export const SAMPLES = 2048;

/** Where the adaptive softmax's head and first cluster end. */
export const CUTOFFS: readonly number[] = [2000, 10_000];

/** The ways, by name. */
export const METHODS = {
  full: fullSoftmax,
  sampled: (beginning) => sampledSoftmax(beginning, SAMPLES),
  adaptive: (beginning) => adaptiveSoftmax(beginning, CUTOFFS),
} as const satisfies Readonly<Record<string, (beginning: Beginning) => OutputLayer>>;

/** One of {@linkcode METHODS}. */
export type Method = keyof typeof METHODS;
