/** What would help, each remark computed for the sizes and the device at hand. */
import { adaptiveSoftmax, type Device, formatBytes, memory, sampledSoftmax } from "../../cost/mod.ts";
import { formatBothBytes } from "../bytes.ts";
import { formatCount, formatFactor, formatShare } from "../table.ts";
import type { Sizes } from "./question.ts";
import { timeOf } from "./time.ts";

/** A change and its effect. */
export interface Remark {
  /** What to do. */
  readonly change: string;
  /** What for. */
  readonly effect: string;
  /** The effect in numbers. */
  readonly numbers: Readonly<Record<string, number | readonly number[]>>;
}

/** More is no help. */
const MOST = 4;

/** Less is no gain worth the name. */
const NOTABLE = 1.05;

/** What helps with these sizes on this device; what would not is left out. */
export function remarksOn(head: Sizes, device: Device): readonly Remark[] {
  const all = [halve, overwrite, sample, cluster, chunk].map((remark) => remark(head, device));
  return all.filter((remark) => remark !== undefined).slice(0, MOST);
}

function halve(head: Sizes, device: Device): Remark | undefined {
  if (head.dtype !== "f32") return undefined;
  const half = { ...head, dtype: "f16" } as const;
  const [whole, peakBytes] = [head, half].map((sizes) => memory("fused", sizes).peakBytes);
  const [before, after] = [head, half].map((sizes) => timeOf("fused", sizes, device).seconds);
  return {
    change: "f16 instead of f32",
    effect: `fused ${describeGain(whole - peakBytes, before / after)}`,
    numbers: { peakBytes, savedBytes: whole - peakBytes, seconds: after, speedup: before / after },
  };
}

function overwrite(head: Sizes, device: Device): Remark | undefined {
  const savedBytes = memory("textbook", head).peakBytes - memory("inPlace", head).peakBytes;
  if (savedBytes <= 0) return undefined;
  const speedup = timeOf("textbook", head, device).seconds / timeOf("inPlace", head, device).seconds;
  return {
    change: "in place instead of textbook",
    effect: describeGain(savedBytes, speedup),
    numbers: { savedBytes, speedup },
  };
}

function describeGain(savedBytes: number, speedup: number): string {
  const pace = speedup < NOTABLE ? "takes as long" : `is ${formatFactor(speedup)} as fast`;
  return `saves ${formatBothBytes(savedBytes)}, and ${pace}`;
}

function sample({ batch, sequence, vocab, samples, hidden, dtype }: Sizes): Remark | undefined {
  const cost = sampledSoftmax({ vocab, samples, rows: batch * sequence, hidden, dtype });
  if (cost.speedup < NOTABLE) return undefined;
  const share = cost.logitsPerRow / vocab;
  return {
    change: `${formatCount(samples)} sampled classes`,
    effect: `${formatShare(share)} of the logits, ${formatFactor(cost.speedup)} fewer bytes to move; biased`,
    numbers: { share, ...cost },
  };
}

function cluster({ vocab, hidden, cutoffs }: Sizes): Remark | undefined {
  const cost = adaptiveSoftmax({ vocab, hidden, cutoffs });
  if (cost.speedup < NOTABLE) return undefined;
  const { speedup, logitsPerRow, flopsPerRow, parameters, fullParameters } = cost;
  return {
    change: `clusters that end at ${cost.cutoffs.map(formatCount).join(" and ")}`,
    effect: `${formatFactor(speedup)} fewer operations expected under Zipf's law` +
      (hidden === undefined ? "" : `, ${formatShare(parameters / fullParameters)} of the weights`),
    numbers: { cutoffs: cost.cutoffs, speedup, logitsPerRow, flopsPerRow, parameters },
  };
}

function chunk(head: Sizes, device: Device): Remark | undefined {
  const [whole, peakBytes] = [memory("inPlace", head).peakBytes, memory("linearChunks", head).peakBytes];
  if (peakBytes >= whole) return undefined;
  const slowdown = timeOf("linearChunks", head, device).seconds / timeOf("inPlace", head, device).seconds;
  return {
    change: "chunks instead of in place",
    effect: `${formatBytes(peakBytes)} instead of ${formatBytes(whole)}, in ${formatFactor(slowdown)} the time`,
    numbers: { peakBytes, savedBytes: whole - peakBytes, slowdown },
  };
}
