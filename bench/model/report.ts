/** What the comparisons come to. */
import { formatMilliseconds, formatPercent, formatTimes } from "../table.ts";
import type { MethodSpeed } from "./methods.ts";

/** A prediction and what the clock said. */
export interface Point {
  /** Operation, dtype, place and shape. */
  readonly name: string;
  readonly operation: string;
  readonly backend: string;
  readonly threads: number;
  readonly predictedSeconds: number;
  readonly seconds: number;
}

/** How much longer the planner's choice takes than the fastest candidate. */
export interface Regret {
  readonly name: string;
  /** 0 where it is the fastest. */
  readonly share: number;
  readonly chosen: string;
  readonly best: string;
}

/** Who ran a call. */
export function describeWay({ backend, threads }: Pick<Point, "backend" | "threads">): string {
  return backend === "wasm" ? `wasm, ${threads} thread${threads > 1 ? "s" : ""}` : backend;
}

/** The value below which a share of the numbers lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** |predicted − measured| / measured. */
export function errorOf({ predictedSeconds, seconds }: Point): number {
  return Math.abs(predictedSeconds - seconds) / seconds;
}

/** Lines of cells: errors by backend and threads, by operation, and of all. */
export function describeErrors(points: readonly Point[]): string[][] {
  const groups = (key: (point: Point) => string) =>
    Object.entries(Object.groupBy(points, key) as Record<string, Point[]>);
  const line = ([name, group]: readonly [string, readonly Point[]]) => {
    const errors = group.map(errorOf), bias = group.map((point) => point.predictedSeconds / point.seconds);
    return [
      name,
      String(group.length),
      ...[quantile(errors, 0.5), quantile(errors, 0.9), Math.max(...errors)].map(formatPercent),
      quantile(bias, 0.5).toFixed(2),
    ];
  };
  return [
    ["", "predictions", "median error", "90th percentile", "worst", "predicted / measured"],
    ...groups(describeWay).map(line),
    ...groups(({ operation }) => operation).map(line),
    line(["all", points]),
  ];
}

/** The planner's regret in a few lines. */
export function describeRegrets(regrets: readonly Regret[]): string {
  const shares = regrets.map(({ share }) => share), worst = regrets.toSorted((a, b) => b.share - a.share).slice(0, 5);
  return [
    `Regret of ${regrets.length} choices: median ${formatPercent(quantile(shares, 0.5))}, 90th percentile ` +
    `${formatPercent(quantile(shares, 0.9))}, worst ${formatPercent(Math.max(...shares))}`,
    ...worst.map(({ name, share, chosen, best }) => `  ${formatPercent(share)}: ${name}: ${chosen} instead of ${best}`),
  ].join("\n");
}

/** Lines of cells: methods beside the first one, by the clock and by the model. */
export function describeMethods(methods: readonly MethodSpeed[]): string[][] {
  const [full] = methods;
  return [
    ["", "measured", "predicted", "speed-up measured", "predicted"],
    ...methods.map(({ method, seconds, predictedSeconds }) => [
      method,
      ...[seconds, predictedSeconds].map(formatMilliseconds),
      ...[full.seconds / seconds, full.predictedSeconds / predictedSeconds].map(formatTimes),
    ]),
  ];
}
