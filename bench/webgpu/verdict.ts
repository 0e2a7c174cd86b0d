/** What a GPU is expected to reach, and whether it does. */
import type { Shape } from "../cases.ts";
import { formatPercent, formatShape } from "../table.ts";
import { FORWARD, IN_PLACE } from "./operations.ts";
import type { Row } from "./resident.ts";

/** A batch of a training step, and one token of a server with a large vocabulary. */
export const BATCH: Shape = [16_384, 131_072], TOKEN: Shape = [1, 256_000];

/** What the operations shall reach of the copy's bytes a second on the batch. */
const TARGETS: readonly (readonly [operation: string, share: number])[] = [[FORWARD, 0.85], [IN_PLACE, 0.75]];

/** One token: as many times its bytes' share of the copy, and so many seconds more. */
const FACTOR = 3, EXTRA_SECONDS = 20e-6;

/** An expectation. */
export interface Verdict {
  readonly text: string;
  /** Undefined where it was not measured. */
  readonly isMet?: boolean;
}

/** The expectations, each against what was measured. */
export function judge(rows: readonly Row[]): Verdict[] {
  const find = (operation: string, [count, vocab]: Shape) =>
    rows.find(({ name, dtype, shape }) =>
      name === operation && dtype === "f32" && shape[0] === count && shape[1] === vocab
    );
  const batch = TARGETS.map(([operation, target]): Verdict => {
    const row = find(operation, BATCH), what = `${operation}, f32, ${formatShape(BATCH)}`;
    if (row === undefined) return { text: `${what}: not measured` };
    const figures = `${formatPercent(row.shareOfCopy)} of the copy's bytes/s, target ${formatPercent(target)}`;
    return { text: `${what}: ${figures}`, isMet: row.shareOfCopy >= target };
  });
  const token = find(FORWARD, TOKEN), what = `${FORWARD}, f32, ${formatShape(TOKEN)}`;
  if (token === undefined) return [...batch, { text: `${what}: not measured` }];
  const { medianSeconds, shareOfCopy } = token;
  const limit = FACTOR * shareOfCopy * medianSeconds + EXTRA_SECONDS;
  const figures = `${microseconds(medianSeconds)}, target ${FACTOR} × (its bytes / copy) + ` +
    `${microseconds(EXTRA_SECONDS)} = ${microseconds(limit)}`;
  return [...batch, { text: `${what}: ${figures}`, isMet: medianSeconds <= limit }];
}

function microseconds(seconds: number): string {
  return `${(1e6 * seconds).toFixed(1)} µs`;
}
