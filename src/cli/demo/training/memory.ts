/** What a loss takes of memory: as far as the process can see, as planned, and as it would be with logits. */
import type { Report } from "../../../../mod.ts";
import { logitsBytes, memory, plan } from "../../../cost/mod.ts";

/** How often it is looked at, in milliseconds. */
const LOOK_EVERY_MILLISECONDS = 2;

/** A call that was looked at. */
export interface Call {
  /** How it was computed. */
  readonly report: Report;
  /**
   * The most resident bytes of the process that were seen meanwhile beyond those before: what it had free is not seen.
   */
  readonly grownBytes: number;
}

/** Sizes of a call. */
export type Dims = Readonly<Record<"rows" | "hidden" | "vocab", number>>;

/** Bytes beside hidden states, weights and their gradients. */
export interface Footprint {
  /** Rows of the call. */
  readonly rows: number;
  /** Whether gradients were wanted. */
  readonly hasGradient: boolean;
  /** With logits in memory, and a gradient by them if gradients were wanted. */
  readonly materialisedBytes: number;
  /** What linearCrossEntropy is planned to take, where it ran as it did. */
  readonly plannedBytes: number;
  /** How much the process grew. */
  readonly grownBytes: number;
}

/** Makes a call that leaves the event loop free, and looks at the memory meanwhile. */
export async function watch<Result extends Pick<Call, "report">>(
  call: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly call: Call }> {
  const before = Deno.memoryUsage().rss;
  let most = before;
  const look = () => void (most = Math.max(most, Deno.memoryUsage().rss));
  const timer = setInterval(look, LOOK_EVERY_MILLISECONDS);
  try {
    const result = await call();
    look();
    return { result, call: { report: result.report, grownBytes: most - before } };
  } finally {
    clearInterval(timer);
  }
}

/** The footprint of a call of linearCrossEntropy. */
export function footprint({ report, grownBytes }: Call, dims: Dims, hasGradient: boolean): Footprint {
  const { rows, vocab } = dims, head = { batch: rows, vocab };
  const outputs = hasGradient ? ["gradientHidden", "gradientWeight", "gradientBias"] : [];
  const { candidates } = plan("linearCrossEntropy", dims, { inputs: { place: "wasm", outputs, written: "given" } });
  // Threads share what a call takes
  const planned = candidates.find(({ backend }) => backend === report.backend);
  if (planned === undefined) throw new Error(`No plan for ${report.backend}`);
  return {
    rows,
    hasGradient,
    materialisedBytes: hasGradient ? memory("fused", head).peakBytes : logitsBytes(head),
    plannedBytes: planned.peakBytes,
    grownBytes,
  };
}
