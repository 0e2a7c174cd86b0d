/** Tables and numbers for people. */

/** Where a column's cells stand. */
export type Alignment = "left" | "right";

/** Lines of cells with two spaces between columns; the first column is left-aligned and the others right, unless said. */
export function alignColumns(lines: readonly (readonly string[])[], alignments: readonly Alignment[] = []): string {
  const columns = Math.max(0, ...lines.map(({ length }) => length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
  const align = (cell: string, i: number) =>
    (alignments[i] ?? (i === 0 ? "left" : "right")) === "left" ? cell.padEnd(widths[i]) : cell.padStart(widths[i]);
  return lines.map((line) => line.map(align).join("  ").trimEnd()).join("\n");
}

/** A whole number, thousands apart: 50,257. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A number with a fixed count of decimals, thousands apart: 1,014.27. */
export function formatFixed(value: number, decimals: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A number to four digits, however small: 1.395, 5.426e-5. */
export function formatSmall(value: number): string {
  if (!Number.isFinite(value)) return formatSpecial(value);
  return value === 0 || Math.abs(value) >= 1e-3 ? value.toPrecision(4) : value.toExponential(3);
}

/** A number and its standard error, both to the error's second digit: 255.17 and 3.2, 5.426e-5 and 2.1e-7. */
export function formatWithError(value: number, error: number): [value: string, error: string] {
  if (!Number.isFinite(value) || !(error > 0 && error < Infinity)) return [formatSmall(value), formatSmall(error)];
  const power = exponentOf(error);
  if (Math.max(Math.abs(value), error) >= 1e-3) {
    const decimals = Math.min(20, Math.max(0, 1 - power));
    return [formatFixed(value, decimals), formatFixed(error, decimals)];
  }
  const digits = Math.min(20, Math.max(0, exponentOf(value === 0 ? error : value) - power + 1));
  return [value.toExponential(digits), error.toExponential(1)];
}

/** The power of ten that a number's first digit stands for. */
function exponentOf(value: number): number {
  return Number(value.toExponential().split("e")[1]);
}

function formatSpecial(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "∞" : "−∞";
}

/** A share as a percentage: 23.40 %. */
export function formatShare(value: number): string {
  return `${formatFixed(100 * value, 2)} %`;
}

/** A ratio to about three digits: 2.95 ×, 19.4 ×, 1,204 ×. */
export function formatFactor(ratio: number): string {
  return `${formatFixed(ratio, ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0)} ×`;
}
