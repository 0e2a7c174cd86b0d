/** Teachers of whom only the likeliest tokens of each row are known. */
import { show } from "../../check.ts";
import type { Tensor } from "../../operation.ts";
import { readRow } from "../../reference/row.ts";
import type { Checker } from "../../validate.ts";

/** What stored log-probabilities may lack of a distribution, or exceed one by. */
const ROUNDING = 1e-3;

/** What all of a distribution may lack of 1 when its logarithms are f32 numbers. */
const NOTHING = 2 ** -22;

/**
 * A teacher's likeliest tokens of each row, as `tokenStatistics` finds them, and what all others have together: some 400 bytes
 * a row for 50 tokens, where its logits take hundreds of thousands.
 */
export interface TopKTeacher {
  /** How many tokens of each row there are. */
  readonly top: number;
  /** [rows, top]: different tokens below vocab. */
  readonly tokens: ArrayLike<number>;
  /** [rows, top], nats: of the tokens, by the teacher's softmax at `temperature`. */
  readonly logProbabilities: ArrayLike<number>;
  /** [rows], nats: of all other tokens together, −∞ where they have nothing; what the tokens leave of 1 unless given. */
  readonly tail?: ArrayLike<number>;
  /** The temperature of the softmax: 1 unless given. It is that of the loss. */
  readonly temperature?: number;
}

/** A teacher that has been checked. */
export interface KnownTokens {
  readonly top: number;
  readonly tokens: Int32Array;
  readonly logProbabilities: Float32Array;
  readonly tail: Float64Array;
}

/** Whether a teacher is one of these. */
export function isTopK(teacher: unknown): teacher is TopKTeacher {
  return typeof teacher === "object" && teacher !== null && "tokens" in teacher;
}

/** Checks a teacher of rows with so many classes, for a loss at a temperature. */
export function checkTopK(
  check: Checker,
  teacher: TopKTeacher,
  { rows, vocab, temperature }: { readonly rows: number; readonly vocab: number; readonly temperature: number },
): KnownTokens {
  const top = check.number("teacher.top", teacher.top, { least: 1, most: vocab, integer: true });
  const stored = check.number("teacher.temperature", teacher.temperature, { fallback: 1, above: 0 });
  if (stored !== temperature) throw check.rangeError(`teacher.temperature is ${stored}, temperature is ${temperature}`);
  const many = (name: "tokens" | "logProbabilities") => {
    const list: unknown = teacher[name];
    if (typeof list !== "object" || list === null || !("length" in list)) {
      throw check.typeError(`teacher.${name} is ${show(list)}, not an array`);
    }
    if (list.length === rows * top) return list;
    throw check.typeError(`teacher.${name} has ${list.length} elements, not ${top} for each of ${rows} rows`);
  };
  const tokens = check.classes("teacher.tokens", many("tokens"), rows * top, vocab);
  const name = "teacher.logProbabilities";
  const logProbabilities = check.numbers(name, many("logProbabilities"), rows * top, "token", true);
  const given = teacher.tail === undefined ? undefined : check.numbers("teacher.tail", teacher.tail, rows, "row", true);
  const tail = Float64Array.from({ length: rows }, (_, row) => {
    const from = row * top, own = tokens.subarray(from, from + top);
    if (new Set(own).size < top) {
      const at = own.findIndex((token, i) => own.indexOf(token) < i);
      throw check.rangeError(`teacher.tokens[${from + at}] is ${own[at]}, which row ${row} has twice`);
    }
    const total = logProbabilities.subarray(from, from + top).reduce((sum, value) => sum + Math.exp(value), 0);
    const rest = given ? Math.exp(given[row]) : Math.max(0, 1 - total);
    if (!(Math.abs(total + rest - 1) <= ROUNDING)) {
      throw check.rangeError(
        `teacher's row ${row} has probabilities that sum to ${Number((total + rest).toPrecision(6))}, not 1`,
      );
    }
    if (top === vocab) return -Infinity; // there are no others
    return given ? given[row] : rest > NOTHING ? Math.log(rest) : -Infinity;
  });
  return { top, tokens, logProbabilities, tail };
}

/** What is said of a student's row by its teacher's tokens. */
export interface Sketch {
  /** The logits of the tokens. */
  readonly known: Float64Array;
  /** The lowest logit of all others; ∞ if there are none. */
  readonly least: number;
}

/** Copies a student's row without a teacher's tokens. */
export function copyOthers(student: Tensor, row: number, teacher: KnownTokens, into: Float32Array): Sketch {
  const { data, rowStride, columns } = student;
  into.set(
    data instanceof Uint16Array ? readRow(student, row) : data.subarray(row * rowStride, row * rowStride + columns),
  );
  const tokens = tokensOf(teacher, row), known = Float64Array.from(tokens, (token) => into[token]);
  for (const token of tokens) into[token] = Infinity;
  let least = Infinity;
  for (let i = 0; i < into.length; i++) if (into[i] < least) least = into[i];
  for (const token of tokens) into[token] = -Infinity;
  return { known, least };
}

/**
 * Makes of a student's row without the teacher's tokens the teacher's: logits at temperature T of the distribution that has
 * their probabilities and divides the rest as the student does. Of all teachers with these tokens it is the one that the
 * student is nearest to, by each of the divergences, and as the nearest it adds nothing to their gradients.
 */
export function complete(
  row: Float32Array,
  index: number,
  teacher: KnownTokens,
  logSumExp: number,
  temperature: number,
): void {
  const tail = teacher.tail[index], tokens = tokensOf(teacher, index);
  const isAlike = tail > -Infinity && logSumExp !== -Infinity;
  const level = isAlike ? logSumExp - tail : 0;
  if (!isAlike) {
    const other = row.findIndex((_, i) => !tokens.includes(i));
    row.fill(-Infinity);
    if (tail > -Infinity) row[other] = temperature * tail; // what the student has as impossible
  }
  tokens.forEach((token, i) => row[token] = temperature * (teacher.logProbabilities[index * teacher.top + i] + level));
}

/** The tokens of a row. */
function tokensOf({ tokens, top }: KnownTokens, row: number): Int32Array {
  return tokens.subarray(row * top, (row + 1) * top);
}
