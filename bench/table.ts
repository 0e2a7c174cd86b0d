/** Cells that the tables of the benchmarks share. */
import { formatCount } from "../src/cli/table.ts";
import type { Shape } from "./cases.ts";
import type { Measurement } from "./harness.ts";

/** A measurement beside what the machine can do. */
export interface Rated extends Measurement {
  /** Of the rate at which as many threads of WebAssembly read as many bytes, measured in the same minute. */
  readonly shareOfReadBandwidth: number;
}

/** Three digits, however long it took. */
export function formatMilliseconds(seconds: number): string {
  return `${seconds < 1 ? (seconds * 1000).toPrecision(3) : (seconds * 1000).toFixed(0)} ms`;
}

/** The median, its spread, and the rate. */
export function formatRate(one: Measurement): string[] {
  return [
    formatMilliseconds(one.medianSeconds),
    `±${(100 * one.spread).toFixed(0)} %`,
    `${(one.bytesPerSecond / 1e9).toFixed(2)} GB/s`,
  ];
}

/** The same, and the share of the read rate. */
export function formatSpeed(one: Rated): string[] {
  return [...formatRate(one), formatPercent(one.shareOfReadBandwidth)];
}

/** A share in whole percent. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** A factor. */
export function formatTimes(factor: number): string {
  return `${factor.toFixed(1)} ×`;
}

/** Rows and classes: 512 × 50,257. */
export function formatShape([rows, vocab]: Shape): string {
  return `${formatCount(rows)} × ${formatCount(vocab)}`;
}
