/** Bytes for people who think in either unit. */
import { formatBinaryBytes, formatBytes } from "../cost/mod.ts";

/** Bytes in decimal and in binary units: 1.65 GB = 1.53 GiB. */
export function formatBothBytes(bytes: number): string {
  return `${formatBytes(bytes)} = ${formatBinaryBytes(bytes)}`;
}
