/**
 * linearKlDivergence from products, tile by tile: a tile of each head's logits leaves a partial of their rows; where gradients
 * are wanted both are computed again once the partials are whole, the student's becomes the gradient by its logits, and is
 * multiplied by weights and states.
 *
 * Of a run of classes that a head lacks there are no products: its logits are −∞.
 *
 * @module
 */
import type { AnyTensor, CheckedCall, Room, Step, Tensor } from "../../operation.ts";
import { COLUMNS, finish, merge, type Partial } from "../../partial.ts";
import { rowsOf, vector } from "../../tensors.ts";
import { record as klDivergence } from "../kl_divergence.ts";
import { isDifferentiated } from "./gradients.ts";
import { DIVERGENCE_LEVELS, inTwo, KL_DIVERGENCE_GRADIENT, multiply, PRODUCT_NN } from "./products.ts";
import { logitsOf, productsOf } from "./tile_products.ts";
import { type Part, type Span, TEACHER, Tiling } from "./tiling.ts";

/** The steps of a call of linearKlDivergence. */
export function* linearKlDivergenceSteps(call: CheckedCall, room: Room): Generator<Step> {
  const isGradient = isDifferentiated((name) => call.tensors[name] !== undefined);
  const tiling = new Tiling(call, room, [TEACHER]);
  for (const chunk of tiling.chunks()) {
    const [teacher] = chunk.others, rows = chunk.rows.length;
    let partial: Partial<"klDivergence"> | undefined;
    for (const span of tiling.spans()) {
      yield* logitsOfBoth(call, [teacher, chunk], span);
      const { step, found } = partialOf(call, rows, tileOf(call, teacher, span, rows), tileOf(call, chunk, span, rows));
      yield { call: step, finish: () => void (partial = partial === undefined ? found : merge(partial, found)) };
    }
    yield "wait";
    if (partial === undefined) throw new Error("A vocabulary without classes was begun");
    const divergences = finish(partial).divergence;
    (call.tensors.divergence as Tensor).data.set(divergences, chunk.rows[0]);
    if (!isGradient) continue;
    const levels = vector(levelsOf(call, chunk.rows, partial, divergences), DIVERGENCE_LEVELS);
    for (const span of tiling.spans()) {
      if (!hasClasses(call, chunk, span)) continue;
      yield* logitsOfBoth(call, [teacher, chunk], span);
      yield { call: gradientOf(call, rows, tileOf(call, teacher, span, rows), chunk.logits(span.classes), levels) };
      yield* productsOf(call, chunk, span.first, span.classes);
    }
    if (chunk.gradient && tiling.isScattered) {
      yield { read: chunk.gradient, finish: (elements) => tiling.scatter(chunk.rows, elements) };
    }
  }
  for (const span of tiling.padding()) yield* cleared(call, span);
}

function hasClasses({ tensors }: CheckedCall, { head }: Part, { first }: Span): boolean {
  return first < (tensors[head.weight] as AnyTensor).rows;
}

function* logitsOfBoth(call: CheckedCall, parts: readonly Part[], span: Span): Generator<Step> {
  for (const part of parts) {
    if (hasClasses(call, part, span)) yield { call: logitsOf(call, part, span.first, span.classes) };
  }
}

/** A head's logits of some classes, which are −∞ where it lacks them. */
function tileOf(call: CheckedCall, part: Part, span: Span, rows: number): AnyTensor {
  if (hasClasses(call, part, span)) return part.logits(span.classes);
  return { ...vector(new Float32Array(span.classes).fill(-Infinity), span.classes), rows, rowStride: 0 };
}

/** What a tile of both heads' logits says of its rows. */
function partialOf({ params, options }: CheckedCall, rows: number, p: AnyTensor, q: AnyTensor) {
  const { klDivergence: columns } = COLUMNS, { softcap, temperature } = params;
  const values = new Float64Array(rows * columns);
  const found: Partial<"klDivergence"> = { kind: "klDivergence", rows, values, labelSmoothing: 0 };
  const step: CheckedCall = {
    operation: klDivergence,
    dims: { rows, vocab: q.columns },
    tensors: { p, q, divergence: vector(new Float32Array(rows)), partial: vector(values, columns) },
    params: { ...klDivergence.params, softcap, temperature },
    options,
  };
  return { step, found };
}

/** The student's tile becomes the gradient by its logits. */
function gradientOf({ params, options }: CheckedCall, rows: number, p: AnyTensor, q: AnyTensor, levels: Tensor) {
  const { softcap, temperature } = params;
  return {
    operation: KL_DIVERGENCE_GRADIENT,
    dims: { rows, vocab: q.columns },
    tensors: { p, q, levels, gradient: q },
    params: { ...KL_DIVERGENCE_GRADIENT.params, softcap, temperature },
    options,
  };
}

/** `levels` of some rows, as {@link KL_DIVERGENCE_GRADIENT} has them: NaN where there is no divergence. */
function levelsOf(
  { params, tensors }: CheckedCall,
  rows: readonly number[],
  { values }: Partial<"klDivergence">,
  divergences: Float64Array,
): Float32Array {
  const scales = tensors.gradientScale as Tensor | undefined,
    levels = new Float32Array(DIVERGENCE_LEVELS * rows.length);
  rows.forEach((row, i) => {
    const [maxP, sumP, maxQ, sumQ, , gap] = values.subarray(COLUMNS.klDivergence * i);
    const k = Number.isNaN(divergences[i]) ? NaN : params.scale * (scales?.data[row] ?? 1);
    levels.set([...inTwo(maxP), ...inTwo(maxQ), ...inTwo(gap), k / sumP, k / sumQ], DIVERGENCE_LEVELS * i);
  });
  return levels;
}

/** Weights that take no part have gradient 0. */
function* cleared({ tensors, options }: CheckedCall, { first, classes }: Span): Generator<Step> {
  const { gradientWeight } = tensors;
  if (gradientWeight === undefined) return;
  const product = rowsOf(gradientWeight, first, classes), { columns } = gradientWeight;
  const left = vector(new Float32Array(classes)), right = vector(new Float32Array(columns), columns);
  yield { call: multiply(PRODUCT_NN, { left, right, product }, options) };
}
