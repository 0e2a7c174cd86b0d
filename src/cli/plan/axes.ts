/** Axes of charts: their intervals, their ticks, and numbers in engineering notation. */

/** From one value to a greater one. */
export type Interval = readonly [low: number, high: number];

/** How a value becomes a place. */
export interface Scale {
  /** Whether equal steps are equal differences, or equal ratios. */
  readonly type: "linear" | "log";
  /** What it shows. */
  readonly domain: [number, number];
  /** What it shows is not rounded. */
  readonly nice: false;
}

/** What the channels of a chart that share an axis have in common. */
export interface Axis {
  readonly type: "quantitative";
  readonly title: string;
  readonly scale: Scale;
  readonly axis: { readonly values?: number[]; readonly tickCount: number; readonly labelExpr: string };
}

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** A logarithmic scale. */
export function log([low, high]: Interval): Scale {
  return { type: "log", domain: [low, high], nice: false };
}

/** A linear scale from 0 on. */
export function linear(high: number): Scale {
  return { type: "linear", domain: [0, high], nice: false };
}

/** An axis whose labels are a Vega expression; where its ticks are not given they are about eight. */
export function axis(title: string, scale: Scale, labelExpr: string, ticks?: readonly number[]): Axis {
  return { type: "quantitative", title, scale, axis: { ...ticks && { values: [...ticks] }, tickCount: 8, labelExpr } };
}

/** The narrowest interval of 1, 2 or 5 times powers of ten that leaves a factor of 2 around positive values. */
export function roundInterval(values: readonly number[]): Interval {
  const [low, lowPower] = scientific(Math.min(...values) / 2);
  const [high, highPower] = scientific(Math.max(...values) * 2);
  const below = low < 2 ? 1 : low < 5 ? 2 : 5;
  const above = high > 5 ? 10 : high > 2 ? 5 : high > 1 ? 2 : 1;
  return [Number(`${below}e${lowPower}`), Number(`${above}e${highPower}`)];
}

/** The powers of ten in an interval; in a narrow one their doubles and fivefolds too. */
export function roundTicks([low, high]: Interval): number[] {
  const [first, last] = [low, high].map((bound) => scientific(bound)[1]);
  const steps = decades([low, high]) <= 3 ? [1, 2, 5] : [1];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return powers.flatMap((power) => steps.map((step) => Number(`${step}e${power}`)))
    .filter((tick) => tick >= low && tick <= high);
}

/** How often a number grows tenfold in an interval. */
export function decades([low, high]: Interval): number {
  return Math.log10(high / low);
}

/** A number to three digits, its unit with the prefix of a power of a thousand: 19.5 TFLOP/s. */
export function engineering(value: number, unit: string): string {
  const rounded = Number(value.toPrecision(3));
  const power = Math.max(0, Math.min(PREFIXES.length - 1, Math.floor(scientific(rounded)[1] / 3)));
  return `${Number((rounded / 1000 ** power).toPrecision(3))} ${PREFIXES[power]}${unit}`;
}

/** As {@linkcode engineering}, for the labels of an axis. */
export function engineeringLabels(unit: string): string {
  return `replace(format(datum.value, '.3~s'), /(\\D?)$/, ' $1${unit}')`;
}

/** m and n of a positive value m·10ⁿ with 1 ≤ m < 10, without the rounding of a logarithm. */
function scientific(value: number): [mantissa: number, power: number] {
  const [mantissa, power] = value.toExponential().split("e").map(Number);
  return [mantissa, power];
}
