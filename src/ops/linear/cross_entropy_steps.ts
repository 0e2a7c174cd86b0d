/**
 * linearCrossEntropy from products, tile by tile: each tile of logits leaves a partial of its rows; where gradients are wanted
 * it is computed again once the partials are whole, becomes the gradient by the logits, and is multiplied by weights and states.
 *
 * @module
 */
import type { CheckedCall, Room, Step, Tensor } from "../../operation.ts";
import { COLUMNS, merge, type Partial } from "../../partial.ts";
import { columnsOf, vector } from "../../tensors.ts";
import { record as crossEntropy } from "../cross_entropy.ts";
import { isDifferentiated } from "./gradients.ts";
import { leaveOut } from "./leave_out.ts";
import { CROSS_ENTROPY_GRADIENT, LEVELS } from "./products.ts";
import { Settlement } from "./settlement.ts";
import { logitsOf, productsOf } from "./tile_products.ts";
import { type Chunk, Tiling } from "./tiling.ts";

/** The steps of a call of linearCrossEntropy. */
export function* linearCrossEntropySteps(call: CheckedCall, room: Room): Generator<Step> {
  const isGradient = isDifferentiated((name) => call.tensors[name] !== undefined);
  const tiling = new Tiling(call, room), settlement = new Settlement(call);
  for (const chunk of tiling.chunks()) {
    let partial: Partial<"crossEntropy"> | undefined;
    for (const { first, classes } of tiling.spans(chunk.rows)) {
      yield { call: logitsOf(call, chunk, first, classes) };
      yield* leaveOut(call, chunk, first, classes);
      const { step, found } = partialOf(call, chunk, first, classes);
      yield { call: step, finish: () => void (partial = partial === undefined ? found : merge(partial, found)) };
    }
    yield "wait";
    if (partial === undefined) throw new Error("A vocabulary without classes was begun");
    settlement.settle(chunk.rows, partial);
    if (!isGradient) continue;
    const levels = vector(settlement.levels(chunk.rows, partial), LEVELS);
    for (const { first, classes } of tiling.spans(chunk.rows)) {
      yield { call: logitsOf(call, chunk, first, classes) };
      yield* leaveOut(call, chunk, first, classes);
      yield { call: gradientOf(call, chunk, first, classes, levels) };
      yield* productsOf(call, chunk, first, classes);
    }
    if (chunk.gradient && tiling.isScattered) {
      yield { read: chunk.gradient, finish: (elements) => tiling.scatter(chunk.rows, elements) };
    }
  }
}

/** What a tile of logits says of its rows. */
function partialOf(call: CheckedCall, chunk: Chunk, first: number, classes: number) {
  const { params, options } = call, rows = chunk.rows.length, { crossEntropy: columns } = COLUMNS;
  const values = new Float64Array(rows * columns);
  const numbers = () => vector(new Float32Array(rows));
  const found: Partial<"crossEntropy"> = { kind: "crossEntropy", rows, values, labelSmoothing: 0 };
  const step: CheckedCall = {
    operation: crossEntropy,
    dims: { rows, vocab: classes },
    tensors: {
      logits: chunk.logits(classes),
      targets: vector(chunk.targets(first, classes)),
      classWeights: classWeightsOf(call, first, classes),
      loss: numbers(),
      logSumExp: numbers(),
      partial: vector(values, columns),
    },
    params: { ...crossEntropy.params, ...only(params, "softcap", "temperature", "confidence", "smoothing") },
    options,
  };
  return { step, found };
}

/** A tile of logits becomes the gradient by them. */
function gradientOf(call: CheckedCall, chunk: Chunk, first: number, classes: number, levels: Tensor): CheckedCall {
  const logits = chunk.logits(classes);
  return {
    operation: CROSS_ENTROPY_GRADIENT,
    dims: { rows: chunk.rows.length, vocab: classes },
    tensors: {
      logits,
      targets: vector(chunk.targets(first, classes)),
      classWeights: classWeightsOf(call, first, classes),
      levels,
      gradient: logits,
    },
    params: only(call.params, "softcap", "temperature", "smoothing"),
    options: call.options,
  };
}

function classWeightsOf({ tensors }: CheckedCall, first: number, classes: number): Tensor | undefined {
  const weights = tensors.classWeights as Tensor | undefined;
  return weights && columnsOf(weights, first, classes);
}

function only(params: CheckedCall["params"], ...names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, params[name]]));
}
