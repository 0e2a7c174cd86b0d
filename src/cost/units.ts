/**
 * Bytes and seconds as people read them. A decimal unit is never printed for a binary one: 1 GB is 10⁹ bytes, 1 GiB 2³⁰.
 *
 * @module
 */
import { ValueChecker } from "../check.ts";

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/**
 * Bytes in the decimal unit that leaves one to three digits before the point, to two decimals.
 *
 * @param bytes A number from 0 on.
 * @returns Such as "3.29 GB"; whole bytes below 1 kB.
 * @throws {RangeError} If it is negative or not finite.
 *
 * @example
 * ```ts
 * import { formatBytes } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatBytes(3_293_642_752), "3.29 GB");
 * ```
 */
export function formatBytes(bytes: number): string {
  return format(bytes, 1000, DECIMAL);
}

/**
 * Bytes in the binary unit that leaves one to four digits before the point, to two decimals.
 *
 * @param bytes A number from 0 on.
 * @returns Such as "3.07 GiB"; whole bytes below 1 KiB.
 * @throws {RangeError} If it is negative or not finite.
 *
 * @example
 * ```ts
 * import { formatBinaryBytes } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatBinaryBytes(3_293_642_752), "3.07 GiB");
 * ```
 */
export function formatBinaryBytes(bytes: number): string {
  return format(bytes, 1024, BINARY);
}

/**
 * The bytes that a text says, in decimal or binary units.
 *
 * @param text A number and a unit, such as "80 GB", "24GiB", "512" or "1.5 TB"; upper and lower case are one.
 * @returns Whole bytes.
 * @throws {TypeError} If it is not such a text.
 * @throws {RangeError} If it is more than 2^53 − 1 bytes.
 *
 * @example
 * ```ts
 * import { parseBytes } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([parseBytes("10 GB"), parseBytes("10GiB")], [10_000_000_000, 10_737_418_240]);
 * ```
 */
export function parseBytes(text: string): number {
  const check = new ValueChecker("parse bytes");
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const power = (units: readonly string[]) => units.findIndex((name) => name.toLowerCase() === unit?.toLowerCase());
  const decimal = unit === "" ? 0 : power(DECIMAL), binary = power(BINARY);
  if (number === undefined || (decimal < 0 && binary < 0)) {
    throw check.typeError(`"${text}" is not a number and a unit, such as 80 GB or 24 GiB`);
  }
  const bytes = Math.round(Number(number) * (decimal >= 0 ? 1000 ** decimal : 1024 ** binary));
  return check.number("the number", bytes, { least: 0, integer: true });
}

/**
 * Seconds in the unit that leaves one to three digits before the point, to three digits.
 *
 * @param seconds A number from 0 on.
 * @returns Such as "8.60 ms".
 * @throws {RangeError} If it is negative or not finite.
 *
 * @example
 * ```ts
 * import { formatSeconds } from "@surprisal/core/cost";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([formatSeconds(0.0086), formatSeconds(1.6e-7), formatSeconds(90)], ["8.60 ms", "160 ns", "90.0 s"]);
 * ```
 */
export function formatSeconds(seconds: number): string {
  new ValueChecker("format seconds").number("the number", seconds, { least: 0 });
  const units = ["s", "ms", "µs", "ns"];
  let power = 0, value = seconds;
  // What would round up to the next unit is said in it
  for (; power < units.length - 1 && seconds > 0 && value < 0.9995; power++) value *= 1000;
  return `${value >= 999.5 ? value.toFixed(0) : value.toPrecision(3)} ${units[power]}`;
}

function format(bytes: number, base: number, units: readonly string[]): string {
  new ValueChecker("format bytes").number("the number", bytes, { least: 0 });
  let unit = 0, value = bytes;
  // What would round up to the next unit is said in it
  while (unit < units.length - 1 && value >= base - (unit === 0 ? 0 : 0.005)) {
    value /= base;
    unit++;
  }
  const decimals = unit === 0 ? 0 : 2;
  const text = value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return `${text} ${units[unit]}`;
}
