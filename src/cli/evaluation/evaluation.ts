/** What both kinds of evaluation are: accumulators that numbers of rows go into, and what is made of them in the end. */
import type { VegaLiteSpec } from "../plan/render.ts";
import type { Part } from "./parts.ts";
import type { Settings } from "./settings.ts";

/** The kinds, by the command that makes them. */
export type KindName = "score" | "compare";

/** An evaluation under way, or done. */
export interface Evaluation {
  /** Its kind. */
  readonly kind: KindName;
  /** What all its rows have in common. */
  readonly settings: Settings;
  /** What has been found: accumulators, in records or lists by name. */
  readonly state: object;
  /** What is made of it; `parts` says of which rows. */
  conclude(parts: readonly Part[]): Conclusion;
}

/** What was found, for all kinds of reader. */
export interface Conclusion {
  /** As numbers. */
  readonly summary: object;
  /** As tables. */
  readonly text: string;
  /** As a chart. */
  chart(): VegaLiteSpec;
}

/** How many rows there were. */
export interface RowCounts {
  /** Rows that were read. */
  readonly read: number;
  /** Those that the numbers are of. */
  readonly counted: number;
  /** Those left out, as their target says. */
  readonly ignored: number;
}

/** How kernels are called. */
export interface Manner {
  readonly backend: "wasm";
  readonly temperature: number;
  readonly deterministic: boolean;
  readonly threads?: number;
}
