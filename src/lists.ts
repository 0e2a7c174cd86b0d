/**
 * Lists of numbers to checked lists, or an error that names the argument, the position and the value.
 *
 * @module
 */
import { show, ValueChecker } from "./check.ts";

/** What is wrong with a number, if anything is: the end of a message that begins with its name and value. */
export type Complaint = (value: number) => string | undefined;

/** Complains of NaN and of infinities. */
export function unlessFinite(value: number): string | undefined {
  return Number.isFinite(value) ? undefined : "not finite";
}

/** Complains of what is no weight: a finite number from 0 on. */
export function unlessWeight(value: number): string | undefined {
  return unlessFinite(value) ?? (value < 0 ? "less than 0" : undefined);
}

/** Complains of what is no logarithm of a weight: a finite number, or −∞. */
export function unlessLogarithm(value: number): string | undefined {
  return value === -Infinity ? undefined : unlessFinite(value);
}

/** Complains of numbers outside [0, 1]; NaN may be one of them. */
export function outsideUnit(value: number): string | undefined {
  return value < 0 ? "less than 0" : value > 1 ? "more than 1" : undefined;
}

/** Complains of what is not between 0 and 1. */
export function unlessShare(value: number): string | undefined {
  return unlessFinite(value) ?? outsideUnit(value);
}

/** Checks lists of numbers; every message begins with what cannot be done. */
export class ListChecker extends ValueChecker {
  /** An array of anything. */
  array(name: string, value: unknown): ArrayLike<unknown> {
    const length = typeof value === "object" && value !== null && "length" in value ? value.length : undefined;
    if (typeof length === "number" && Number.isSafeInteger(length) && length >= 0) return value as ArrayLike<unknown>;
    throw this.typeError(`${name} is ${show(value)}, not an array`);
  }

  /** An array of numbers of which nothing complains: any numbers unless it is given. */
  list(name: string, value: unknown, complain: Complaint = () => undefined): ArrayLike<number> {
    const list = this.array(name, value);
    for (let i = 0; i < list.length; i++) {
      const element = list[i];
      if (typeof element !== "number") throw this.typeError(`${name}[${i}] is ${show(element)}, not a number`);
      const problem = complain(element);
      if (problem !== undefined) throw this.rangeError(`${name}[${i}] is ${element}, ${problem}`);
    }
    return list as ArrayLike<number>;
  }

  /** The same, as long as `length`, which is that of what `of` names. */
  matching(name: string, value: unknown, length: number, of: string, complain?: Complaint): ArrayLike<number> {
    const list = this.list(name, value, complain);
    if (list.length === length) return list;
    throw this.typeError(`${name} has ${count(list.length, "element")}, ${of} ${length}`);
  }

  /**
   * A number that stands for all, or a list of one of these lengths, whose numbers come round again; where one of them
   * is 0 there is nothing to stand for, and any length will do.
   */
  cycle(name: string, value: unknown, lengths: readonly number[], complain: Complaint): ArrayLike<number> {
    if (typeof value === "number") {
      const problem = complain(value);
      if (problem !== undefined) throw this.rangeError(`${name} is ${value}, ${problem}`);
      return [value];
    }
    if (typeof value !== "object") throw this.typeError(`${name} is ${show(value)}, neither a number nor an array`);
    const list = this.list(name, value, complain), wanted = [...new Set(lengths)];
    if (wanted.includes(0) || wanted.includes(list.length)) return list;
    throw this.typeError(`${name} has ${count(list.length, "element")}, not ${wanted.join(" or ")}`);
  }
}

/** "1 row", "2 rows". */
export function count(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? "" : "s"}`;
}
