import type { CheckedCall, CommonOptions, Matrix, Report, Tensor } from "../operation.ts";
import { rowsOf, vector } from "../tensors.ts";
import { Checker } from "../validate.ts";
import { onHost, runsOf } from "./counted.ts";
import type { Targets } from "./cross_entropy.ts";
import { runSeries, runSeriesSync, type Series } from "./linear/series.ts";
import { record as tokenStatistics } from "./token_statistics.ts";

/** Relative width of the last bracket: about what f32 statistics can tell. */
const TOLERANCE = 1e-6;

/** More than bisecting every third time needs from any f32 bracket down to the tolerance. */
const MOST_ITERATIONS = 120;

/** Options of {@linkcode fitTemperature}. */
export interface FitTemperatureOptions extends CommonOptions {
  /** The least temperature to consider: 0.01 unless given. */
  readonly least?: number;
  /** The greatest: 100 unless given. */
  readonly most?: number;
  /** The target that marks a row to be left out: −100 unless given. */
  readonly ignoreIndex?: number;
  /** Soft cap, before the temperature. None unless given. */
  readonly softcap?: number;
}

/** What {@linkcode fitTemperature} returns. */
export interface FitTemperatureResult {
  /** Between `least` and `most`; NaN where the loss is not finite or no row counts. */
  readonly temperature: number;
  /** Mean cross-entropy at that temperature, nats; at 1 where there is none. */
  readonly loss: number;
  /** Mean cross-entropy at temperature 1, nats. */
  readonly lossBefore: number;
  /** Temperatures tried, 1 and the bounds among them. */
  readonly iterations: number;
  /** How it ran, the sums of all calls that it took. */
  readonly report: Report;
}

/** A temperature tried: its −ln, the mean loss, and the loss's derivative by −ln T. */
interface Point {
  readonly u: number;
  readonly temperature: number;
  readonly loss: number;
  readonly slope: number;
}

interface Problem {
  readonly logits: Tensor;
  readonly targets: Int32Array;
  readonly softcap: number;
  readonly options: CommonOptions;
}

function prepare(logits: Matrix, targets: Targets, options: FitTemperatureOptions = {}): Series<FitTemperatureResult> {
  const check = new Checker("compute fitTemperature");
  const common = check.options(options, ["least", "most", "ignoreIndex", "softcap"]);
  const softcap = options.softcap === undefined ? 0 : check.number("softcap", options.softcap, { above: 0 });
  const least = check.number("least", options.least, { fallback: 0.01, above: 0 });
  const most = check.number("most", options.most, { fallback: 100, least });
  const input = onHost(check, "logits", check.matrix("logits", logits)), { rows, columns: vocab } = input;
  const ignored = check.number("ignoreIndex", options.ignoreIndex, { fallback: -100, integer: true });
  const classes = check.classes("targets", targets, rows, vocab, ignored);
  const tried: Point[] = [];
  let found: Point | undefined;
  const problem = { logits: input, targets: classes, softcap, options: common };
  return {
    calls: (function* () {
      found = yield* search(problem, { least, most }, tried);
    })(),
    finish: (report) => ({
      temperature: found?.temperature ?? NaN,
      loss: (found ?? tried[0]).loss,
      lossBefore: tried[0].loss,
      iterations: tried.length,
      report,
    }),
  };
}

/** The point where the slope changes its sign, or a bound; none where the loss is not finite. */
function* search(
  problem: Problem,
  { least, most }: { readonly least: number; readonly most: number },
  tried: Point[],
): Generator<CheckedCall, Point | undefined> {
  const evaluate = function* (temperature: number) {
    const point = yield* pointAt(problem, temperature);
    tried.push(point);
    return point;
  };
  const one = yield* evaluate(1);
  if (!Number.isFinite(one.loss)) return undefined;
  let hot = yield* evaluate(most); // the smaller β
  if (!(hot.slope < 0)) return hot;
  let cold = yield* evaluate(least);
  if (!(cold.slope > 0)) return cold;
  if (least < 1 && 1 < most) {
    if (one.slope < 0) hot = one;
    else cold = one;
  }
  let best = -hot.slope < cold.slope ? hot : cold, lastSide = 0;
  for (let step = 0; cold.u - hot.u > TOLERANCE && best.slope !== 0 && step < MOST_ITERATIONS; step++) {
    // Regula falsi by Illinois' rule; every third step halves instead, so that the bracket is sure to shrink.
    const share = step % 3 === 2 ? 0.5 : hot.slope / (hot.slope - cold.slope);
    const margin = Math.min(0.5, TOLERANCE / 4 / (cold.u - hot.u));
    const u = hot.u + Math.min(1 - margin, Math.max(margin, share)) * (cold.u - hot.u);
    const point = yield* evaluate(Math.min(most, Math.max(least, Math.exp(-u))));
    if (Math.abs(point.slope) < Math.abs(best.slope)) best = point;
    const side = point.slope < 0 ? -1 : 1, half = side === lastSide ? 0.5 : 1;
    if (side < 0) [hot, cold] = [point, { ...cold, slope: cold.slope * half }];
    else [hot, cold] = [{ ...hot, slope: hot.slope * half }, point];
    lastSide = side;
  }
  return best;
}

/** β·dL/dβ is the mean of loss − entropy: β·E[x] = lse − entropy, and loss = lse − β·x_y. */
function* pointAt(
  { logits, targets, softcap, options }: Problem,
  temperature: number,
): Generator<CheckedCall, Point> {
  let count = 0, loss = 0, slope = 0;
  for (const { first, rows } of runsOf(logits.rows, (row) => targets[row] >= 0)) {
    const logP = new Float32Array(rows), entropy = new Float32Array(rows);
    yield {
      operation: tokenStatistics,
      dims: { rows, vocab: logits.columns, top: 0 },
      tensors: {
        logits: rowsOf(logits, first, rows),
        targets: vector(targets.slice(first, first + rows)),
        targetLogProbability: vector(logP),
        rank: vector(new Int32Array(rows)),
        logSumExp: vector(new Float32Array(rows)),
        entropy: vector(entropy),
        argmax: vector(new Int32Array(rows)),
      },
      params: { softcap, temperature },
      options,
    };
    count += rows;
    for (let row = 0; row < rows; row++) {
      loss -= logP[row];
      slope -= logP[row] + entropy[row];
    }
  }
  return { u: -Math.log(temperature), temperature, loss: loss / count, slope: slope / count };
}

/**
 * The temperature T at which a model's mean cross-entropy on some rows is least: temperature scaling (Guo et al.,
 * arXiv:1706.04599).
 *
 * In β = 1 / T the loss ln Σ e^(βx) − β·x_y is convex, and β times its derivative is the mean of loss − entropy. The
 * root is found by secants and bisection within [least, most], to about 1e-6 relative to T where the loss is curved
 * enough for f32 statistics. If the derivative does not change its sign there, the better bound is the answer: `least`
 * if every row's target is its most likely class, `most` if the logits say nothing, or worse than nothing, of the
 * targets.
 *
 * Where the loss at T = 1 is not finite, or no row counts, there is no such temperature: NaN. So it is with NaN or +∞
 * in a row that counts, a row of −∞, and a target at −∞, whose loss is +∞ at every temperature.
 *
 * @param logits [rows, vocab], in an array.
 * @param targets [rows] classes below vocab, or the ignored index, whose rows are not read.
 * @param options Bounds, `ignoreIndex`, soft cap, and the common options.
 * @returns The temperature, the mean loss there and at 1, in nats, and how many temperatures were tried.
 * @throws {TypeError} If an argument has the wrong type or length, or the matrix is a `GPUBuffer`.
 * @throws {RangeError} If a target, shape, stride or option is out of range.
 * @throws {BackendUnavailableError} If the backend asked for by name cannot run.
 *
 * @example Logits ln 3 apart that are right two times out of three
 * ```ts
 * import { fitTemperature } from "@surprisal/core";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const row = [Math.log(3), 0];
 * const logits = { data: Float32Array.from([...row, ...row, ...row]), shape: [3, 2] as const };
 * const { temperature } = await fitTemperature(logits, [0, 0, 1]);
 * assertAlmostEquals(temperature, Math.log(3) / Math.log(2), 1e-5);
 * ```
 */
export function fitTemperature(
  logits: Matrix,
  targets: Targets,
  options?: FitTemperatureOptions,
): Promise<FitTemperatureResult> {
  return runSeries(() => prepare(logits, targets, options));
}

/** {@linkcode fitTemperature} without a promise. */
export function fitTemperatureSync(
  logits: Matrix,
  targets: Targets,
  options?: FitTemperatureOptions,
): FitTemperatureResult {
  return runSeriesSync(() => prepare(logits, targets, options));
}
