/** Reading of JSON that may be anybody's: errors say where in it something is wrong. */

/** JSON is not what it should be; the message begins with where. */
export class MalformedError extends Error {
  /** "MalformedError". */
  override readonly name = "MalformedError";
}

/** Properties of JSON by name. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** An object, or a list as an object whose names are indices. */
export function readObject(json: unknown, where: string): JsonObject {
  if (typeof json === "object" && json !== null) return { ...json };
  throw wrong(json, where, "an object");
}

/** A list. */
export function readList(json: unknown, where: string): readonly unknown[] {
  if (Array.isArray(json)) return json;
  throw wrong(json, where, "a list");
}

/** A text. */
export function readText(json: unknown, where: string): string {
  if (typeof json === "string") return json;
  throw wrong(json, where, "a text");
}

/** A whole number from 0 on. */
export function readWhole(json: unknown, where: string): number {
  if (Number.isSafeInteger(json) && Number(json) >= 0) return Number(json);
  throw wrong(json, where, "a whole number from 0 on");
}

/** A number as {@linkcode writeNumber} writes it. */
export function readNumber(json: unknown, where: string): number {
  if (typeof json === "number") return json;
  const value = SPECIAL.find((special) => String(special) === json);
  if (value !== undefined) return value;
  throw wrong(json, where, "a number");
}

/** A number that JSON has, or the name of one that it lacks: "Infinity", "-Infinity", "NaN". */
export function writeNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** A copy as JSON has it, in which the numbers that JSON lacks are their names. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, one) => typeof one === "number" ? writeNumber(one) : one));
}

/** An error that shows what there is instead of what there should be. */
export function wrong(json: unknown, where: string, what: string): MalformedError {
  const found = JSON.stringify(json) ?? "missing";
  return new MalformedError(`${where} is ${found.length > 40 ? `${found.slice(0, 40)}…` : found}, not ${what}`);
}

const SPECIAL: readonly number[] = [Infinity, -Infinity, NaN];
