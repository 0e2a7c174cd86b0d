/** The calls of a distillation loss: one for a teacher's matrix; for its likeliest tokens two for every few rows. */
import type { AnyTensor, CheckedCall, CommonOptions, Operation, Tensor } from "../../operation.ts";
import { rowsOf, vector } from "../../tensors.ts";
import { record as logSumExp } from "../log_sum_exp.ts";
import { complete, copyOthers, type KnownTokens, type Sketch } from "./top_k_teacher.ts";

/** Bytes of the rows that are completed at once. */
const TILE_BYTES = 16 * 2 ** 20;

/** Columns of the partials of logSumExp: max, Σ e^(x − max). */
const PARTIAL = 2;

/** A divergence of a teacher and a student: D(teacher ‖ student), D(student ‖ teacher) or Jensen–Shannon's. */
export type DistillationDivergence = "forward" | "reverse" | "js";

/** The divergences, by their numbers in the record. */
export const KINDS: readonly DistillationDivergence[] = ["forward", "reverse", "js"];

/** A loss whose arguments have been checked. */
export interface Problem<Student extends AnyTensor = AnyTensor> {
  readonly record: Operation;
  readonly student: Student;
  readonly rows: number;
  /** Columns of the widest matrix. */
  readonly columns: number;
  readonly kind: DistillationDivergence;
  /** Class indices: −1 for rows that do not count. */
  readonly targets?: Int32Array;
  readonly gradientScale?: Float32Array;
  readonly hard?: Float32Array;
  readonly soft: Float32Array;
  readonly gradient?: AnyTensor;
  readonly params: Readonly<Record<"softcap" | "temperature" | "alpha" | "beta" | "scale", number>>;
  readonly options: CommonOptions;
}

/** The loss of some rows by as many rows of a teacher. */
export function lossCall(problem: Problem, teacher: AnyTensor, first: number, rows: number): CheckedCall {
  const { record, kind, params, options } = problem;
  // A tensor that the backend is still to make must be the caller's own
  const rowsIn = <T extends AnyTensor>(tensor: T) => rows === problem.rows ? tensor : rowsOf(tensor, first, rows);
  const student = rowsIn(problem.student);
  const part = <Data extends Float32Array | Int32Array>(data: Data | undefined) =>
    data && vector(data.subarray(first, first + rows));
  return {
    operation: record,
    dims: { rows, vocab: problem.columns },
    tensors: {
      ...(kind === "reverse" ? { p: student, q: teacher } : { p: teacher, q: student }),
      targets: part(problem.targets),
      gradientScale: part(problem.gradientScale),
      hard: part(problem.hard),
      soft: part(problem.soft),
      gradient: problem.gradient && rowsIn(problem.gradient),
    },
    params: { ...params, kind: KINDS.indexOf(kind) },
    options,
  };
}

/**
 * The loss by a teacher's likeliest tokens, whose logits are completed a few rows at a time. Leaves in `hidden` what the
 * divergence of each row may be more, given that the teacher's other tokens are no likelier than those.
 */
export function* topKCalls(
  problem: Problem<Tensor>,
  teacher: KnownTokens,
  hidden: Float32Array,
): Generator<CheckedCall> {
  const { student, rows, targets, params: { temperature }, options } = problem, vocab = student.columns;
  const most = Math.max(1, Math.min(rows, Math.floor(TILE_BYTES / (4 * vocab)))), tile = new Float32Array(most * vocab);
  const rowOf = (i: number) => tile.subarray(i * vocab, (i + 1) * vocab);
  for (let first = 0; first === 0 || first < rows; first += most) {
    const count = Math.min(most, rows - first), sketches = new Map<number, Sketch>();
    for (let i = 0; i < count; i++) {
      if (targets?.[first + i] !== -1) sketches.set(i, copyOthers(student, first + i, teacher, rowOf(i)));
    }
    const logits = vector(tile.subarray(0, count * vocab), vocab);
    const partial = vector(new Float64Array(count * PARTIAL), PARTIAL);
    yield {
      operation: logSumExp,
      dims: { rows: count, vocab },
      tensors: { logits, logSumExp: vector(new Float32Array(count)), partial },
      params: { softcap: 0, temperature },
      options,
    };
    for (const [i, sketch] of sketches) {
      const row = first + i, [max, sum] = partial.data.subarray(i * PARTIAL), rest = max + Math.log(sum);
      complete(rowOf(i), row, teacher, rest, temperature);
      hidden[row] = boundOf(problem, teacher, row, rest, sketch);
    }
    yield lossCall(problem, logits, first, count);
  }
}

/**
 * What the tail hides: its weight times the divergence of its two distributions, by the chain rule. Of the teacher's it is
 * known that no token is likelier than the least of those that are stored. `rest` is the student's log-sum-exp over the tail.
 */
function boundOf(
  { kind, params: { beta, temperature } }: Problem<Tensor>,
  { top, logProbabilities, tail }: KnownTokens,
  row: number,
  rest: number,
  { known, least }: Sketch,
): number {
  const ofTeacher = Math.exp(tail[row]);
  if (ofTeacher === 0 || rest === -Infinity) return 0;
  if (kind === "reverse") return Number.isNaN(rest) ? NaN : Infinity;
  if (kind === "forward") {
    const likeliest = Math.min(...logProbabilities.subarray(row * top, (row + 1) * top));
    return ofTeacher * (Math.min(0, likeliest - tail[row]) + rest - least / temperature);
  }
  // Most, where no token of the tail is of both
  const above = known.reduce((sum, logit) => sum + Math.exp(logit / temperature - rest), 0);
  const a = beta * ofTeacher, b = (1 - beta) / (1 + above);
  return a * Math.log1p(b / a) + (b === 0 ? 0 : b * Math.log1p(a / b));
}
