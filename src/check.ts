/**
 * Values to checked values, or an error that names the argument, its position and its value.
 *
 * @module
 */

/** Bounds of a number. */
export interface Bounds {
  /** What an absent number means; without it there must be one. */
  readonly fallback?: number;
  /** The least value, allowed itself. */
  readonly least?: number;
  /** A bound that the value must exceed. */
  readonly above?: number;
  /** The greatest value, allowed itself. */
  readonly most?: number;
  /** A bound that the value must stay below. */
  readonly below?: number;
  /** Whether only whole numbers will do. */
  readonly integer?: true;
}

/** Checks values; every message begins with what cannot be done. */
export class ValueChecker {
  readonly #doing: string;

  /** For messages of the form "Cannot compute softmax: …". */
  constructor(doing: string) {
    this.#doing = doing;
  }

  /** An error for a wrong type, or a wrong length. */
  typeError(problem: string): TypeError {
    return new TypeError(`Cannot ${this.#doing}: ${problem}`);
  }

  /** An error for a value out of range. */
  rangeError(problem: string): RangeError {
    return new RangeError(`Cannot ${this.#doing}: ${problem}`);
  }

  /** An object with none but known properties, which it may lack. */
  bag<Bag extends object>(value: unknown, known: readonly string[], all = "options are", one = "option"): Partial<Bag> {
    if (typeof value !== "object" || value === null) throw this.typeError(`${all} ${show(value)}, not an object`);
    const stranger = Object.keys(value).find((name) => !known.includes(name));
    if (stranger !== undefined) throw this.typeError(`there is no ${one} "${stranger}"`);
    return value;
  }

  /** A finite number within bounds. */
  number(name: string, value: unknown, bounds: Bounds): number {
    if (value === undefined && bounds.fallback !== undefined) return bounds.fallback;
    if (typeof value !== "number") throw this.typeError(`${name} is ${show(value)}, not a number`);
    const { least = -Infinity, above = -Infinity, most = Infinity, below = Infinity, integer } = bounds;
    if (!Number.isFinite(value)) throw this.rangeError(`${name} is ${value}, not finite`);
    if (integer && !Number.isInteger(value)) throw this.rangeError(`${name} is ${value}, not an integer`);
    if (value < least) throw this.rangeError(`${name} is ${value}, less than ${least}`);
    if (value <= above) throw this.rangeError(`${name} is ${value}, not above ${above}`);
    if (value > most) throw this.rangeError(`${name} is ${value}, more than ${most}`);
    if (integer && !Number.isSafeInteger(value)) throw this.rangeError(`${name} is ${value}, beyond ±(2^53 − 1)`);
    if (value >= below) throw this.rangeError(`${name} is ${value}, not below ${below}`);
    const single = Math.fround(value);
    if (!Number.isFinite(single) || (single === 0) !== (value === 0)) {
      throw this.rangeError(`${name} is ${value}, beyond what an f32 can hold`);
    }
    return value;
  }

  /** One of a few values. */
  choice<T>(name: string, value: unknown, choices: readonly T[], fallback: NoInfer<T>): T {
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    const problem = `${name} is ${show(value)}, not one of ${choices.map(show).join(", ")}`;
    throw choices.some((one) => typeof one === typeof value) ? this.rangeError(problem) : this.typeError(problem);
  }

  /** `true`, `false` or nothing. */
  flag(name: string, value: unknown): boolean {
    if (value !== undefined && typeof value !== "boolean") {
      throw this.typeError(`${name} is ${show(value)}, not a boolean`);
    }
    return value ?? false;
  }
}

/** A value as a message shows it: short, and never by running its code. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) {
    return value.length <= 4 ? `[${value.map(show).join(", ")}]` : `an array of ${value.length}`;
  }
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "bare object"}`;
  return typeof value === "function" ? "a function" : String(value);
}
